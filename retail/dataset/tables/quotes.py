"""Where a cell ends that is still within quotes at the end of its line, and whether that can have been meant.

In: the lines of a table and its separator. Out: the line where the cell ends, or what is wrong with the quote.
"""

from __future__ import annotations

import csv
import re
from bisect import bisect_left
from collections.abc import Sequence
from typing import NamedTuple

from retail.dataset.tables.table import filled

CLOSING = re.compile(r'[^"]*+(?:""[^"]*+)*+" *+')  # up to the end of a quoted cell that began in a line above


class Ending(NamedTuple):
    """Where a record ends that an open quote leads on to a line, and how many fields it gains from there."""

    place: int
    least: int  # without empty cells at the end
    most: int


class Endings:
    """For every line, should an open quote lead there, where its record ends. Found from the end, so each line once."""

    def __init__(self, lines: Sequence[str], delimiter: str) -> None:
        self._quoted = [place for place, line in enumerate(lines) if '"' in line]
        self._found: list[Ending | None] = [None] * (len(self._quoted) + 1)
        for at in reversed(range(len(self._quoted))):
            place = self._quoted[at]
            self._found[at] = _ending(lines[place], place, delimiter, self._found[at + 1])

    def at(self, place: int) -> Ending | None:
        """For a quote that leads on to this line; None where it is never closed."""
        return self._found[bisect_left(self._quoted, place)]


def _ending(line: str, place: int, delimiter: str, later: Ending | None) -> Ending | None:
    """A quote that closes before anything but a delimiter or the line's end is the opening one of another cell."""
    closing = CLOSING.match(line)
    if not closing:
        return later
    rest = line[closing.end() :]
    if rest[:1] not in ("", "\r", "\n", delimiter):
        return None
    cells, is_open = fields(rest, delimiter)  # the first is the end of the quoted cell
    more = max(len(cells) - 1, 0)
    if not is_open:
        return Ending(place, max(filled(cells) - 1, 0), more)
    return Ending(later.place, more + later.least, more + later.most) if later else None


def fields(line: str, delimiter: str) -> tuple[list[str], bool]:
    """The cells of one line, and whether a quote is still open at its end."""
    if '"' not in line:
        return (bare.split(delimiter) if (bare := line.rstrip("\r\n")) else []), False
    reader = csv.reader([line, ""], delimiter=delimiter)
    return next(reader), reader.line_num > 1  # a second line is only asked for inside a quote


def quote_fault(count: int, ending: Ending | None, header: Sequence[str] | None, before: int) -> str:
    """What is wrong with a quote that is open at the end of a line, "" when it holds a cell of several lines."""
    if not ending:
        return "is never closed"
    if header is None or (count + ending.least <= len(header) and count + ending.most >= filled(header)):
        return ""
    found = f"{count + ending.most} fields instead of {filled(header)}"
    return f"closes only in line {before + ending.place + 1}, with {found}"
