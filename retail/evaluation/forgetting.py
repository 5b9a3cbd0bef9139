"""Forgetting: what a fine-tuned encoder still knows of the data that its head was first trained on.

In: a source data set, the encoders before and after fine-tuning. Out: accuracy of one and the same source head on the
source validation rows, before and after, and the paired difference. The head never sees the new encoder.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from retail.config import TrainConfig
from retail.dataset.manifest import Manifest
from retail.encoders import Encoder
from retail.finetuning.record import Forgetting, Forgotten
from retail.fusion import FusionHead
from retail.metrics.paired import paired_test
from retail.schema import Modality, Product, Progress, UserError, Vocabulary
from retail.splits import groups_of, prepare, products_of
from retail.store import EmbeddingBatch, EmbeddingStore, embed_products
from retail.training import fit, predict_probs


@dataclass(frozen=True)
class SourceTask:
    """A head trained on the source with the untouched encoders, the validation rows and its answers on them."""

    name: str
    checksum: str
    products: list[Product]
    head: FusionHead
    vocabularies: dict[str, Vocabulary]
    right: dict[str, np.ndarray]  # {task: (n,) whether the labels were found}


def source_task(
    manifest: Manifest, encoders: Mapping[Modality, Encoder], config: TrainConfig, progress: Progress | None = None
) -> SourceTask:
    """Trains the source head; raises UserError when the source has none of the encoders' inputs or no labels."""
    splits = prepare(manifest, dict(encoders), EmbeddingStore(), progress, need_test=False)
    head = fit(splits.train, splits.val, splits.task_sizes, config).head
    right = right_answers(head, splits.val)
    products = products_of(manifest, splits.val)
    return SourceTask(manifest.title, manifest.checksum, products, head, splits.vocabularies, right)


def forgetting(
    source: SourceTask, encoders: Mapping[Modality, Encoder], progress: Progress | None = None
) -> Forgetting:
    """Accuracy of the source head under the new encoders beside that under the old ones."""
    used: dict[Modality, Encoder] = {name: encoder for name, encoder in encoders.items() if name in source.head.dims}
    batch, _ = embed_products(source.products, used, source.vocabularies, EmbeddingStore(), progress)
    tasks, groups = {}, groups_of(source.products)
    for task, after in right_answers(source.head, batch).items():
        before = source.right[task]
        known = (batch.targets[task] >= 0).numpy()
        test = paired_test(after, before, None if groups is None else groups[known])
        means = float(before.mean()), float(after.mean())
        tasks[task] = Forgotten(len(after), *means, test.difference, test.low, test.high)
    return Forgetting(source.name, source.checksum, tasks)


def right_answers(head: FusionHead, batch: EmbeddingBatch) -> dict[str, np.ndarray]:
    """{task: (n,) bool} over the labelled rows, False for a class that training lacks; tasks without are left out."""
    right = {}
    for task, probs in predict_probs(head, batch).items():
        known = batch.targets[task] >= 0
        if known.any():
            right[task] = (probs.argmax(1) == batch.targets[task])[known].numpy()
    if not right:
        raise UserError("The source data has no validation rows with labels; add some, or leave out --source.")
    return right


def check_shares_inputs(source: SourceTask, tuned: tuple[Modality, ...]) -> None:
    """Raises UserError when nothing that learns reads the source, so that nothing could be forgotten."""
    if not set(tuned) & set(source.head.dims):
        raise UserError(
            f"The source data has {' and '.join(source.head.dims)}, but --tune names {' and '.join(tuned)}; "
            "choose a source that has the tuned inputs."
        )
