"""One method tried: fitted on the training rows and asked on the validation rows.

In: a `Method` and what was embedded. Out: a `Trial`, from which the recogniser is made if the method is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from retail.best.methods import Method
from retail.build import finetune_recognizer, frozen_recognizer, head_recognizer
from retail.config import FinetuneConfig, FrozenConfig, TrainConfig
from retail.dataset.manifest import Manifest
from retail.encoders import Encoder
from retail.finetuning.record import FinetuneEpoch
from retail.frozen.models import as_head, fit_frozen
from retail.frozen.rows import frozen_rows
from retail.fusion import FusionHead
from retail.recognizer import Recognizer
from retail.schema import Modality
from retail.splits import Splits, products_of
from retail.store import EmbeddingBatch, EmbeddingStore
from retail.training import fit, predict_probs
from retail.training.record import RowCounts, TrainingData, TrainingRecord


@dataclass(frozen=True)
class Bench:
    """What all methods share."""

    manifest: Manifest
    encoders: Mapping[Modality, Encoder]
    splits: Splits
    config: TrainConfig  # settings of heads; strategy and inputs are those of the method
    preset: str

    @property
    def groups(self) -> np.ndarray | None:
        """Of each labelled validation product, in the order of `right_answers`; None where each is one of its own."""
        if self.splits.val_groups is None:
            return None
        return self.splits.val_groups[_labelled(self.splits.val)]


@dataclass(frozen=True)
class Trial:
    """How right a method is on each labelled validation product, and the way to its recogniser."""

    right: tuple[float, ...]
    recognizer: Callable[[], Recognizer]


def try_logistic(method: Method, bench: Bench) -> Trial:
    """Logistic regression on the frozen embeddings of one input."""
    (modality,) = method.inputs
    encoder, splits = bench.encoders[modality], bench.splits
    products = {product.id: product for product in bench.manifest.products}
    train, val = (
        frozen_rows(batch, encoder, products, list(splits.vocabularies), name)
        for name, batch in (("training", splits.train), ("validation", splits.val))
    )
    config = FrozenConfig(classifier="logistic", class_balance=bench.config.class_balance, seed=bench.config.seed)
    model = fit_frozen(train.embeddings, train.targets, splits.task_sizes, config)
    info = TrainingRecord(config=config, data=_data(bench.manifest), rows=RowCounts(len(train), len(val)))
    return Trial(
        right_answers(as_head(model, modality), splits.val),
        lambda: frozen_recognizer(model, encoder, splits.vocabularies, train, val, info),
    )


def try_head(method: Method, bench: Bench) -> Trial:
    """A head on the frozen embeddings of all its inputs."""
    config = replace(bench.config, strategy=method.strategy, modalities=method.inputs)
    splits, encoders = bench.splits, {modality: bench.encoders[modality] for modality in method.inputs}
    result = fit(splits.train, splits.val, splits.task_sizes, config)
    return Trial(
        right_answers(result.head, splits.val),
        lambda: head_recognizer(bench.manifest, encoders, splits, config, result),
    )


def try_finetuning(
    method: Method,
    bench: Bench,
    tuning: FinetuneConfig,
    checkpoint: Path,
    on_epoch: Callable[[FinetuneEpoch], None],
) -> Trial:
    """Encoders and head together; a stopped one resumes from its checkpoint."""
    config = replace(bench.config, strategy=method.strategy, modalities=method.inputs)
    found = finetune_recognizer(bench.manifest, config, tuning, bench.preset, checkpoint, on_epoch=on_epoch)
    val, _ = found.embed(products_of(bench.manifest, bench.splits.val), EmbeddingStore())
    return Trial(right_answers(found.head, val), lambda: found)


def right_answers(head: FusionHead, val: EmbeddingBatch) -> tuple[float, ...]:
    """Of each labelled row the share of its questions that are answered right; without any of the inputs none is."""
    present = torch.stack([val.present[modality] for modality in head.dims]).any(0)
    right, asked = np.zeros(len(val)), np.zeros(len(val))
    for task, probs in predict_probs(head, val).items():
        labelled = val.targets[task] >= 0
        right += ((probs.argmax(1) == val.targets[task]) & labelled & present).numpy()
        asked += labelled.numpy()
    rows = _labelled(val)
    return tuple((right[rows] / asked[rows]).tolist())


def _labelled(val: EmbeddingBatch) -> np.ndarray:
    """(N,) whether a row has a label of any task."""
    return torch.stack([target >= 0 for target in val.targets.values()]).any(0).numpy()


def _data(manifest: Manifest) -> TrainingData:
    return TrainingData(manifest.title, manifest.checksum, manifest.group)
