"""What DATA is: one table, several that belong together, or files without a table; command line and pages alike.

In: a folder, a ZIP, a table, or a folder whose `dataset.json` says where the data lies. Out: a `Source` with its parts
and a remark for every table that is not read. No photo or sound is opened.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from retail.dataset.columns import (
    DATASET,
    ROLES,
    Pointer,
    datasets_folder,
    read_pointer,
)
from retail.dataset.folder_tables import METADATA, FolderTables, split_of
from retail.dataset.labels.questions import offered
from retail.dataset.loose import media_kind, table_of_files
from retail.dataset.places.archive import unpack
from retail.dataset.places.listing import Listing, list_files
from retail.dataset.remarks import Remark, few
from retail.dataset.tables import TABLE_ENDINGS, Table, read_tables
from retail.files import SHIPPED_DATA, home, or_shipped
from retail.files.remote import address_of, copied
from retail.schema import UserError
from retail.wording import number_of

PACKED_STARTS = (b"Rar!", b"7z\xbc\xaf", b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd")
EXPECTED = "a folder or ZIP with a table or with photos, or a table itself"


@dataclass(frozen=True)
class Part:
    """One table, or the files of a folder without one.

    `name` is "" where there is no other part; relative paths of its cells start at `folder`; `split` is what the place
    of the table says, "" where it says nothing.
    """

    name: str
    table: Table
    folder: Path
    split: str = ""


@dataclass(frozen=True)
class Source:
    """What a data set is read from.

    `own` is a folder or table of this machine, whose links and absolute paths are its owner's; a ZIP is a stranger's.
    """

    root: Path  # what the files are looked for in
    own: bool
    parts: tuple[Part, ...]
    tables: tuple[Path, ...]  # the files that the parts were read from; () for files without a table
    place: Path  # what reads as this data set again
    title: str
    remarks: tuple[Remark, ...] = ()
    notes: tuple[str, ...] = ()  # of unpacking
    pointer: Pointer | None = None
    added: Path | None = None  # of a version of other data: the file with further training rows
    walked: Listing | None = field(default=None, repr=False)  # of a folder, which was walked to find its tables
    remote: str = ""  # the address that relative paths start at, where the table was copied from elsewhere

    @property
    def name(self) -> str:
        """What a sentence calls it: the table, or the whole where there are several or none."""
        return self.tables[0].name if len(self.tables) == 1 else self.title

    @cached_property
    def listing(self) -> Listing:
        """Every file of the data."""
        return self.walked or list_files(self.root, self.own)


def open_source(data: str | Path, labelled: bool = True, called: str = "") -> Source:
    """What lies there; raises UserError when it is neither a table nor a folder with one, or with photos or sounds.

    Without `labelled` a test table that has no labels counts too, as for products that are only to be recognised. An
    error says `called` in place of the path.
    """
    if address := address_of(data):
        return _elsewhere(address, labelled)
    data = or_shipped(data, SHIPPED_DATA)
    if data.is_dir() and (pointer := read_pointer(data)):
        place = data / pointer.metadata  # an absolute path stays as it is
        if not place.exists():
            raise UserError(f"{place} of data set {pointer.name!r} is missing; restore it, or add the data again.")
        if pointer.also:  # all that was said of the data holds for a version of it
            found = open_source(place, labelled)
            return replace(found, place=data.resolve(), title=pointer.name, added=data / pointer.also)
        found = _opened(place, place.name, labelled)
        return replace(found, place=data.resolve(), title=pointer.name, notes=pointer.notes, pointer=pointer)
    if data.is_file() and data.suffix.lower() == ".zip":
        folder, notes = unpack(data)
        return replace(_opened(folder, data.name, labelled), title=data.stem, notes=tuple(notes))
    if not data.exists():
        raise UserError(f"{data} does not exist; name {EXPECTED}.")
    return _opened(data, called or (str(data) if is_own(data) else data.name), labelled)


def _elsewhere(address: str, labelled: bool) -> Source:
    """A table behind an address, with photos and sounds beside it; they are not looked for before they are read."""
    base, _, name = address.rpartition("/")
    if not name.lower().endswith(TABLE_ENDINGS):
        raise UserError(
            f"{address} is no table; elsewhere than on this machine, name a table ({', '.join(TABLE_ENDINGS)})."
        )
    found = _opened(copied(address), address, labelled)
    return replace(found, remote=base, title=base.rpartition("/")[2] or found.title)


def changed(data: Path) -> float:
    """A time stamp that moves on when a table, or what its columns mean, changes; 0 when nothing is there."""
    pointer = read_pointer(data) if data.is_dir() else None
    tables = pointer.tables if pointer else (METADATA + ".csv",)
    files = [data, data / DATASET, data / (pointer.metadata if pointer else ""), *(data / table for table in tables)]
    times = [path.stat().st_mtime for path in files if path.exists()]
    if pointer and pointer.also:
        times.append(changed(data / pointer.metadata))
    return max(times, default=0.0)


def is_own(place: Path) -> bool:
    """Whether a folder is the owner's, not an upload or a ZIP that was unpacked."""
    theirs = (datasets_folder(), home() / "unpacked", home() / "uploads")
    return not any(place.resolve().is_relative_to(folder.resolve()) for folder in theirs)


