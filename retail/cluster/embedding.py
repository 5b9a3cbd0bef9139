"""Filling a store with the embeddings of many products, as work that can be spread.

In: products and the names of encoders. Out: how many inputs were encoded, and what could not be.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from retail.cluster import Maker, files_here
from retail.encoders import load_preset
from retail.schema import Note, Product, Progress
from retail.store import embed_products
from retail.store.remote import store_at


@dataclass(frozen=True)
class Embedded:
    """What came of some products; the vectors lie in the store."""

    products: int
    computed: int
    notes: list[Note]


@dataclass(frozen=True)
class Embedding:
    """`store` as `store_at` takes it. With `many` products encoders run as graphs from the first on.

    Else they do once that pays, which a worker's own time decides, and float32 rounds otherwise there.
    """

    encoders: str
    store: str
    many: bool = False

    def ready(self) -> Maker[Sequence[Product], Embedded]:
        """Loads the encoders."""
        encoders = load_preset(self.encoders)
        for encoder in encoders.values() if self.many else ():
            encoder.make_ready()

        def embed(products: Sequence[Product], progress: Progress | None) -> Embedded:
            store = store_at(self.store)
            with files_here(products) as here:
                _, notes = embed_products(here, encoders, {}, store, progress)
            return Embedded(len(products), store.computed, notes)

        return embed
