"""One modality's embedded rows with their labels: what methods are fitted and scored on.

In: a `Manifest` and an encoder. Out: `FrozenRows` to train on and to score, without products that lack the modality.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from retail.dataset.manifest import Manifest
from retail.encoders import Encoder
from retail.schema import Product, Progress, UserError, Vocabulary
from retail.splits import prepare
from retail.store import EmbeddingBatch, EmbeddingStore


@dataclass(frozen=True)
class FrozenRows:
    """N rows. A label that training never saw has target C_t, which no answer meets, and keeps its name."""

    embeddings: Tensor  # (N, D)
    targets: Mapping[str, Tensor]  # task -> (N,) long, -1 = no label
    labels: Mapping[str, np.ndarray]  # task -> (N,) of str, "" = none
    declared_groups: tuple[str, ...] = ()  # the data's own group column, "" = none
    products: tuple[Product, ...] = ()  # what the embeddings were made of

    def __len__(self) -> int:
        return len(self.embeddings)

    def at(self, places: Any) -> FrozenRows:
        """The rows at these places, without their groups and products."""
        return FrozenRows(
            self.embeddings[places],
            {task: target[places] for task, target in self.targets.items()},
            {task: label[places] for task, label in self.labels.items()},
        )


def embedded_rows(
    manifest: Manifest,
    encoder: Encoder,
    split: str,
    progress: Progress | None = None,
    hear: Callable[[str], None] | None = None,
) -> tuple[FrozenRows, FrozenRows, dict[str, Vocabulary]]:
    """Training rows, the rows of `split` (val or test) and the tasks' vocabularies; embeddings come from the cache.

    `hear` is told of inputs that could not be read.

    Raises UserError for another split, and when no row of one of them has the encoder's modality.
    """
    if split not in ("val", "test"):
        raise UserError(f"Methods are scored on val or test rows, not on {split!r}.")
    splits = prepare(
        manifest, {encoder.modality: encoder}, EmbeddingStore(), progress, need_test=split == "test", hear=hear
    )
    products = {product.id: product for product in manifest.products}
    train, scored = (
        frozen_rows(batch, encoder, products, list(splits.vocabularies), name)
        for name, batch in (("train", splits.train), (split, splits.val if split == "val" else splits.test))
    )
    return train, scored, splits.vocabularies


def frozen_rows(
    batch: EmbeddingBatch, encoder: Encoder, products: Mapping[str, Product], tasks: list[str], split: str
) -> FrozenRows:
    """The rows of a batch that have the encoder's modality; raises UserError when there is none."""
    batch = batch.rows(batch.present[encoder.modality])
    if not len(batch):
        raise UserError(f"No {split} row has {encoder.modality}; choose another --modality, or add the files.")
    own = [products[name] for name in batch.ids]
    labels = {task: np.array([product.labels.get(task, "") for product in own], dtype=object) for task in tasks}
    return FrozenRows(
        batch.embeddings[encoder.modality], batch.targets, labels, tuple(product.group for product in own), tuple(own)
    )
