"""Products whose embeddings may be too many for memory.

In: products, encoders and a store. Out: their batch, with embeddings in memory or `RowsOnDisk`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from retail.dataset.product_table import each
from retail.encoders import Encoder
from retail.schema import Modality, Note, Product, Progress, Vocabulary
from retail.store import EmbeddingBatch, EmbeddingStore, embed_products
from retail.store.on_disk import RowsOnDisk, add, new_file

MOST_IN_MEMORY = 2**29  # bytes of embeddings, 70,000 products with three inputs
AT_ONCE = 8192  # products embedded between two writes


def embed_large(
    products: Sequence[Product],
    encoders: Mapping[Modality, Encoder],
    vocabularies: Mapping[str, Vocabulary],
    store: EmbeddingStore,
    progress: Progress | None = None,
) -> tuple[EmbeddingBatch, list[Note]]:
    """As `embed_products`; embeddings of more than MOST_IN_MEMORY are left on disk."""
    if 4 * len(products) * sum(encoder.dim for encoder in encoders.values()) <= MOST_IN_MEMORY:
        return embed_products(products, encoders, vocabularies, store, progress)
    written = {modality: new_file(store.root) for modality in encoders}
    masks: dict[str, list[Tensor]] = {modality: [] for modality in encoders}
    targets: dict[str, list[Tensor]] = {task: [] for task in vocabularies}
    notes: list[Note] = []
    for start in range(0, len(products), AT_ONCE):
        part, said = embed_products(products[start : start + AT_ONCE], encoders, vocabularies, store)
        for modality in encoders:
            add(written[modality], part.embeddings[modality])
            masks[modality].append(part.present[modality])
        for task in vocabularies:
            targets[task].append(part.targets[task])
        notes += said
        if progress:
            progress("Encoding products", min(start + AT_ONCE, len(products)), len(products))
    rows = {modality: RowsOnDisk.of(file, encoders[modality].dim) for modality, file in written.items()}
    present = {modality: torch.cat(own) for modality, own in masks.items()}
    wanted = {task: torch.cat(own) for task, own in targets.items()}
    return EmbeddingBatch(tuple(each(products, "id")), rows, present, wanted), notes  # type: ignore[arg-type]
