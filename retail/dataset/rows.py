"""The rows of a data set as its owner wrote them, however many tables they come from.

In: a `Source`. Out: `Rows` with one header; each row has a number of its own and words for where it stands.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from retail.dataset.columns import ID, Columns, suggest
from retail.dataset.source import Part, Source
from retail.dataset.tables import Fault


class Row(NamedTuple):
    """A row's cells in the header's order; relative paths in them start at `folder`; `split` as the place says it."""

    number: int
    cells: list[str]
    folder: Path
    split: str


@dataclass(frozen=True)
class Rows:
    """Of one table a row's number is its line; of several, lines are counted on; of files there is no line.

    `starts` holds the number of every row, also of those that were left out, with what the row is called.
    """

    header: list[str]
    rows: list[Row]
    faults: list[Fault]
    starts: dict[int, str]
    where: dict[int, str]  # what is said in place of the line, where the number is none
    empty: int = 0  # rows without a single cell filled
    headers: int = 0  # rows that say the header again, as in tables that were put together

    @property
    def by_number(self) -> dict[int, list[str]]:
        """The cells of every row that could be read."""
        return {row.number: row.cells for row in self.rows}


def rows_of(source: Source) -> Rows:
    """Every row of every part; a column that a part lacks is empty there."""
    header = list(dict.fromkeys(name for part in source.parts for name in part.table.header))
    result = Rows(header, [], [], {}, {})
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
            result.rows.append(Row(offset + line, cells, part.folder, part.split))
        result.faults.extend(Fault(offset + line, message) for line, message in table.faults)
        for line in (line for line in table.starts if line not in idle):
            result.starts[offset + line] = f"{_short(part)}line-{line}"
            if part.name:
                result.where[offset + line] = f"{part.name}, line {line}"
        last = max([offset, *(offset + line for line in table.starts), *(offset + line for line, _ in table.faults)])
    if not source.tables:
        place = header.index(ID)
        result.where.update({row.number: row.cells[place] for row in result.rows})
    return replace(result, empty=empty, headers=headers)


def _is_header(cells: list[str], header: list[str]) -> bool:
    return len(cells) > 1 and [cell.lstrip("\ufeff") for cell in cells] == header


def roles_of(rows: Rows) -> Columns:
    """What the columns probably hold; which of them to learn is for the reader to say."""
    return replace(suggest(rows.header, [row.cells for row in rows.rows]), tasks=())


def _short(part: Part) -> str:
    """What the ids of a part's rows begin with, so that they differ from those of another part."""
    if not part.name:
        return ""
    name, _, sheet = part.name.partition(", sheet ")
    return f"{sheet or PurePosixPath(name).with_suffix('')}-"
