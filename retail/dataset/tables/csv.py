"""The cells of a CSV table, whoever wrote it: encodings, separators, broken quotes, rows that are too long or short.

In: the path or the bytes of a file. Out: a `Table` with its header, its whole rows and what is wrong with the others.
"""

from __future__ import annotations

import codecs
import csv
import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from pathlib import Path

from retail.dataset.tables.quotes import Endings, fields, quote_fault
from retail.dataset.tables.separators import separator_of
from retail.dataset.tables.table import (
    Fault,
    Table,
    filled,
    named_columns,
    require_cells,
    require_columns_once,
    require_few_faults,
    require_lines,
    title_faults,
    title_rows,
    too_long,
    too_many_cells,
    whole_content,
)
from retail.outside import reading
from retail.outside.limits import MAX_CELL_LINES, MAX_CELLS, MAX_LINE_CHARACTERS, MAX_ROWS
from retail.schema import UserError

ENDINGS = (".csv", ".tsv", ".tab", ".txt")
SIGNATURES: tuple[bytes, ...] = ()

csv.field_size_limit(2**31 - 1)  # a cell is as long as it is; what is read of a text is limited elsewhere
SEPARATOR = re.compile(r'"?sep=([^"\w\s]|\t)"?\s*', re.IGNORECASE)  # Excel's own first line, not part of the table
MARKUP = re.compile(r"\s*<(?:!doctype|\?xml|html|head|table)\b", re.IGNORECASE)  # some programs call it .xls
LINE = re.compile(r"[^\r\n]*+(?:\r\n|\r|\n)|[^\r\n]++")
BLANK = ("\n", "\r\n", "\r")
MOST_ENCODING_FAULTS = 100_000  # lines of which it is said that they are not UTF-8; they are read all the same


def read(path: Path) -> dict[str, Table]:
    """The one table of the file; raises UserError when it is none."""
    table = parse_table(whole_content(path), path.name)
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
            yield _table(first.header, records, _at_starts(faults, records), path.name)
        before += len(lines)


def _contents(path: Path, rows: int) -> Iterator[bytes]:
    """The file's bytes in runs of so many lines that end outside quotes; one in UTF-16 as a whole."""
    with path.open("rb") as file:
        if file.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            yield whole_content(path)
            return
        file.seek(0)
        lines, quotes = list[bytes](), 0
        while line := file.readline(MAX_LINE_CHARACTERS + 1):
            if len(line) > MAX_LINE_CHARACTERS and b"\r" not in line:
                raise too_long(path.name, "A line", "CSV with one row a line")
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
    text = _text(content, name, faults, before)
    require_lines(text, name)
    lines: list[str] = LINE.findall(text)
    if (longest := max(map(len, lines), default=0)) > MAX_LINE_CHARACTERS:
        place = next(place for place, line in enumerate(lines) if len(line) == longest)
        raise too_long(name, f"Line {before + place + 1:,}", "CSV with one row a line")
    return lines


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
    require_cells(len(body), len(first), name)
    header = named_columns(first, body, name)
    require_columns_once(header, name)
    return _table(header, body, comments + title_faults(titles) + _at_starts(faults, records), name), mark


def _at_starts(faults: list[Fault], records: list[tuple[int, list[str]]]) -> list[Fault]:
    """What was said of a later line of a record belongs to its first."""
    starts = [line for line, _ in records]
    return list(dict.fromkeys(Fault(starts[max(bisect_right(starts, f.line) - 1, 0)], f.message) for f in faults))


def _table(header: list[str], body: list[tuple[int, list[str]]], faults: list[Fault], name: str) -> Table:
    starts = [line for line, cells in body if filled(cells) or len(cells) == len(header)]  # not of blank lines
    return Table(header, _whole_rows(body, len(header), faults, name), faults, starts)


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
    messages: dict[int, str] = {}
    for line, piece in enumerate(content.removeprefix(b"\xef\xbb\xbf").splitlines(keepends=True), before + 1):
        try:
            pieces.append(piece.decode("utf-8"))
        except UnicodeDecodeError as error:
            if len(faults) < MOST_ENCODING_FAULTS:
                faults.append(Fault(line, messages.setdefault(piece[error.start], _not_utf_8(piece[error.start]))))
            pieces.append(piece.decode("cp1252", errors="replace"))
    return "".join(pieces)


def _not_utf_8(byte: int) -> str:
    return f"byte 0x{byte:02x} is not UTF-8, so the line was read as Windows-1252; save the file as UTF-8."


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
    endings = Endings(lines, mark)
    records: list[tuple[int, list[str]]] = []
    held = 0
    with reading(name, "CSV", "save it again as CSV"):
        while place < len(lines):
            if lines[place] in BLANK:
                place += 1
                continue
            start, (cells, is_open) = place, fields(lines[place], mark)
            names = header or (records[0][1] if records else None)
            if is_open and (fault := quote_fault(len(cells), endings.at(place + 1), names, before)):
                faults.append(Fault(before + start + 1, f"opens a quote that {fault}; close it or remove it."))
                cells = next(csv.reader([lines[place]], delimiter=mark, quoting=csv.QUOTE_NONE))
            elif is_open and (ending := endings.at(place + 1)):
                place = ending.place
                cells = next(csv.reader(lines[start : place + 1], delimiter=mark))
            records.append((before + start + 1, [cell.strip() for cell in cells]))
            held += len(cells)
            if held > MAX_CELLS or len(records) > MAX_ROWS:
                raise too_many_cells(name)
            place += 1
    return records


def _whole_rows(
    records: list[tuple[int, list[str]]], width: int, faults: list[Fault], name: str
) -> list[tuple[int, list[str]]]:
    rows = []
    for line, cells in records:
        used = filled(cells)
        if used and len(cells) > width:
            cells = cells[: max(width, used)]  # empty cells beyond the last column
        if len(cells) == width:
            rows.append((line, cells))
        elif used:
            faults.append(Fault(line, f"{len(cells)} fields instead of {width}; quote cells that hold commas."))
            require_few_faults(faults, name)
    return rows
