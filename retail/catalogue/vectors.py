"""Vectors of a catalogue's views: a table for each encoder's fingerprint, so that two encoders never mix.

In: an encoder, views and a store of embeddings. Out: `ViewVectors`, and the nearest views of a query.

A vector can be computed again, so these tables may lag behind the products: what they lack is embedded when somebody
asks, and rows of views that are gone are passed over until they are swept.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from retail.catalogue.filters import among
from retail.catalogue.places import table_folder
from retail.catalogue.upkeep import index_vectors
from retail.catalogue.writing import writing

if TYPE_CHECKING:
    from retail.encoders import Encoder

# Clusters that are looked into, and candidates that are ranked exactly for each result; benchmarks/catalogue.md. Where
# many results are wanted, as behind a filter, the coarse ranks of the last ones are less sure and take more of both.
PROBES, CANDIDATES = 100, 5
MANY, PROBES_FOR_MANY, CANDIDATES_FOR_MANY = 50, 300, 10
# Vectors of an encoder that nobody added to for so long are dropped; the store of embeddings still has them.
KEPT_DAYS = 90
FRONT = "vectors_"  # what the names of these tables begin with


@dataclass(frozen=True, eq=False)
class ViewVectors:
    """N views that an encoder embedded: `vectors` (N, D) float32, in the order of `Catalogue.views`."""

    views: tuple[str, ...]
    products: tuple[str, ...]
    vectors: np.ndarray

    def __len__(self) -> int:
        return len(self.views)


def owner_of(encoder: Encoder) -> str:
    """What an encoder's vectors are kept under, as in the store of embeddings."""
    from retail.store import READINGS

    return " ".join(filter(None, (encoder.fingerprint, READINGS.get(encoder.modality))))


class VectorTable:
    """The vectors of one owner in a catalogue's database."""

    def __init__(self, database: Any, folder: Path, owner: str, dim: int) -> None:
        self.database, self.folder, self.owner, self.dim = database, folder, owner, dim
        self.name = f"{FRONT}{hashlib.sha256(owner.encode()).hexdigest()[:16]}"
        self.place = table_folder(folder, self.name)
        self._open: Any = None

    @property
    def schema(self) -> pa.Schema:
        """One row a view; `view` says also which product it belongs to."""
        vector = pa.list_(pa.float32(), self.dim)
        return pa.schema([("view", pa.string()), ("product", pa.string()), ("vector", vector)])

    @property
    def table(self) -> Any:
        """The table, None where nothing was embedded yet."""
        if self._open is None and self.place.is_dir():
            self._open = self.database.open_table(self.name)
        return self._open

    def kept(self) -> set[str]:
        """The ids of the views that have a vector."""
        if self.table is None:
            return set()
        return set(self.table.search().select(["view"]).to_arrow()["view"].to_pylist())

    def keep(self, views: Sequence[str], products: Sequence[str], vectors: np.ndarray) -> None:
        """Adds N rows with vectors (N, D); a view that is there already is replaced."""
        flat = pa.array(np.ascontiguousarray(vectors, dtype=np.float32).reshape(-1))
        columns = [pa.array(views), pa.array(products), pa.FixedSizeListArray.from_arrays(flat, self.dim)]
        rows = pa.Table.from_arrays(columns, schema=self.schema)
        with writing(self.place):
            if self.table is None:
                self._open = self.database.create_table(self.name, schema=self.schema, exist_ok=True)
            self.table.merge_insert("view").when_matched_update_all().when_not_matched_insert_all().execute(rows)

    def of(self, views: Sequence[str], products: Sequence[str]) -> ViewVectors:
        """The vectors of those of these N views that have one, in this order."""
        if self.table is None or not views:
            return ViewVectors((), (), np.zeros((0, self.dim), np.float32))
        rows = self.table.to_arrow()
        places = pc.index_in(pa.array(views), rows["view"].combine_chunks())  # (N,), null for none
        there = np.flatnonzero(places.is_valid().to_numpy(zero_copy_only=False)).tolist()
        taken = places.drop_null().to_numpy()
        flat = rows["vector"].combine_chunks().flatten().to_numpy()
        return ViewVectors(
            tuple(views[place] for place in there),
            tuple(products[place] for place in there),
            flat.reshape(-1, self.dim)[taken],
        )

    def nearest(self, query: np.ndarray, count: int, wanted: str = "") -> list[tuple[str, str, float]]:
        """The `count` views nearest to a query (D,), with their products and cosines; `wanted` is a condition.

        An index finds candidates, which are ranked by their exact cosine. With a condition every row that passes is
        compared, so it should be one that few pass.
        """
        if self.table is None:
            return []
        search = self.table.search(query.astype(np.float32), vector_column_name="vector").distance_type("cosine")
        probes, candidates = (PROBES, CANDIDATES) if count <= MANY else (PROBES_FOR_MANY, CANDIDATES_FOR_MANY)
        search = search.nprobes(probes).refine_factor(candidates).limit(count).select(["view", "product", "_distance"])
        rows = (search.bypass_vector_index().where(wanted) if wanted else search).to_arrow()
        similarity = (1 - distance for distance in rows["_distance"].to_pylist())
        return list(zip(rows["view"].to_pylist(), rows["product"].to_pylist(), similarity, strict=True))

    def sweep(self, gone: Sequence[str]) -> None:
        """Deletes the rows of views that are gone."""
        with writing(self.place):
            for start in range(0, len(gone), 1000):
                self.table.delete(among("view", gone[start : start + 1000]))

    def tidy(self) -> None:
        """Keeps the table quick after many writes; others may read meanwhile."""
        if self.table is not None:
            with writing(self.place):
                index_vectors(self.table)


def drop_old_vectors(database: Any, folder: Path, used: Collection[str]) -> None:
    """Drops the tables of encoders that are none of those `used` and were not added to for months."""
    oldest = time.time() - KEPT_DAYS * 24 * 3600
    for place in folder.glob(f"{FRONT}*.lance"):
        if place.stem not in used and all(file.stat().st_mtime < oldest for file in (place / "_versions").glob("*")):
            with writing(place):
                database.drop_table(place.stem)
