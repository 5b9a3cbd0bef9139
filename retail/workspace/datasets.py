"""Data sets kept by name: the demo first, then what was uploaded or named as a folder on this machine.

In: bytes of a ZIP or CSV, or a path. Out: a `Dataset`, whose path every command takes as DATA. Files of an upload are
kept under the home folder; a folder of yours is only pointed at and never written to.
"""

from __future__ import annotations

import csv
import io
import re
import shutil
import time
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from retail.dataset.archive import extract
from retail.dataset.columns import (
    AUDIO,
    DATASET,
    GROUP,
    IMAGE,
    METADATA,
    NONE,
    ROLES,
    Columns,
    Pointer,
    datasets_folder,
    find_table,
    read_pointer,
    suggest,
    write_pointer,
)
from retail.dataset.manifest import read_table
from retail.files import DEMO_DIR, on_this_machine, whole_folder
from retail.schema import UserError

DEMO_NAME = "Demo products"
TABLES = ("csv", "tsv", "txt")
TEMPLATE_COLUMNS = ("id", IMAGE, AUDIO, "text", "product", "category", "split", "group")
TEMPLATE_ROWS = 3


@dataclass(frozen=True)
class Dataset:
    """A data set by name; `path` is what the commands take."""

    id: str
    name: str
    path: Path

    @property
    def is_demo(self) -> bool:
        """The demo can be neither renamed nor deleted."""
        return self.id == "demo"

    @property
    def columns(self) -> Columns:
        """How its columns are meant."""
        pointer = None if self.is_demo else read_pointer(self.path)
        return pointer.columns if pointer else Columns()

    @property
    def table(self) -> Path:
        """Its CSV file."""
        pointer = None if self.is_demo else read_pointer(self.path)
        return self.path / (pointer.metadata if pointer else METADATA)

    @property
    def changed(self) -> float:
        """Moves on whenever the table or the meaning of its columns changes; 0 when the table is gone."""
        files = [self.table, self.path / DATASET]
        return max((path.stat().st_mtime for path in files if path.is_file()), default=0.0)


def list_datasets() -> list[Dataset]:
    """The demo, then the others in the order in which they were added; a damaged one is left out."""
    found: list[tuple[float, Dataset]] = []
    for path in datasets_folder().glob(f"*/{DATASET}"):
        try:
            pointer = read_pointer(path.parent)
        except UserError:
            continue
        if pointer:  # else it was deleted in this moment
            found.append((pointer.added, Dataset(path.parent.name, pointer.name, path.parent)))
    return [Dataset("demo", DEMO_NAME, DEMO_DIR), *(dataset for _, dataset in sorted(found, key=lambda pair: pair[0]))]


def find(dataset_id: str) -> Dataset | None:
    """The data set of this id, None when there is none."""
    return next((dataset for dataset in list_datasets() if dataset.id == dataset_id), None)


def add_upload(name: str, file_name: str, content: bytes) -> Dataset:
    """Keeps an uploaded ZIP or table; raises UserError when it is neither, or holds no table."""
    ending = file_name.rpartition(".")[2].lower()
    folder = _new_folder(name)
    with whole_folder(folder) as partial:
        files, notes = partial / "files", []
        if ending == "zip":
            upload = partial / file_name_of(file_name)
            upload.write_bytes(content)
            notes = extract(upload, files)
            upload.unlink()
        elif ending in TABLES:
            files.mkdir()
            (files / METADATA).write_bytes(content)
        else:
            raise UserError(f"{file_name} is not a data set; upload a ZIP with a table and its files, or a CSV table.")
        _describe(partial, name, files, tuple(notes))
    return Dataset(folder.name, name.strip(), folder)


def add_folder(name: str, path: Path) -> Dataset:
    """Points at a folder or a table on this machine; a ZIP is unpacked like an upload. Raises UserError."""
    path = on_this_machine(path)
    if path.suffix.lower() == ".zip":
        return add_upload(name, path.name, path.read_bytes())
    folder = _new_folder(name)
    with whole_folder(folder) as partial:
        _describe(partial, name, path.resolve(), ())
    return Dataset(folder.name, name.strip(), folder)


def rename(dataset: Dataset, name: str) -> Dataset:
    """Another name; the id, and so every run's reference, stays."""
    pointer = _own(dataset)
    if not name.strip():
        raise UserError("A data set needs a name; type one.")
    write_pointer(dataset.path, pointer.model_copy(update={"name": name.strip()}))
    return replace(dataset, name=name.strip())


