"""The results file of a comparison: the only place that knows its keys.

In: a path or results. Out: results, and the rows that readers ask for.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from retail.files import DEMO_RESULTS, or_demo
from retail.schema import UserError

FORMAT = "retail-results/1"


def read_results(path: Path) -> dict[str, Any]:
    """A results file; raises UserError when it is none."""
    path = or_demo(path, DEMO_RESULTS)
    try:
        results = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise UserError(f"{path} cannot be read as JSON; name a file that 'compare --out' has written.") from None
    found = results.get("format") if isinstance(results, dict) else None
    if found != FORMAT:
        raise UserError(f"{path} holds format {found!r}, but a report needs {FORMAT!r}; run 'compare' again.")
    return results


def titles(results: Mapping[str, Any]) -> dict[str, str]:
    """{model: its title}."""
    return {model["model"]: model["title"] for model in results["models"]}


def mean_scores(results: Mapping[str, Any], task: str) -> dict[str, dict[str, Any]]:
    """{model: its test scores over all seeds}."""
    return {row["model"]: row for row in results["scores"] if row["task"] == task and row["seed"] is None}
