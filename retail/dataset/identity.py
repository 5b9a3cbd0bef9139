"""What each row is called, and one product out of several rows.

In: rows and the cells of their ids. Out: `Names`, and products joined.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from retail.dataset.remarks import Remark
from retail.dataset.rows import Rows
from retail.dataset.tables.damage import rounded_numbers
from retail.schema import Product
from retail.wording import number_of


@dataclass(frozen=True)
class Names:
    """A name for each row; `given` when they come from a column of ids."""

    names: list[str]
    given: bool
    remarks: tuple[Remark, ...]


def names_of(table: Rows, cells: Sequence[str] | None) -> Names:
    """As the row's id says, else after its place.

    Numbers that a spreadsheet rounded name nothing; ids that start anew in every table get its name in front.
    """
    numbers, starts, remarks = table.numbers, table.starts, []
    given, cells = cells is not None, cells or [""] * len(numbers)
    rounded = rounded_numbers(cells)
    if rounded > 1 and len(set(cells)) < len(cells):
        example = next(cell for cell in cells if rounded_numbers([cell]))
        sentence = (
            f"{rounded:,} of {len(numbers):,} product numbers were rounded by a spreadsheet (such as {example!r}), so "
            "rows are named after their line; format the column as text and export the table again."
        )
        remarks.append(Remark("cells", rounded, sentence))
        given, cells = False, [""] * len(numbers)
    names = [cell or starts[number] for cell, number in zip(cells, numbers, strict=True)]
    table_of = [starts[number].rpartition("line-")[0] for number in numbers]
    several = len(set(table_of)) > 1
    first = dict(zip(reversed(names), reversed(table_of), strict=True)) if several else {}  # id -> its first table
    again = [place for place, name in enumerate(names) if several and table_of[place] != first[name]]
    for place in again:
        names[place] = table_of[place] + names[place]
    if again:
        sentence = (
            f"{number_of(len(again), 'id comes', 'ids come')} in several tables, in the later one with its name in "
            "front."
        )
        remarks.append(Remark("rows", len(again), sentence))
    return Names(names, given, tuple(remarks))


def joined_rows(one: Product, other: Product, say: Callable[[str, str], None]) -> Product:
    """One product of two rows: the photos of both, and of everything else the first that is given.

    `say` hears of a task and the label that is not kept.
    """
    for task, label in other.labels.items():
        if label and one.labels.get(task) and one.labels[task] != label:
            say(task, f"{label!r}, but an earlier row of {one.id!r} says {one.labels[task]!r}, which stays.")
    return replace(
        one,
        images=tuple(dict.fromkeys([*one.images, *other.images])),
        text=one.text or other.text,
        audio=one.audio or other.audio,
        labels={task: one.labels.get(task) or label for task, label in other.labels.items()},
        split=one.split or other.split,
        group=one.group or other.group,
    )