def delete(dataset: Dataset) -> None:
    """Removes what was kept; a folder that was only pointed at stays."""
    _own(dataset)
    shutil.rmtree(dataset.path)


def set_columns(dataset: Dataset, columns: Columns) -> None:
    """Says what the columns hold; raises UserError for a column that the table lacks, or with two meanings."""
    pointer = _own(dataset)
    header, _ = read_table(dataset.table)
    columns.renamed(header)
    _check_meanings(columns, header)
    write_pointer(dataset.path, pointer.model_copy(update={"columns": columns}))


def file_name_of(name: str) -> str:
    """A name that leads nowhere else."""
    return re.sub(r"[^\w.-]+", "-", Path(name).name, flags=re.ASCII).strip("-.") or "file"


@cache
def template_csv() -> str:
    """A table in the convention with a few rows of the demo."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, TEMPLATE_COLUMNS, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(_template_rows())
    return stream.getvalue()


@cache
def template_zip() -> bytes:
    """The same with its photos and sounds: a whole data set to copy from."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(METADATA, template_csv())
        for row in _template_rows():
            for name in (row[IMAGE], row[AUDIO]):
                archive.write(DEMO_DIR / name, name)
    return stream.getvalue()


def _template_rows() -> list[dict[str, str]]:
    with (DEMO_DIR / METADATA).open(newline="", encoding="utf-8") as stream:
        rows = [row for row in csv.DictReader(stream) if row[IMAGE] and row[AUDIO] and row["text"]]
    by_product = {row["product"]: row for row in reversed(rows)}
    return list(by_product.values())[:TEMPLATE_ROWS]


def _new_folder(name: str) -> Path:
    if not name.strip():
        raise UserError("A data set needs a name; type one.")
    base = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40] or "data"
    taken = {path.name for path in datasets_folder().glob("*")} | {"demo"}
    number = next(n for n in range(1, len(taken) + 2) if (base if n == 1 else f"{base}-{n}") not in taken)
    return datasets_folder() / (base if number == 1 else f"{base}-{number}")


def _check_meanings(columns: Columns, header: Sequence[str]) -> None:
    """Raises UserError where no table could be read that way: each column has one meaning."""
    column_of = {role: getattr(columns, role) or name for role, name in ROLES.items() if role != "group"}
    inputs = [column for role, column in column_of.items() if role != "split"]
    if copied := [task for task in columns.tasks if task in inputs]:
        raise UserError(
            f"Column {copied[0]!r} is both an input and a task, so a model would only copy it; choose another "
            "column to learn."
        )
    groups = columns.groups or (GROUP,) * (columns.group != NONE)
    chosen = [*column_of.values(), *groups, *columns.tasks]
    if twice := [name for name in header if chosen.count(name) > 1]:
        raise UserError(f"Column {twice[0]!r} is chosen twice; choose a different column for each.")
    if taken := [task for task in columns.tasks if task in ROLES.values()]:
        raise UserError(f"Column {taken[0]!r} has a reserved name; rename it in the table to learn it.")


def _describe(folder: Path, name: str, source: Path, notes: tuple[str, ...]) -> None:
    """Finds the table, guesses its columns and writes the JSON."""
    table = source if source.is_file() else find_table(source.rglob("*"), source)
    if table is None:
        raise UserError(
            f"There is no {METADATA} and no other CSV table in the data; add one, or start from the template."
        )
    header, rows = read_table(table)
    inside = table.is_relative_to(folder)
    place = str(table.relative_to(folder)) if inside else str(table)
    guess = suggest(header, list(rows.values()))
    # Where the convention is followed, nothing needs saying; a guess of the tasks is the manifest's own.
    guess = replace(guess, tasks=()) if guess == Columns(tasks=guess.tasks) else guess
    pointer = Pointer(name=name.strip(), metadata=place, columns=guess, notes=notes, added=time.time())
    write_pointer(folder, pointer)


def _own(dataset: Dataset) -> Pointer:
    pointer = None if dataset.is_demo else read_pointer(dataset.path)
    if pointer is None:
        raise UserError(f"{dataset.name} is built in and cannot be changed; add a data set of your own.")
    return pointer
