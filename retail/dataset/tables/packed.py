"""A large table by columns: a row is made when somebody asks for it, and what many cells say is held once.

In: a table in pieces. Out: the same `Table`. Two million rows of six cells take 2.9 GiB as rows, most of it not text.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any, overload

from retail.dataset.tables.table import Fault, Table

MOST_SHARED = 10_000  # different cells of a column up to which equal ones are looked for; labels are fewer


class PackedRows(Sequence[tuple[int, list[str]]]):
    """Rows as of any `Table`, over columns."""

    def __init__(self, lines: Sequence[int], columns: Sequence[list[str]]) -> None:
        self.lines, self.columns = lines, columns

    def __len__(self) -> int:
        return len(self.lines)

    @overload
    def __getitem__(self, place: int) -> tuple[int, list[str]]: ...

    @overload
    def __getitem__(self, place: slice) -> list[tuple[int, list[str]]]: ...

    def __getitem__(self, place: Any) -> Any:
        if isinstance(place, slice):
            return [self[own] for own in range(*place.indices(len(self)))]
        return self.lines[place], [column[place] for column in self.columns]

    def __iter__(self) -> Iterator[tuple[int, list[str]]]:
        return ((line, list(cells)) for line, cells in zip(self.lines, zip(*self.columns, strict=True), strict=True))


def packed(pieces: Iterable[Table]) -> Table:
    """The pieces of one table as a whole; there is at least one."""
    left = iter(pieces)
    first = next(left)
    columns = [_Column() for _ in first.header]
    lines, starts, faults = array("q"), array("q"), list[Fault]()
    for piece in chain([first], left):
        lines.extend(line for line, _ in piece.rows)
        starts.extend(piece.starts)
        faults += piece.faults
        for column, cells in zip(columns, zip(*(cells for _, cells in piece.rows), strict=True), strict=False):
            column.add(cells)
    return Table(first.header, PackedRows(lines, [column.cells for column in columns]), faults, starts)


class _Column:
    """Cells, equal ones once as long as there are few different ones."""

    def __init__(self) -> None:
        self.cells: list[str] = []
        self._known: dict[str, str] | None = {}

    def add(self, cells: Iterable[str]) -> None:
        if (known := self._known) is not None:
            cells = [known.setdefault(cell, cell) for cell in cells]
            if len(known) > MOST_SHARED:
                self._known = None
        self.cells.extend(cells)
