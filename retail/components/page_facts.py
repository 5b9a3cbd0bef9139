"""What the router knows of a page before it runs: its title, its icon and its place.

In: a page's file. Out: TITLE, ICON and ORDER as it assigns them.
"""

from __future__ import annotations

import ast
from functools import lru_cache
from pathlib import Path
from typing import Any


@lru_cache(maxsize=64)
def page_facts(path: Path, changed: float) -> dict[str, Any]:
    """Read without running it, and again once its time stamp, `changed`, is another."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assigned = [node for node in tree.body if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)]
    names = {node.targets[0].id: node.value for node in assigned if isinstance(node.targets[0], ast.Name)}
    return {name: ast.literal_eval(names[name]) for name in ("TITLE", "ICON", "ORDER")}
