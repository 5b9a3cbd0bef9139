"""What every format of table is read into: a header, whole rows of strings, and what is wrong with the others.

In: cells. Out: a `Table`, or a UserError that says why the cells are none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from retail.schema import UserError

# What a table may unfold to, whatever its file's size: 20 million strings fill over a gigabyte.
MOST_CELLS = 20_000_000
MOST_TITLES = 10  # lines above a header; more are rows


class Fault(NamedTuple):
    """What is wrong in a line; lines count from 1."""

    line: int
    message: str


@dataclass(frozen=True)
class Table:
    """Cells without the spaces around them; a row has the number of its first line."""

    header: list[str]
    rows: list[tuple[int, list[str]]]
    faults: list[Fault]
    starts: list[int]  # the first line of every row, also of those left out


def require_columns_once(header: Sequence[str], name: str) -> None:
    """Raises UserError, which names the file or sheet, when two columns have one name."""
    if doubled := [column for column, count in Counter(header).items() if count > 1]:
        raise UserError(f"Column {doubled[0]!r} appears twice in {name}; rename one of them.")


def require_cells(rows: int, columns: int, name: str) -> None:
    """Raises UserError when a table unfolds to more cells than a machine should hold."""
    if rows * columns > MOST_CELLS:
        raise UserError(
            f"{name} spans {rows:,} rows × {columns:,} columns, but at most {MOST_CELLS:,} cells are read; "
            "remove what lies far from the table, or split it into parts."
        )


def filled(cells: Sequence[str]) -> int:
    """How many cells there are up to the last that holds something."""
    return max((place for place, cell in enumerate(cells, start=1) if cell.strip()), default=0)


def title_rows(rows: Sequence[tuple[int, list[str]]]) -> Sequence[tuple[int, list[str]]]:
    """The rows above the header of a table with three or more columns: only their first cell holds something."""
    header = next((place for place, (_, cells) in enumerate(rows) if filled(cells) > 1), 0)
    if header > MOST_TITLES or not any(filled(cells) for _, cells in rows[:header]):
        return []
    body = [filled(cells) for _, cells in rows[header:]]
    return rows[:header] if sum(count > 2 for count in body) > len(body) / 2 else []


def title_faults(titles: Sequence[tuple[int, list[str]]]) -> list[Fault]:
    """A sentence for each row that was taken for a title."""
    held = [(line, cells[0]) for line, cells in titles if filled(cells)]
    return [Fault(line, f"stands above the header and was read as a title: {cell[:60]!r}.") for line, cell in held]
