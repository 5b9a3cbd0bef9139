"""What every format of table is read into: a header, whole rows of strings, and what is wrong with the others.

In: cells. Out: a `Table`, or a UserError that says why the cells are none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from retail.outside.limits import (
    MAX_CELLS,
    MAX_COLUMNS,
    MAX_FAULTS,
    MAX_LINE_CHARACTERS,
    MAX_LINES,
    MAX_ROWS,
    MAX_TABLE_BYTES,
)
from retail.schema import UserError

MOST_TITLES = 10  # lines above a header; more are rows


class Fault(NamedTuple):
    """What is wrong in a line; lines count from 1."""

    line: int
    message: str


@dataclass(frozen=True)
class Table:
    """Cells without the spaces around them; a row has the number of its first line."""

    header: list[str]
    rows: Sequence[tuple[int, list[str]]]
    faults: list[Fault]
    starts: Sequence[int]  # the first line of every row, also of those left out


def named_columns(header: Sequence[str], rows: Sequence[tuple[int, list[str]]], name: str) -> list[str]:
    """The header, in which several columns without a name that hold a few notes are called by their place.

    Raises UserError, which names the file or sheet, where such a column is filled as a column of data is.
    """
    nameless = [place for place, column in enumerate(header) if not column]
    if len(nameless) < 2:
        return list(header)
    full = [p + 1 for p in nameless if 2 * sum(bool(filled(cells[p : p + 1])) for _, cells in rows) > len(rows)]
    if full:
        places = ", ".join(map(str, full[:5]))
        raise UserError(
            f"{name} has columns without a name ({places}); write names into its first row, or remove what stands "
            "above them."
        )
    return [column or f"column {place}" for place, column in enumerate(header, start=1)]


def require_columns_once(header: Sequence[str], name: str) -> None:
    """Raises UserError, which names the file or sheet, when two columns have one name."""
    if doubled := [column for column, count in Counter(header).items() if count > 1]:
        raise UserError(f"Column {doubled[0]!r} appears twice in {name}; rename one of them.")


def require_cells(rows: int, columns: int, name: str) -> None:
    """Raises UserError when a table unfolds to more cells than a machine should hold."""
    if rows * columns > MAX_CELLS:
        raise UserError(
            f"{name} spans {rows:,} rows × {columns:,} columns, but at most {MAX_CELLS:,} cells are read; "
            "remove what lies far from the table, or split it into parts."
        )
    if columns > MAX_COLUMNS:
        raise UserError(f"{name} has {columns:,} columns, but at most {MAX_COLUMNS:,} are read; is it a table at all?")
    if rows > MAX_ROWS:
        raise too_many_cells(name)


def too_many_cells(name: str) -> UserError:
    """Why a table is not read to its end."""
    return UserError(
        f"{name} has over {MAX_ROWS:,} rows or over {MAX_CELLS:,} cells, which are not read at once; split it into "
        "parts."
    )


def too_long(name: str, line: str, remedy: str) -> UserError:
    """Why a line is taken for no row."""
    return UserError(
        f"{line} of {name} has over {MAX_LINE_CHARACTERS:,} characters, so the file is taken for no table; save it as "
        f"{remedy}."
    )


def require_lines(text: str, name: str) -> None:
    """Raises UserError for a text of more lines than a table read at once may have, blank ones included."""
    if (lines := text.count("\n") + text.count("\r") - text.count("\r\n")) > MAX_LINES:
        raise UserError(f"{name} has {lines:,} lines, but at most {MAX_LINES:,} are read at once; split it into parts.")


def require_few_faults(faults: Sequence[Fault], name: str) -> None:
    """Raises UserError when so many rows are damaged that the table was hardly meant to be read like this."""
    if len(faults) > MAX_FAULTS:
        raise UserError(
            f"{name} has over {MAX_FAULTS:,} lines that cannot be used as they are; mend it first. Line "
            f"{faults[-1].line:,} has {faults[-1].message}"
        )


def whole_content(path: Path) -> bytes:
    """The bytes of a table that is read at once; raises UserError when it is too large for that."""
    with path.open("rb") as file:
        content = file.read(MAX_TABLE_BYTES + 1)
    if len(content) > MAX_TABLE_BYTES:
        raise UserError(
            f"{path.name} is larger than {MAX_TABLE_BYTES // 2**20} MB, which is not read at once; split it into parts."
        )
    return content


def filled(cells: Sequence[str]) -> int:
    """How many cells there are up to the last that holds something."""
    return max((place for place, cell in enumerate(cells, start=1) if cell.strip()), default=0)


def title_rows(rows: Sequence[tuple[int, list[str]]]) -> Sequence[tuple[int, list[str]]]:
    """The rows above the header of a table with three or more columns.

    Only their first cell holds something, or they fill at most half as many cells as the names below them.
    """
    header = next((place for place, (_, cells) in enumerate(rows) if filled(cells) > 1), 0)
    while header + 1 < len(rows) and _is_above(rows[header][1], rows[header + 1][1]):
        header += 1
    if header > MOST_TITLES or not any(filled(cells) for _, cells in rows[:header]):
        return []
    body = [filled(cells) for _, cells in rows[header:]]
    return rows[:header] if sum(count > 2 for count in body) > len(body) / 2 else []


def _is_above(cells: Sequence[str], names: Sequence[str]) -> bool:
    """Whether a row stands over several names each, which follow without a gap."""
    named = names[: filled(names)]
    count = sum(bool(cell.strip()) for cell in cells)
    return count < len(cells) and 2 * count <= len(named) and all(named) and len(set(named)) == len(named) > 2


def title_faults(titles: Sequence[tuple[int, list[str]]]) -> list[Fault]:
    """A sentence for each row that was taken for a title."""
    held = [(line, " ".join(filter(None, cells))) for line, cells in titles if filled(cells)]
    return [Fault(line, f"stands above the header and was read as a title: {cell[:60]!r}.") for line, cell in held]