def _opened(place: Path, name: str, labelled: bool) -> Source:
    own, resolved = is_own(place), place.resolve()
    if place.is_file():
        _require_no_other_kind(place)
        parts, remarks = _parts({place: read_tables(place)}, place.parent, labelled)
        return Source(resolved.parent, own, parts, (place,), resolved, resolved.parent.name, remarks)
    listing = list_files(place, own)
    tables = FolderTables(listing)
    found = tables.belonging_together()
    files = None if found and tables.names_some(found) else table_of_files(listing)
    beside = found if files and found and tables.are_beside(found, files) else []
    if found and not beside:
        parts, remarks = _parts({path: tables.sheets(path) for path in found}, place, labelled)
        if others := [path.relative_to(place).as_posix() for path in tables.paths if path not in found]:
            remarks += (_unread(others, [path.relative_to(place).as_posix() for path in found]),)
        return Source(resolved, own, parts, tuple(found), resolved, resolved.name, remarks, walked=listing)
    if not files:
        held = f", but {few(listing.files)}" if listing.files else ""
        raise UserError(
            f"{name} has no table (CSV, Excel, JSON Lines or Parquet), no photo and no sound{held}; name {EXPECTED}."
        )
    remarks = (_stray(beside, listing),) if beside else ()
    part = Part("", files, listing.root)
    return Source(resolved, own, (part,), (), resolved, resolved.name, remarks, walked=listing)


def _require_no_other_kind(path: Path) -> None:
    """Raises UserError for a file that is known to be no table."""
    if media_kind(path.name):
        raise UserError(f"{path.name} is a photo or a sound, but a table was expected; name the folder it lies in.")
    with path.open("rb") as file:
        start = file.read(8)
    if start.startswith(PACKED_STARTS) or path.suffix.lower() == ".tar":
        raise UserError(f"{path.name} is an archive that is not read; unpack it, or pack its files as ZIP.")
    if start.startswith(b"%PDF"):
        raise UserError(f"{path.name} is a PDF, but a table was expected; export the table as CSV or Excel.")


def _parts(
    sheets: Mapping[Path, Mapping[str, Table]], root: Path, labelled: bool
) -> tuple[tuple[Part, ...], tuple[Remark, ...]]:
    """Every table as a part; of a workbook the sheets that belong together."""
    parts: list[Part] = []
    remarks: list[Remark] = []
    for path, tables in sheets.items():
        name = path.relative_to(root).as_posix()
        chosen = _sheets({sheet: table for sheet, table in tables.items() if table.header})
        for sheet in (sheet for sheet in tables if sheet not in chosen):
            reason = "has other columns than " + few(chosen)
            if not tables[sheet].header:
                reason = "is no table" + "".join(
                    f" ({fault.message.rstrip('.')})" for fault in tables[sheet].faults[:1]
                )
            sentence = f"{name}: sheet {sheet!r} {reason} and is not read; save it as a table of its own to use it."
            remarks.append(Remark("tables", 1, sentence))
        for sheet, table in chosen.items():
            split = split_of(Path(sheet)) if len(chosen) > 1 else ""
            split = split or (split_of(path.relative_to(root)) if len(sheets) > 1 else "")
            parts.append(Part(f"{name}, sheet {sheet}" if len(chosen) > 1 else name, table, path.parent, split))
    if labelled and len(parts) > 1:
        parts, bare = _with_labels(parts)
        remarks += bare
    if len(parts) > 1 and not any(part.split for part in parts):
        sentence = (
            f"{len(parts)} tables are read as one ({few([part.name for part in parts])}); their names are not learned, "
            "so write them into a column if they are classes."
        )
        remarks.append(Remark("rows", len(parts), sentence))
    if len(parts) == 1:
        parts = [Part("", parts[0].table, parts[0].folder)]
    return tuple(parts), tuple(remarks)


def _sheets(tables: Mapping[str, Table]) -> Mapping[str, Table]:
    """Sheets of splits, or with the columns of the largest; the largest alone where the others are something else."""
    if len(tables) < 2:
        return tables
    splits = {name: table for name, table in tables.items() if split_of(Path(name))}
    if len(splits) > 1:
        return splits
    largest = max(tables.values(), key=lambda table: len(table.rows) * len(table.header))
    return {name: table for name, table in tables.items() if sorted(table.header) == sorted(largest.header)}


def _with_labels(parts: list[Part]) -> tuple[list[Part], list[Remark]]:
    """Without the tables that lack every label column of the others, such as a competition's test table."""
    largest = max(parts, key=lambda part: len(part.table.header)).table
    questions = set(offered(largest.header, [cells for _, cells in largest.rows])[0]) - {*ROLES.values()}
    labelled, remarks = [], []
    for part in parts:
        if questions & set(part.table.header) or not questions:
            labelled.append(part)
            continue
        rows = len(part.table.rows)
        sentence = (
            f"{part.name} has none of the label columns {few(sorted(questions))}, so its {number_of(rows, 'row')} can "
            "neither teach nor test; recognise them with `predict`."
        )
        remarks.append(Remark("tables", rows, sentence))
    return labelled, remarks


def _stray(tables: Sequence[Path], listing: Listing) -> Remark:
    names = [path.relative_to(listing.root).as_posix() for path in tables]
    many = "tables name" if len(names) > 1 else "table names"
    sentence = (
        f"{len(names)} {many} none of the photos and sounds, so the files were read without: {few(names)}; name a "
        "table as the data to use it, or write the files' names into it."
    )
    return Remark("tables", len(names), sentence)


def _unread(others: Sequence[str], used: Sequence[str]) -> Remark:
    many = "tables are" if len(others) > 1 else "table is"
    are = "are" if len(used) > 1 else "is"
    return Remark(
        "tables",
        len(others),
        f"{len(others)} {many} not read: {few(others)}; {few(used)} {are}. Name another to use it.",
    )
