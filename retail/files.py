"""Folders and files: what ships, what this machine keeps, and writing that happens whole or not at all.

In: nothing, or a path. Out: the home folder, the shipped data, `whole_file`, `whole_folder` and `write_json` to write
with. No torch.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from retail.schema import UserError

DATA_DIR = Path(__file__).resolve().parent.parent / "data"


DEMO_DIR = DATA_DIR / "demo"


DEMO_BUNDLE = DATA_DIR / "demo_bundle"


DEMO_RESULTS = DATA_DIR / "demo_results.json"


DEMO_TASKS = ("product", "category", "packaging", "brand")


def home() -> Path:
    """Folder for caches and runs: `RETAIL_HOME`, or `.retail` in the user's home."""
    return Path(os.environ.get("RETAIL_HOME") or Path.home() / ".retail")


def on_this_machine(typed: Path) -> Path:
    """A path as somebody typed it, with ~ meant; raises UserError when nothing is there."""
    try:
        path = typed.expanduser()
        path.stat()
        return path
    except (OSError, RuntimeError):  # also a name that is too long, and ~ of nobody
        raise UserError(f"{typed} does not exist on this machine; name a folder, a ZIP or a CSV table.") from None


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Gives a path to write to; the file appears under its own name when the block ends well, or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = _partial(path)
    try:
        yield partial
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Gives an empty folder to fill; it takes the place of what stood there if the block ends well."""
    partial = _partial(path)
    partial.mkdir(parents=True)
    try:
        yield partial
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    shutil.rmtree(path, ignore_errors=True)
    partial.replace(path)


def write_json(path: Path, value: Any) -> None:
    """Whole or not at all: a reader never sees half a file."""
    text = json.dumps(without_nan(value), ensure_ascii=False, allow_nan=False) + "\n"
    with whole_file(path) as partial:
        partial.write_text(text, encoding="utf-8")


def without_nan(value: Any) -> Any:
    """JSON has no NaN: a score that could not be computed is null."""
    if isinstance(value, dict):
        return {key: without_nan(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [without_nan(inner) for inner in value]
    return None if isinstance(value, float) and math.isnan(value) else value


def _partial(path: Path) -> Path:
    """A name of its own: two sessions may write the same thing at once."""
    return path.with_name(f"{path.name}.{uuid.uuid4().hex[:8]}.part")
