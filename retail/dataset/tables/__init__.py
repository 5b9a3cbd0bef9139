"""Tables in every usual format; a format is one file here, found by what it declares.

In: the path of a table. Out: `Table`s of strings, by the names of their sheets.

A format's file has `ENDINGS`, `SIGNATURES` (how its files begin, empty when they are text) and `read(path)`; one whose
tables may be too large for memory has `pieces(path, rows)` too.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from retail.dataset.tables.packed import packed
from retail.dataset.tables.table import Fault, Table, require_cells
from retail.schema import UserError

__all__ = [
    "LARGE_BYTES",
    "OFTEN_NO_TABLE",
    "PIECE_ROWS",
    "TABLE_ENDINGS",
    "Fault",
    "Table",
    "in_pieces",
    "read_tables",
]

_MODULES = [import_module(f"{__name__}.{info.name}") for info in pkgutil.iter_modules(__path__)]
_FORMATS: dict[str, Any] = {ending: module for module in _MODULES for ending in getattr(module, "ENDINGS", ())}

TABLE_ENDINGS: tuple[str, ...] = tuple(_FORMATS)
OFTEN_NO_TABLE = (".json", ".txt")  # settings and notes have these endings too: a table only when nothing else is

LARGE_BYTES = 16 * 2**20  # a table from this size on is read piece by piece; about 100,000 rows
PIECE_ROWS = 4096


def read_tables(path: Path) -> dict[str, Table]:
    """Every table of a file by its sheet's name, "" in formats without sheets. Raises UserError.

    How a file begins counts for more than its ending: a workbook is often called .csv, and a text .xls. A sheet that
    is no table has an empty header and one fault that says why; when no sheet is one, that is the error.
    """
    try:
        tables: dict[str, Table] = _large(path) or _format_of(path).read(path)
    except OSError as error:
        reason = error.strerror or str(error)
        raise UserError(f"{path.name} could not be read ({reason}); check the disk and who may read it.") from None
    return tables


def in_pieces(path: Path, rows: int) -> Iterator[Table] | None:
    """The one table of a file, about so many rows at a time; None for a format that is read as a whole."""
    read = getattr(_format_of(path), "pieces", None)
    return read(path, rows) if read else None


def _large(path: Path) -> dict[str, Table]:
    """The table of a large file by columns; {} for any other file."""
    if path.stat().st_size < LARGE_BYTES or path.suffix.lower() in OFTEN_NO_TABLE:
        return {}
    pieces = in_pieces(path, PIECE_ROWS)
    if pieces and _format_of(path).SIGNATURES:  # what is packed may unfold to anything
        pieces = _bounded(pieces, path.name)
    return {"": packed(pieces)} if pieces else {}


def _bounded(pieces: Iterator[Table], name: str) -> Iterator[Table]:
    rows = 0
    for table in pieces:
        rows += len(table.rows)
        require_cells(rows, len(table.header), name)
        yield table


def _format_of(path: Path) -> Any:
    with path.open("rb") as file:
        start = file.read(8)
    by_content = [module for module in _FORMATS.values() if start.startswith(module.SIGNATURES)]
    return by_content[0] if by_content else _FORMATS.get(path.suffix.lower(), _FORMATS[".csv"])
