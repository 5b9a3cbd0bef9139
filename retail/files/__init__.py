"""Folders and files: what ships, what this machine keeps, and writing that happens whole or not at all.

In: nothing, or a path. Out: the home folder, the shipped data, `whole_file` and `whole_folder` to write with, and
checked records and other JSON to and from disk. No torch.
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
from typing import TYPE_CHECKING, Any, TypeVar

from retail.schema import UserError
from retail.system import patiently

if TYPE_CHECKING:
    from pydantic import BaseModel

Record = TypeVar("Record", bound="BaseModel")

PACKAGE = Path(__file__).resolve().parents[1]
# What ships beside the package: in a checkout it lies beside the package, a wheel carries it inside.
ROOT = PACKAGE / "shipped" if (PACKAGE / "shipped").is_dir() else PACKAGE.parent
APP = ROOT / "streamlit_app.py"
PAGES = PACKAGE / "pages"
DATA_DIR = ROOT / "data"
DEMO_DIR = DATA_DIR / "demo"
DEMO_BUNDLE = DATA_DIR / "demo_bundle"
DEMO_RESULTS = DATA_DIR / "demo_results.json"
DEMO = "demo"  # what a user types for any of these three
DEMO_TASKS = ("product", "category", "packaging", "brand")


def home() -> Path:
    """Folder for caches and runs: `RETAIL_HOME`, or `.retail` in the user's home."""
    return Path(os.environ.get("RETAIL_HOME") or Path.home() / ".retail")


def or_demo(typed: str | Path, shipped: Path) -> Path:
    """The path that somebody typed; the word `demo` means what ships, unless something of that name lies here."""
    return shipped if str(typed) == DEMO and not Path(typed).exists() else Path(typed)


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
    with whole_file_in_folder(path) as partial:
        yield partial


@contextmanager
def whole_file_in_folder(path: Path) -> Iterator[Path]:
    """Like `whole_file`, but makes no folder: raises FileNotFoundError when it is gone."""
    partial = _partial(path)
    try:
        yield partial
        patiently(lambda: partial.replace(path))
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


def write_record(path: Path, record: BaseModel) -> None:
    """As one line of JSON; a number that is none (NaN) becomes null."""
    with whole_file(path) as partial:
        partial.write_text(record.model_dump_json() + "\n", encoding="utf-8")


def read_record(path: Path, kind: type[Record]) -> Record:
    """The record in a file; raises UserError for a file that is missing, damaged or of another kind."""
    from pydantic import ValidationError

    try:
        return kind.model_validate_json(path.read_bytes())
    except OSError as error:
        raise UserError(f"{path.name} cannot be read ({error.strerror}); name a file that exists.") from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"])) or "the file"
        expected = kind.model_fields["format"].default
        raise UserError(
            f"{path.name} is no whole file of the format {expected} ({place}: {first['msg']}); make it again."
        ) from None


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
