"""Keeping a table quick after many small writes: files are joined, indices brought up to date, old versions dropped.

In: a table of a catalogue. Out: nothing; call it within `writing`. Others may read meanwhile.

Rows that no index covers yet are searched one by one, so a search is never behind; it only becomes slower.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

# Each commit adds a file that every later read opens. Joining them takes some 30 files to be flushed, a product 8.
MOST_FILES = 50
# Words are looked for one by one in rows that no index covers yet, 1 ms for 1,000: so many may wait, or this share.
MOST_WAITING, WAITING_SHARE = 5_000, 0.1
# A reader that began before stays on its version, whose files it may still open; a query takes seconds at most.
READERS_MINUTES = 10
# Below so many rows every vector is compared: exact, 60 ms at 512 numbers each, so an index would gain little.
INDEX_FROM = 50_000
# An index that lacks more than this share of the rows is made anew: its clusters no longer fit.
STALE = 0.3


def waiting(table: Any) -> int:
    """How many rows some index does not cover yet."""
    return max((index.num_unindexed_rows or 0 for index in table.list_indices()), default=0)


def tidy(table: Any) -> None:
    """Joins files and brings indices up to date, once there are many small writes."""
    stats = table.stats()
    many = stats["fragment_stats"]["num_fragments"] > MOST_FILES
    if many or waiting(table) > max(MOST_WAITING, WAITING_SHARE * stats["num_rows"]):
        join(table)


def join(table: Any) -> None:
    """Joins files, brings indices up to date and drops versions that no reader needs any more."""
    table.optimize(cleanup_older_than=timedelta(minutes=READERS_MINUTES))


def index_vectors(table: Any) -> None:
    """Indexes a table of vectors, once it is large or its index is stale; joins its files before."""
    from lancedb.index import BTree, IvfFlat, IvfRq

    rows, indices = table.count_rows(), {index.columns[0]: index for index in table.list_indices()}
    if rows < INDEX_FROM:
        return tidy(table)
    for column in ("view", "product"):
        if column not in indices:
            table.create_index(column, config=BTree())
    found = indices.get("vector")
    if found is None or (found.num_unindexed_rows or 0) > STALE * rows:
        eights = table.schema.field("vector").type.list_size % 8 == 0  # IVF_RQ takes no other
        table.create_index("vector", config=(IvfRq if eights else IvfFlat)(distance_type="cosine"), replace=True)
    tidy(table)
