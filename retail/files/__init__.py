"""Folders and files: what ships, what this machine keeps, and writing that happens whole or not at all.

In: nothing, or a path. Out: the home folder, the shipped data, `whole_file` and `whole_folder` to write with. No torch.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from retail.files.whole import whole_file, whole_file_in_folder, whole_folder
from retail.schema import UserError

__all__ = ["home", "on_this_machine", "or_shipped", "whole_file", "whole_file_in_folder", "whole_folder"]

PACKAGE = Path(__file__).resolve().parents[1]
# What ships beside the package: in a checkout it lies beside the package, a wheel carries it inside.
ROOT = PACKAGE / "shipped" if (PACKAGE / "shipped").is_dir() else PACKAGE.parent
APP = ROOT / "streamlit_app.py"
PAGES = PACKAGE / "pages"
STANDALONE = PACKAGE / "export" / "standalone"  # what `retail export` copies beside the graphs
DATA_DIR = ROOT / "data"
DEMO_DIR = DATA_DIR / "demo"
DEMO_BUNDLE = DATA_DIR / "demo_bundle"
DEMO_RESULTS = DATA_DIR / "demo_results.json"
DEMO_TASKS = ("product", "category", "packaging", "brand")
GROCERIES_BUNDLE = DATA_DIR / "groceries_bundle"
GROCERIES_NAME = "Groceries (81 real products)"  # the recogniser, and the catalogue that it answers together with
GROCERIES_CATALOGUE = DATA_DIR / "groceries_catalogue"  # names, words and spoken names; no photo
GROCERIES_EXAMPLES = DATA_DIR / "groceries_examples"
# What a user types -> what ships: as DATA, as BUNDLE and as RESULTS.
SHIPPED_DATA = {"demo": DEMO_DIR, "groceries": GROCERIES_CATALOGUE}
SHIPPED_BUNDLES = {"demo": DEMO_BUNDLE, "groceries": GROCERIES_BUNDLE}
SHIPPED_RESULTS = {"demo": DEMO_RESULTS}
SHIPPED_CATALOGUES = {GROCERIES_NAME: GROCERIES_CATALOGUE}  # by the name of the catalogue


def home() -> Path:
    """Folder for caches and runs: `RETAIL_HOME`, or `.retail` in the user's home."""
    return Path(os.environ.get("RETAIL_HOME") or Path.home() / ".retail")


def or_shipped(typed: str | Path, shipped: Mapping[str, Path]) -> Path:
    """The path that somebody typed; a word such as `demo` means what ships, unless something of that name lies here."""
    return Path(typed) if Path(typed).exists() else shipped.get(str(typed), Path(typed))


def on_this_machine(typed: Path) -> Path:
    """A path as somebody typed it, with ~ meant; raises UserError when nothing is there."""
    try:
        path = typed.expanduser()
        path.stat()
        return path
    except (OSError, RuntimeError):  # also a name that is too long, and ~ of nobody
        raise UserError(f"{typed} does not exist on this machine; name a folder, a ZIP or a CSV table.") from None


def note_use(path: Path) -> None:
    """Moves its time stamp on: by that, clean-up knows what nobody asked for in a long time."""
    with suppress(OSError):
        os.utime(path)
