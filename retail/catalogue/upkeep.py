"""Keeping a table quick after many small writes: files are joined, indices brought up to date, old versions dropped.

In: a table of a catalogue. Out: nothing; call it within `writing`. Others may read meanwhile.

Rows that no index covers yet are searched one by one, so a search is never behind; it only becomes slower.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

# Each commit adds a file that every later read opens.
MOST_FILES = 50
# Wrong letters are forgiven only in rows that the index of words covers; up to so many products keeping it up after
# each write costs 30 ms.
SMALL = 5_000
# A reader that began before stays on its version, whose files it may still open; a query takes seconds at most.
READERS_MINUTES = 10
# Below so many rows every vector is compared: exact, 60 ms at 512 numbers each, so an index would gain little.
INDEX_FROM = 50_000
# An index that lacks more than this share of the rows is made anew: its clusters no longer fit.
STALE = 0.3


def tidy(table: Any) -> None:
    """Joins the files of small writes, once there are many; a small table's indices are brought up to date at once."""
    stats = table.stats()
    many = stats["fragment_stats"]["num_fragments"] > MOST_FILES
    if many or (stats["num_rows"] <= SMALL and any(index.num_unindexed_rows for index in table.list_indices())):
        table.optimize(cleanup_older_than=timedelta(minutes=READERS_MINUTES))


def index_vectors(table: Any) -> None:
    """Indexes a table of vectors, once it is large or its index is stale; joins its files before."""
    from lancedb.index import BTree, IvfFlat, IvfRq

    tidy(table)
    rows, indices = table.count_rows(), {index.columns[0]: index for index in table.list_indices()}
    if rows < INDEX_FROM:
        return
    for column in ("view", "product"):
        if column not in indices:
            table.create_index(column, config=BTree())
    found = indices.get("vector")
    behind = rows if found is None else found.num_unindexed_rows or 0
    if behind > STALE * rows:
        eights = table.schema.field("vector").type.list_size % 8 == 0  # IVF_RQ takes no other
        table.create_index("vector", config=(IvfRq if eights else IvfFlat)(distance_type="cosine"), replace=True)
    elif behind > INDEX_FROM:
        table.optimize(cleanup_older_than=timedelta(minutes=READERS_MINUTES))
