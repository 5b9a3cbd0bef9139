"""Vectors of a catalogue's views: a table for each encoder's fingerprint, so that two encoders never mix.

In: an encoder, views and a store of embeddings. Out: `ViewVectors`, and the nearest views of a query.

A vector can be computed again, so these tables may lag behind the products: what they lack is embedded when somebody
asks, and rows of views that are gone are passed over until they are swept.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from retail.catalogue.filters import among
from retail.catalogue.writing import flushed, writing

if TYPE_CHECKING:
    from retail.encoders import Encoder


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
        self.name = f"vectors_{hashlib.sha256(owner.encode()).hexdigest()[:16]}"
        self._open: Any = None

    @property
    def schema(self) -> pa.Schema:
        """One row a view; `view` says also which product it belongs to."""
        vector = pa.list_(pa.float32(), self.dim)
        return pa.schema([("view", pa.string()), ("product", pa.string()), ("vector", vector)])

    @property
    def table(self) -> Any:
        """The table, None where nothing was embedded yet."""
        if self._open is None and (self.folder / f"{self.name}.lance").is_dir():
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
        with writing(self.folder), flushed(self.folder / f"{self.name}.lance"):
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

    def sweep(self, gone: Sequence[str]) -> None:
        """Deletes the rows of views that are gone."""
        with writing(self.folder):
            for start in range(0, len(gone), 1000):
                self.table.delete(among("view", gone[start : start + 1000]))
