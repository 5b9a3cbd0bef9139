"""Which catalogue a recogniser answers with: kept for each recogniser, until somebody chooses another.

In: the folder of a bundle. Out: the name of a catalogue. No torch and no database.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import ClassVar, Literal

from retail.files import DATA_DIR, GROCERIES_BUNDLE, GROCERIES_NAME, home
from retail.files.record import FileRecord
from retail.schema import UserError

OWN = "Products you added"  # what a recogniser answers with where nobody chose
SHIPPED = {GROCERIES_BUNDLE: GROCERIES_NAME}  # recognisers that come with a catalogue


class Choice(FileRecord):
    """One file a recogniser, so that two sessions that choose for two never write over one another."""

    remedy: ClassVar[str] = "choose the catalogue again"
    format: Literal["retail-catalogue-choice-1"] = "retail-catalogue-choice-1"
    catalogue: str


def catalogue_of(bundle: Path) -> str:
    """The chosen catalogue; the one that ships with the recogniser, or else that of one's own products."""
    try:
        return Choice.read(_file(bundle)).catalogue
    except UserError:
        return usual(bundle)


def usual(bundle: Path) -> str:
    """What a recogniser answers with before anybody has chosen."""
    return SHIPPED.get(bundle, OWN)


def choose(bundle: Path, name: str) -> None:
    """From now on this recogniser answers with this catalogue."""
    Choice(catalogue=name).write(_file(bundle))


def follow(name: str, new: str) -> None:
    """Recognisers that answer with a catalogue answer with it under its new name."""
    for file in _files_of(name):
        Choice(catalogue=new).write(file)


def forget(name: str) -> None:
    """Recognisers that answer with a catalogue answer with their usual one again."""
    for file in _files_of(name):
        file.unlink(missing_ok=True)


def _files_of(name: str) -> list[Path]:
    return [file for file in (home() / "catalogues").glob("chosen-*.json") if _chosen_in(file) == name]


def _chosen_in(file: Path) -> str:
    try:
        return Choice.read(file).catalogue
    except UserError:
        return ""


def _file(bundle: Path) -> Path:
    return home() / "catalogues" / f"chosen-{hashlib.sha256(_place(bundle).encode()).hexdigest()[:16]}.json"


def _place(bundle: Path) -> str:
    """The same after an update of the package and after the home folder has moved."""
    path = bundle.absolute()
    for root, word in ((DATA_DIR, "shipped"), (home(), "home")):
        if path.is_relative_to(root.absolute()):
            return f"{word}/{path.relative_to(root.absolute()).as_posix()}"
    return path.as_posix()
