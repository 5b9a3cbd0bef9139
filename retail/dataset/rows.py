"""The rows of a data set as its owner wrote them, however many tables they come from.

In: a `Source`. Out: `Rows` with one header; each row has a number of its own and words for where it stands.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import compress
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from retail.dataset.columns import ID, Columns, suggest
from retail.dataset.source import Part, Source
from retail.dataset.tables import Fault
from retail.dataset.tables.packed import PackedRows


class Row(NamedTuple):
    """A row's cells in the header's order; relative paths in them start at `folder`; `split` as the place says it."""

    number: int
    cells: list[str]
    folder: Path
    split: str


@dataclass(frozen=True)
class ColumnRows(Sequence[Row]):
    """The rows of one large table: a row is made when somebody asks for it."""

    numbers: Sequence[int]
    columns: Sequence[list[str]]
    folder: Path
    split: str

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, place: Any) -> Any:
        if isinstance(place, slice):
            return [self[own] for own in range(*place.indices(len(self)))]
        return Row(self.numbers[place], [column[place] for column in self.columns], self.folder, self.split)

    def __iter__(self) -> Iterator[Row]:
        for number, cells in zip(self.numbers, zip(*self.columns, strict=True), strict=True):
            yield Row(number, list(cells), self.folder, self.split)

    def where(self, kept: Sequence[bool]) -> ColumnRows:
        """The rows that are kept."""
        columns = [list(compress(column, kept)) for column in self.columns]
        return replace(self, numbers=list(compress(self.numbers, kept)), columns=columns)


@dataclass(frozen=True)
class ByLine(Mapping[int, str]):
    """What the rows of one large table are called: line-2, line-3 and so on."""

    lines: Sequence[int]  # rising

    def __getitem__(self, line: int) -> str:
        place = bisect_left(self.lines, line)
        if place == len(self.lines) or self.lines[place] != line:
            raise KeyError(line)
        return f"line-{line}"

    def __iter__(self) -> Iterator[int]:
        return iter(self.lines)

    def __len__(self) -> int:
        return len(self.lines)


@dataclass(frozen=True)
class CellsOfRows(Sequence[Sequence[str]]):
    """The cells of `ColumnRows`, row by row."""

    columns: Sequence[list[str]]

    def __len__(self) -> int:
        return len(self.columns[0]) if self.columns else 0

    def __getitem__(self, place: Any) -> Any:
        return tuple(column[place] for column in self.columns)

    def __iter__(self) -> Iterator[Sequence[str]]:
        return zip(*self.columns, strict=True)


@dataclass(frozen=True)
class Rows:
    """Of one table a row's number is its line; of several, lines are counted on; of files there is no line.

    `starts` holds the number of every row, also of those that were left out, with what the row is called.
    """

    header: list[str]
    rows: Sequence[Row]
    faults: list[Fault]
    starts: Mapping[int, str]
    where: dict[int, str]  # what is said in place of the line, where the number is none
    empty: int = 0  # rows without a single cell filled
    headers: int = 0  # rows that say the header again, as in tables that were put together

    @property
    def by_number(self) -> dict[int, list[str]]:
        """The cells of every row that could be read."""
        return {row.number: row.cells for row in self.rows}

    @property
    def numbers(self) -> Sequence[int]:
        """Of every row that could be read."""
        return self.rows.numbers if isinstance(self.rows, ColumnRows) else [row.number for row in self.rows]

    @property
    def cells(self) -> Sequence[Sequence[str]]:
        """Of every row that could be read."""
        return CellsOfRows(self.rows.columns) if isinstance(self.rows, ColumnRows) else [r.cells for r in self.rows]

    def column(self, place: int) -> list[str]:
        """The cells below one name."""
        if isinstance(self.rows, ColumnRows):
            return self.rows.columns[place]
        return [row.cells[place] for row in self.rows]

    def without(self, places: Collection[int]) -> Rows:
        """The table without the rows at these places."""
        numbers, kept = self.numbers, [place not in places for place in range(len(self.rows))]
        gone = {numbers[place] for place in places}
        rows = self.rows.where(kept) if isinstance(self.rows, ColumnRows) else list(compress(self.rows, kept))
        starts = {number: called for number, called in self.starts.items() if number not in gone}
        return replace(self, rows=rows, starts=starts)


def rows_of(source: Source) -> Rows:
    """Every row of every part; a column that a part lacks is empty there."""
    if len(source.parts) == 1 and isinstance(packed := source.parts[0].table.rows, PackedRows):
        return _of_large(source.parts[0], packed)
    header = list(dict.fromkeys(name for part in source.parts for name in part.table.header))
    rows: list[Row] = []
    starts: dict[int, str] = {}
    result = Rows(header, rows, [], starts, {})
    last, empty, headers = 0, 0, 0
    for part in source.parts:
        table, offset = part.table, last
        places = [table.header.index(name) if name in table.header else -1 for name in header]
        same = table.header == header
        idle = {line: any(cells) for line, cells in table.rows if not any(cells) or _is_header(cells, table.header)}
        empty, headers = empty + len(idle) - sum(idle.values()), headers + sum(idle.values())
        for line, cells in table.rows:
            if line in idle:
                continue
            cells = cells if same else [cells[place] if place >= 0 else "" for place in places]
            rows.append(Row(offset + line, cells, part.folder, part.split))
        result.faults.extend(Fault(offset + line, message) for line, message in table.faults)
        for line in (line for line in table.starts if line not in idle):
            starts[offset + line] = f"{_short(part)}line-{line}"
            if part.name:
                result.where[offset + line] = f"{part.name}, line {line}"
        last = max([offset, *(offset + line for line in table.starts), *(offset + line for line, _ in table.faults)])
    if not source.tables:
        place = header.index(ID)
        result.where.update({row.number: row.cells[place] for row in result.rows})
    return replace(result, empty=empty, headers=headers)


def _of_large(part: Part, packed: PackedRows) -> Rows:
    """The same of one large table, by columns."""
    table, rows = part.table, ColumnRows(packed.lines, packed.columns, part.folder, part.split)
    empty, repeated = set[int](), set[int]()
    for line, cells in zip(packed.lines, CellsOfRows(packed.columns), strict=True):
        if not any(cells):
            empty.add(line)
        elif _is_header(cells, table.header):
            repeated.add(line)
    starts = table.starts
    if idle := empty | repeated:
        rows = rows.where([line not in idle for line in packed.lines])
        starts = [line for line in starts if line not in idle]
    return Rows(table.header, rows, list(table.faults), ByLine(starts), {}, len(empty), len(repeated))


def _is_header(cells: Sequence[str], header: list[str]) -> bool:
    return len(cells) > 1 and [cell.lstrip("\ufeff") for cell in cells] == header


def roles_of(rows: Rows) -> Columns:
    """What the columns probably hold; which of them to learn is for the reader to say."""
    return replace(suggest(rows.header, rows.cells), tasks=())


def _short(part: Part) -> str:
    """What the ids of a part's rows begin with, so that they differ from those of another part."""
    if not part.name:
        return ""
    name, _, sheet = part.name.partition(", sheet ")
    return f"{sheet or PurePosixPath(name).with_suffix('')}-"
