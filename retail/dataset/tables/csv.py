"""The cells of a CSV table, whoever wrote it: encodings, separators, broken quotes, rows that are too long or short.

In: the path or the bytes of a file. Out: a `Table` with its header, its whole rows and what is wrong with the others.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from retail.dataset.tables.separators import separator_of
from retail.dataset.tables.table import (
    Fault,
    Table,
    filled,
    named_columns,
    require_columns_once,
    title_faults,
    title_rows,
)
from retail.outside.limits import MAX_CELL_LINES
from retail.schema import UserError

ENDINGS = (".csv", ".tsv", ".tab", ".txt")
SIGNATURES: tuple[bytes, ...] = ()

csv.field_size_limit(2**31 - 1)  # a cell is as long as it is; what is read of a text is limited elsewhere
SEPARATOR = re.compile(r'"?sep=([^"\w\s]|\t)"?\s*', re.IGNORECASE)  # Excel's own first line, not part of the table
MARKUP = re.compile(r"\s*<(?:!doctype|\?xml|html|head|table)\b", re.IGNORECASE)  # some programs call it .xls
CLOSING = re.compile(r'[^"]*+(?:""[^"]*+)*+" *+')  # up to the end of a quoted cell that began in a line above


def read(path: Path) -> dict[str, Table]:
    """The one table of the file; raises UserError when it is none."""
    table = parse_table(path.read_bytes(), path.name)
    if path.suffix.lower() == ".txt" and len(table.header) == 1:
        raise UserError(f"{path.name} has one column only, so it is taken for notes; call it .csv if it is a table.")
    return {"": table}


def pieces(path: Path, rows: int) -> Iterator[Table]:
    """The same table, about so many rows at a time: what the first of them say of header and separator counts."""
    first, before = Table([], [], [], []), 0
    for content in _contents(path, rows):
        lines = _lines(content, path.name, faults := list[Fault](), before)
        if not before:
            first, mark = _parsed(lines, faults, path.name)
            yield first
        else:
            records = _split(lines, 0, mark, faults, path.name, first.header, before)
            yield _table(first.header, records, _at_starts(faults, records))
        before += len(lines)


def _contents(path: Path, rows: int) -> Iterator[bytes]:
    """The file's bytes in runs of so many lines that end outside quotes; one in UTF-16 as a whole."""
    with path.open("rb") as file:
        if file.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            yield path.read_bytes()
            return
        file.seek(0)
        lines, quotes = list[bytes](), 0
        for line in file:
            lines.append(line)
            quotes += line.count(b'"')
            # A stray quote would lead on to the end of the file.
            if len(lines) >= rows and (quotes % 2 == 0 or len(lines) >= rows + MAX_CELL_LINES):
                yield b"".join(lines)
                lines, quotes = [], 0
        if lines:
            yield b"".join(lines)


def parse_table(content: bytes, name: str) -> Table:
    """Every row with as many fields as the header; raises UserError, which names the file, when it is no table."""
    faults: list[Fault] = []
    return _parsed(_lines(content, name, faults), faults, name)[0]


def _lines(content: bytes, name: str, faults: list[Fault], before: int = 0) -> list[str]:
    return list(io.StringIO(_text(content, name, faults, before), newline=""))


def _parsed(lines: list[str], faults: list[Fault], name: str) -> tuple[Table, str]:
    """The table of these lines, and its separator."""
    comments = _without_comments(lines)
    place, mark = _beginning(lines, name)
    records = _split(lines, place, mark, faults, name)
    if not records:
        raise UserError(f"{name} is empty; its first line must name the columns.")
    titles = title_rows(records)
    _, first = records[len(titles)]
    body = records[len(titles) + 1 :]
    first = first[: max(filled(cells) for _, cells in records)]  # a spreadsheet adds empty columns
    header = named_columns(first, body, name)
    require_columns_once(header, name)
    return _table(header, body, comments + title_faults(titles) + _at_starts(faults, records)), mark


def _at_starts(faults: list[Fault], records: list[tuple[int, list[str]]]) -> list[Fault]:
    """What was said of a later line of a record belongs to its first."""
    starts = [line for line, _ in records]
    return list(dict.fromkeys(Fault(starts[max(bisect_right(starts, f.line) - 1, 0)], f.message) for f in faults))


def _table(header: list[str], body: list[tuple[int, list[str]]], faults: list[Fault]) -> Table:
    starts = [line for line, cells in body if filled(cells) or len(cells) == len(header)]  # not of blank lines
    return Table(header, _whole_rows(body, len(header), faults), faults, starts)


def _without_comments(lines: list[str]) -> list[Fault]:
    """Empties the lines above the table that begin with # and a space; a sentence for each."""
    faults = []
    for place, line in enumerate(lines):
        if not line.startswith("# "):
            break
        faults.append(Fault(place + 1, f"begins with # and was read as a comment: {line[1:].strip()[:60]!r}."))
        lines[place] = "\n"
    return faults


