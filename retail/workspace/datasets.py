"""Data sets kept by name: the demo first, then what was uploaded or named as a folder on this machine.

In: bytes of a ZIP, a table or photos and sounds, or a path. Out: a `Dataset`, whose path every command takes as DATA.
Files of an upload are kept under the home folder; a folder of yours is only pointed at and never written to.
"""

from __future__ import annotations

import csv
import io
import re
import shutil
import time
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from retail.dataset.columns import (
    AUDIO,
    DATASET,
    GROUP,
    IMAGE,
    METADATA,
    NONE,
    ROLES,
    TEXT,
    Columns,
    Pointer,
    datasets_folder,
    read_pointer,
    write_pointer,
)
from retail.dataset.decisions import check_original, decided
from retail.dataset.manifest import Manifest
from retail.dataset.places.archive import extract
from retail.dataset.reader import read_manifest, read_rows
from retail.dataset.rows import roles_of, rows_of
from retail.dataset.source import changed, media_kind, open_source
from retail.dataset.tables import TABLE_ENDINGS
from retail.escaping import no_device
from retail.files import DEMO_DIR, on_this_machine, whole_folder
from retail.schema import UserError

DEMO_NAME = "Demo products"
TEMPLATE_COLUMNS = ("id", IMAGE, AUDIO, "text", "product", "category", "split", "group")
TEMPLATE_ROWS = 3
KEPT = "files"  # in the folder of a data set: what was uploaded


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
    def changed(self) -> float:
        """Moves on whenever a table or the meaning of its columns changes."""
        return changed(self.path)


def list_datasets() -> list[Dataset]:
    """The demo, then the others in the order in which they were added; a damaged one is left out."""
    found: list[tuple[float, Dataset]] = []
    for path in datasets_folder().glob(f"*/{DATASET}"):
        if path.parent.name.endswith(".part"):  # not finished
            continue
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
    """Keeps an uploaded ZIP or table; raises UserError when it is neither, or holds nothing to read."""
    return add_files(name, [(file_name, content)])


def add_files(name: str, files: Sequence[tuple[str, bytes]]) -> Dataset:
    """Keeps a ZIP, a table, photos and sounds, or a table with its files; raises UserError for anything else."""
    folder = _new_folder(name)
    with whole_folder(folder) as partial:
        kept, notes = partial / KEPT, []
        zips = [one for one in files if one[0].lower().endswith(".zip")]
        if zips and len(files) > 1:
            raise UserError(
                f"{zips[0][0]} is a ZIP, and one ZIP is added at a time; add the other files by themselves."
            )
        if zips:
            upload = partial / file_name_of(zips[0][0])
            upload.write_bytes(zips[0][1])
            notes = extract(upload, kept)
            upload.unlink()
        else:
            write_files(kept, files)
        single = len(files) == 1 and not zips
        _describe(partial, name, next(kept.iterdir()) if single else kept, tuple(notes))
    return Dataset(folder.name, name.strip(), folder)


def usual_name(files: Sequence[str]) -> str:
    """What uploaded files are called together where nobody says: as the table or ZIP among them."""
    told = next((name for name in files if not media_kind(name)), files[0] if len(files) == 1 else "")
    return Path(told).stem or f"{len(files):,} files"


def write_files(folder: Path, files: Iterable[tuple[str, bytes]]) -> None:
    """Tables, photos and sounds under their own names; raises UserError for a file that is none of these."""
    folder.mkdir(parents=True)
    for name, content in files:
        if not media_kind(name) and not name.lower().endswith(TABLE_ENDINGS):
            raise UserError(
                f"{name} is not a data set; upload a ZIP, a table (CSV, Excel, JSON Lines or Parquet), or photos and "
                "sounds."
            )
        path = folder / (Path(name.replace("\\", "/")).name or "file")
        if path.exists():
            raise UserError(f"Two of the files are called {path.name}; rename one, or pack them into a ZIP.")
        try:
            path.write_bytes(content)
        except (OSError, ValueError):
            raise UserError(f"{name!r} cannot be kept under this name; rename the file.") from None


