"""Workbooks of Excel and LibreOffice: every sheet that holds something, hidden ones too.

In: the path of a workbook. Out: a `Table` for each sheet, its lines numbered as in the spreadsheet.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

from retail.dataset.places.members import require_small_directory, why_no_zip
from retail.dataset.tables import csv
from retail.dataset.tables.table import (
    Fault,
    Table,
    filled,
    named_columns,
    require_cells,
    require_columns_once,
    title_faults,
    title_rows,
)
from retail.dataset.tables.workbook import Sheet
from retail.outside import reading
from retail.outside.helper import Died, Helper
from retail.outside.limits import (
    MAX_RATIO,
    MAX_WORKBOOK_BYTES,
    RATIO_FROM_BYTES,
    TABLE_MEMORY_BYTES,
    TABLE_SECONDS,
)
from retail.schema import UserError

ENDINGS = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")
ZIP, OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
SIGNATURES = (ZIP, OLE)

CHUNK_BYTES = 2**20
SHEET = re.compile(r"xl/worksheets/[^/]+\.xml", re.IGNORECASE)
REFERENCE = re.compile(rb'\br="([A-Z]{1,3})([0-9]{1,7})"')
LONGEST_REFERENCE = len(b' r="XFD1048576"')
READER = "retail.dataset.tables.workbook"
REMEDY = "open it in a spreadsheet program and save it as .xlsx or CSV"

_Row = tuple[int, list[str]]


def read(path: Path) -> dict[str, Table]:
    """Every sheet that holds something; raises UserError when none is a table."""
    with path.open("rb") as file:
        start = file.read(len(OLE))
    if not start.startswith(SIGNATURES):
        return csv.read(path)  # programs save tab-separated text as .xls
    if start.startswith(ZIP):
        _check_size(path)
    tables = dict(_tables(path))
    if not any(table.header for table in tables.values()):
        said = next((table.faults[0].message for table in tables.values()), "")
        raise UserError(said or f"{path.name} has no sheet with cells; its first row must name the columns.")
    return tables


def _check_size(path: Path) -> None:
    """Raises UserError for a ZIP that is no workbook, or that unfolds to more than it should."""
    with reading(path.name, "workbook", REMEDY, why=why_no_zip, passes=OSError):
        require_small_directory(path)
        with zipfile.ZipFile(path) as archive:
            _check_members(archive, path.name)


def _check_members(archive: zipfile.ZipFile, name: str) -> None:
    members = archive.infolist()
    if not {member.filename.lower() for member in members} & {"xl/workbook.xml", "xl/workbook.bin", "content.xml"}:
        raise UserError(f"{name} is a ZIP and no workbook, but a table was expected; {REMEDY}.")
    if (total := sum(member.file_size for member in members)) > MAX_WORKBOOK_BYTES:
        raise UserError(f"{name} unpacks to {total / 2**30:.1f} GB, but the limit is 1 GB; save it as CSV.")
    for member in members:
        if member.file_size > RATIO_FROM_BYTES and member.file_size > MAX_RATIO * max(member.compress_size, 1):
            raise UserError(f"{name} unpacks to over {MAX_RATIO} times its size; save it as CSV.")
        if SHEET.fullmatch(member.filename):
            require_cells(*_extent(archive, member), name)


def _extent(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> tuple[int, int]:
    """The last row and column that a sheet names; the reader makes room for all cells up to there."""
    rows: set[bytes] = set()
    columns: set[bytes] = set()
    kept = b""
    with archive.open(member) as file:
        while piece := file.read(CHUNK_BYTES):
            for column, row in REFERENCE.findall(kept + piece):
                columns.add(column)
                rows.add(row)
            kept = piece[-LONGEST_REFERENCE:]
    return max(map(int, rows), default=0), max(map(_column_number, columns), default=0)


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - ord("A") + 1
    return number


def _tables(path: Path) -> Iterator[tuple[str, Table]]:
    for sheet in _sheets(path):
        if rows := _rows(sheet):
            yield sheet.name, _table(rows, f"sheet {sheet.name!r} of {path.name}")


def _sheets(path: Path) -> list[Sheet]:
    """What another process reads: the library ends its own process when a damaged file asks for too much memory."""
    try:
        with Helper(READER, TABLE_SECONDS, TABLE_MEMORY_BYTES) as helper:
            answer, _ = helper.ask({"path": str(path.resolve())})
    except Died:
        raise UserError(f"{path.name} is a damaged workbook, or one too large to read; {REMEDY}.") from None
    if "error" in answer:
        raise UserError(f"{path.name} {answer['error']}; {REMEDY}.")
    return [Sheet(*sheet) for sheet in answer["sheets"]]


def _rows(sheet: Sheet) -> list[_Row]:
    """The rows that hold something, each with its line, without the empty columns around them."""
    for top, bottom, column in sheet.merged:
        _fill_down(sheet.rows, top - sheet.line + 1, bottom - sheet.line + 1, column - sheet.column)
    rows = [(line, row) for line, row in enumerate(sheet.rows, start=sheet.line) if any(row)]
    skipped = min((next(place for place, cell in enumerate(row) if cell) for _, row in rows), default=0)
    width = max((filled(row) for _, row in rows), default=0)
    return [(line, row[skipped:width]) for line, row in rows]


def _fill_down(cells: list[list[str]], top: int, bottom: int, column: int) -> None:
    """A cell merged over several rows means each of them."""
    if 0 <= top < len(cells) and 0 <= column < len(cells[top]):
        for row in cells[top + 1 : bottom + 1]:
            row[column] = row[column] or cells[top][column]


def _table(rows: list[_Row], name: str) -> Table:
    titles = title_rows(rows)
    (_, first), body = rows[len(titles)], rows[len(titles) + 1 :]
    try:
        header = named_columns(first, body, name)
        require_columns_once(header, name)
    except UserError as error:
        return Table([], [], [Fault(rows[0][0], str(error))], [])
    return Table(header, body, title_faults(titles), [line for line, _ in body])
