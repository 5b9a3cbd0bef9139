"""Which rows belong together: those that share a voice, a shoot, a store, or whatever the group columns hold.

In: the cells of the group columns, row by row, or products. Out: the name of each row's group.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from retail.dataset.product_table import each
from retail.schema import Product

Cell = tuple[str, str]  # a column and a value


def group_names(columns: Sequence[str], rows: Sequence[Mapping[str, str]]) -> list[str]:
    """Of one column its value; of several, rows that share a value in any of them are one group.

    Such a group, a connected component of rows, is named by its first value in the alphabet, so a new row renames at
    most the groups that it ties together.
    """
    if len(columns) == 1:
        return [row[columns[0]] for row in rows]
    parent: dict[Cell, Cell] = {}

    def root(cell: Cell) -> Cell:
        parent.setdefault(cell, cell)
        while parent[cell] != cell:
            parent[cell] = cell = parent[parent[cell]]
        return cell

    held = [[(column, row[column]) for column in columns if row[column]] for row in rows]
    for cells in held:
        for cell in cells:
            one, other = sorted((root(cells[0]), root(cell)))
            parent[other] = one
    return [" ".join(root(cells[0])) if cells else "" for cells in held]


def tied_names(products: Sequence[Product], own: Mapping[str, str] | None = None) -> list[str]:
    """Rows of one group bear one name, every other row its own: its id, or what `own` calls it.

    Prefixed, so that a row without a group never meets a group of that name.
    """
    return [
        f"group {group}" if group else f"row {name if own is None else own[name]}"
        for name, group in zip(each(products, "id"), each(products, "group"), strict=True)
    ]