def add_folder(name: str, path: Path) -> Dataset:
    """Points at a folder or a table on this machine; a ZIP is unpacked like an upload. Raises UserError."""
    path = on_this_machine(path)
    if path.suffix.lower() == ".zip":
        return add_upload(name, path.name, path.read_bytes())
    folder = _new_folder(name)
    with whole_folder(folder) as partial:
        _describe(partial, name, path.resolve(), ())
    return Dataset(folder.name, name.strip(), folder)


def describe_again(folder: Path) -> None:
    """Reads an upload anew whose description is lost, with its decisions; raises UserError where nothing was kept."""
    if not (folder / KEPT).is_dir():
        raise UserError(f"{folder.name} only pointed at a folder of yours; add that again.")
    _describe(folder, folder.name, folder / KEPT, ())


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
    check_original(pointer)
    header = read_rows(dataset.path).header
    columns.renamed(header)
    _check_meanings(columns, header)
    write_pointer(dataset.path, pointer.model_copy(update={"columns": columns}))


def decide(dataset: Dataset, decisions: Iterable[str], manifest: Manifest | None = None) -> None:
    """Keeps what was decided of label columns and rows, each as `check --decide` takes it; raises UserError.

    A `manifest` that is at hand need not be read again.
    """
    read = (lambda: manifest) if manifest else (lambda: read_manifest(dataset.path))
    write_pointer(dataset.path, decided(_own(dataset), decisions, read_rows(dataset.path).header, read))


def file_name_of(name: str) -> str:
    """A name that leads nowhere else."""
    return no_device(re.sub(r"[^\w.-]+", "-", Path(name).name, flags=re.ASCII).strip("-.") or "file")


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
    base = no_device(re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40] or "data")
    taken = {path.name for path in datasets_folder().glob("*")} | {"demo"}
    number = next(n for n in range(1, len(taken) + 2) if (base if n == 1 else f"{base}-{n}") not in taken)
    return datasets_folder() / (base if number == 1 else f"{base}-{number}")


def _check_meanings(columns: Columns, header: Sequence[str]) -> None:
    """Raises UserError where no table could be read that way: each column has one meaning."""
    column_of = {role: getattr(columns, role) or name for role, name in ROLES.items() if role not in ("text", "group")}
    texts = columns.texts or (TEXT,) * (columns.text != NONE)
    inputs = [*texts, *(column for role, column in column_of.items() if role != "split")]
    if copied := [task for task in columns.tasks if task in inputs]:
        raise UserError(
            f"Column {copied[0]!r} is both an input and a question, so a model would only copy it; choose another "
            "column to learn."
        )
    groups = columns.groups or (GROUP,) * (columns.group != NONE)
    chosen = [*column_of.values(), *texts, *groups, *columns.tasks]
    if twice := [name for name in header if chosen.count(name) > 1]:
        raise UserError(f"Column {twice[0]!r} is chosen twice; choose a different column for each.")
    if taken := [task for task in columns.tasks if task in ROLES.values()]:
        raise UserError(f"Column {taken[0]!r} has a reserved name; rename it in the table to learn it.")


def _describe(folder: Path, name: str, data: Path, notes: tuple[str, ...]) -> None:
    """Looks what lies there, guesses its columns and writes the JSON; raises UserError where nothing can be read."""
    found = open_source(data, called=name.strip())
    if found.pointer:  # a folder of one's own with decisions beside it
        columns, labels, rows = found.pointer.columns, found.pointer.labels, found.pointer.rows
    else:
        columns, labels, rows = roles_of(rows_of(found)), {}, {}

    def placed(path: Path) -> str:
        return str(path.relative_to(folder)) if path.is_relative_to(folder) else str(path)

    pointer = Pointer(
        name=name.strip(),
        metadata=placed(data),
        columns=columns,
        notes=notes,
        added=time.time(),
        labels=labels,
        rows=rows,
        tables=tuple(placed(table) for table in found.tables),
    )
    write_pointer(folder, pointer)


def _own(dataset: Dataset) -> Pointer:
    pointer = None if dataset.is_demo else read_pointer(dataset.path)
    if pointer is None:
        raise UserError(f"{dataset.name} is built in and cannot be changed; add a data set of your own.")
    return pointer
