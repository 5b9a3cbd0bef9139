"""Rows that go on with the product of a row above, as shop systems export a product with several photos.

In: the ids and cells of a table. Out: which rows go on, and with which row's product.
"""

from __future__ import annotations

from collections.abc import Sequence

MOST_FILLED = 0.5  # of the cells that the product's first row fills; a row with more is a product of its own


def continued_rows(ids: Sequence[str], rows: Sequence[Sequence[str]]) -> dict[int, int]:
    """{row: the first row of its id} for rows that repeat an id and fill few cells beside it."""
    first: dict[str, int] = {}
    found = {}
    for place, name in enumerate(ids):
        start = first.setdefault(name, place)
        if name and start != place and _filled(rows[place]) <= MOST_FILLED * _filled(rows[start]):
            found[place] = start
    return found


def _filled(cells: Sequence[str]) -> int:
    return sum(map(bool, cells))