def _text(content: bytes, name: str, faults: list[Fault], before: int) -> str:
    """What the bytes say, `before` lines down in the file; raises UserError when they are no text."""
    is_wide = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))  # Excel's "Unicode text"
    is_workbook = not before and content.startswith(b"PK\x03\x04")
    try:
        text = content.decode("utf-16") if is_wide else ""
    except UnicodeDecodeError:
        text = "\0"
    if is_workbook or "\0" in text or (not is_wide and b"\0" in content):
        what = "an Excel workbook or a ZIP" if is_workbook else "no text"
        raise UserError(f"{name} is {what}, but a CSV table was expected; save it as CSV UTF-8.")
    text = text if is_wide else _decode(content, faults, before)
    if not before and MARKUP.match(text):
        raise UserError(f"{name} is a web page or XML, but a table was expected; save it as .xlsx or CSV.")
    return text


def _decode(content: bytes, faults: list[Fault], before: int) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        pass
    pieces = []
    for line, piece in enumerate(content.removeprefix(b"\xef\xbb\xbf").splitlines(keepends=True), before + 1):
        try:
            pieces.append(piece.decode("utf-8"))
        except UnicodeDecodeError as error:
            byte = piece[error.start]
            message = f"byte 0x{byte:02x} is not UTF-8, so the line was read as Windows-1252; save the file as UTF-8."
            faults.append(Fault(line, message))
            pieces.append(piece.decode("cp1252", errors="replace"))
    return "".join(pieces)


def _beginning(lines: list[str], name: str) -> tuple[int, str]:
    """The place of the first line that is not blank, and the separator."""
    separator = SEPARATOR.fullmatch(lines[0]) if lines else None
    place = 1 if separator else 0
    while place < len(lines) and not lines[place].strip():
        place += 1
    return place, separator[1] if separator else separator_of(lines[place:], name)


def _split(
    lines: list[str],
    place: int,
    mark: str,
    faults: list[Fault],
    name: str,
    header: Sequence[str] | None = None,
    before: int = 0,
) -> list[tuple[int, list[str]]]:
    """Every record with its first line; a quote that would swallow other rows is read as a letter of its cell."""
    endings = _endings(lines, mark)
    records: list[tuple[int, list[str]]] = []
    try:
        while place < len(lines):
            start, (cells, is_open) = place, _fields(lines[place], mark)
            names = header or (records[0][1] if records else None)
            if is_open and (fault := _fault(len(cells), endings[place + 1], names, before)):
                faults.append(Fault(before + start + 1, f"opens a quote that {fault}; close it or remove it."))
                cells = next(csv.reader([lines[place]], delimiter=mark, quoting=csv.QUOTE_NONE))
            elif is_open and (ending := endings[place + 1]):
                place = ending.place
                cells = next(csv.reader(lines[start : place + 1], delimiter=mark))
            records.append((before + start + 1, [cell.strip() for cell in cells]))
            place += 1
    except csv.Error as error:
        raise UserError(f"{name} is not a usable CSV ({error}); save it again as CSV.") from None
    return records


def _whole_rows(records: list[tuple[int, list[str]]], width: int, faults: list[Fault]) -> list[tuple[int, list[str]]]:
    rows = []
    for line, cells in records:
        used = filled(cells)
        if used and len(cells) > width:
            cells = cells[: max(width, used)]  # empty cells beyond the last column
        if len(cells) == width:
            rows.append((line, cells))
        elif used:
            faults.append(Fault(line, f"{len(cells)} fields instead of {width}; quote cells that hold commas."))
    return rows


def _fields(line: str, delimiter: str) -> tuple[list[str], bool]:
    """The cells of one line, and whether a quote is still open at its end."""
    reader = csv.reader([line, ""], delimiter=delimiter)
    return next(reader), reader.line_num > 1  # a second line is only asked for inside a quote


class _Ending(NamedTuple):
    """Where a record ends that an open quote leads on to a line, and how many fields it gains from there."""

    place: int
    least: int  # without empty cells at the end
    most: int


def _endings(lines: Sequence[str], delimiter: str) -> list[_Ending | None]:
    """For every line, should an open quote lead there; None where it is never closed. From the end, so each line once.

    A quote that closes before anything but a delimiter or the line's end is the opening one of another cell.
    """
    endings: list[_Ending | None] = [None] * (len(lines) + 1)
    for place in reversed(range(len(lines))):
        closing = CLOSING.match(lines[place])
        rest = lines[place][closing.end() :] if closing else ""
        if not closing:
            endings[place] = endings[place + 1]
        elif rest[:1] in ("", "\r", "\n", delimiter):
            cells, is_open = _fields(rest, delimiter)  # the first is the end of the quoted cell
            more, later = max(len(cells) - 1, 0), endings[place + 1]
            if not is_open:
                endings[place] = _Ending(place, max(filled(cells) - 1, 0), more)
            elif later:
                endings[place] = _Ending(later.place, more + later.least, more + later.most)
    return endings


def _fault(fields: int, ending: _Ending | None, header: Sequence[str] | None, before: int) -> str:
    """What is wrong with a quote that is open at the end of a line, "" when it holds a cell of several lines."""
    if not ending:
        return "is never closed"
    if header is None or (fields + ending.least <= len(header) and fields + ending.most >= filled(header)):
        return ""
    found = f"{fields + ending.most} fields instead of {filled(header)}"
    return f"closes only in line {before + ending.place + 1}, with {found}"
