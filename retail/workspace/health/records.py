"""JSON files and databases outside the runs: is each what it says, and can it be made again?

In: the home folder. Out: findings. What can be made again is deleted or made at once, the rest is told.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from functools import partial
from pathlib import Path

from retail.dataset.columns import DATASET, datasets_folder, read_pointer
from retail.files import home
from retail.recognizer.bundle import read_record
from retail.schema import UserError
from retail.wording import number_of
from retail.workspace import datasets, jobs
from retail.workspace.health.finding import Finding, size_of
from retail.workspace.health.runs import is_json
from retail.workspace.health.taking_away import taking_away
from retail.workspace.recognizers import RUN_BUNDLES, bundles_in, imported_folder

# Patterns of what is made again when it is needed.
MADE_AGAIN = ("scores/*.json", "graphs/*.json", "graphs/encoders/*.json", "speed.json", "catalogues/chosen-*.json")


def unreadable_caches() -> Iterator[Finding]:
    """Small records that save time."""
    found = [path for pattern in MADE_AGAIN for path in sorted(home().glob(pattern)) if not is_json(path)]
    if found:
        words = number_of(len(found), "small file that saves time is", "small files that save time are")
        yield Finding(
            "damaged", f"{words} damaged; deleted, they are made again.", tuple(found), size_of(found),
            taking_away(found, seconds=0),
        )  # fmt: skip


def unreadable_datasets() -> Iterator[Finding]:
    """Descriptions of data sets; what they describe is untouched."""
    for path in sorted(datasets_folder().glob(f"*/{DATASET}")):
        if is_described(path.parent):
            continue
        name = path.parent.name
        if (path.parent / datasets.KEPT).is_dir():
            words = (
                f"The description of the data set {name} is damaged; its files are read anew, without what was decided."
            )
            yield Finding("damaged", words, (path,), 0, partial(_describe_again, path.parent))
        else:
            words = f"The data set {name} pointed at a folder of yours, and where is lost; add the folder again."
            yield Finding("damaged", words, (path,), 0, taking_away([path.parent], seconds=0))


def datasets_without_their_data() -> Iterator[Finding]:
    """The folders of users that data sets point at, and that are gone."""
    for dataset in datasets.list_datasets()[1:]:
        pointer = read_pointer(dataset.path)
        if pointer is not None and not (dataset.path / pointer.metadata).exists():
            words = f"{pointer.metadata}, the data of “{dataset.name}”, is gone; bring it back, or delete the data set."
            yield Finding("gone", words, (dataset.path,))


def unreadable_recognisers() -> Iterator[Finding]:
    """Recognisers of runs and imported ones."""
    folders = [*bundles_in(imported_folder())]
    for job in jobs.list_jobs():
        folders += bundles_in(job.folder / RUN_BUNDLES)
    for folder in folders:
        try:
            read_record(folder)
        except UserError as error:
            yield Finding("damaged", str(error), (folder,))


def unreadable_databases() -> Iterator[Finding]:
    """The history of runs is only a copy of their folders; what people said exists once."""
    history, said = home() / "runs.sqlite", home() / "corrections" / "corrections.sqlite"
    if not is_whole_database(history):
        paths = list(home().glob("runs.sqlite*"))
        words = "The list of runs is damaged; it is made again from their folders."
        yield Finding("damaged", words, tuple(paths), 0, taking_away(paths, seconds=0))
    if not is_whole_database(said):
        yield Finding("damaged", f"{said} is damaged; put back a copy of it, or move it away.", (said,))


def is_described(folder: Path) -> bool:
    """Whether somebody can read what a data set is."""
    try:
        read_pointer(folder)
        return True
    except UserError:
        return False


def is_whole_database(path: Path) -> bool:
    """Whether SQLite finds nothing wrong; one that is not there, or locked now, does no harm."""
    if not path.is_file():
        return True
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=5)) as base:
            return base.execute("PRAGMA quick_check(1)").fetchone()[0] == "ok"
    except sqlite3.OperationalError:
        return True
    except sqlite3.DatabaseError:
        return False


def _describe_again(folder: Path) -> None:
    with suppress(UserError, OSError):  # then it is found again, and its owner decides
        datasets.describe_again(folder)
