"""What one trained model answers on validation and test rows with each subset of the inputs.

In: a trained head and `Splits`. Out: `TaskAnswers` per task, the probabilities that calibration, prediction sets,
attribution, cascade and hierarchy are computed from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from retail.fusion import FusionHead
from retail.schema import MODALITIES, SUBSETS, Modality
from retail.splits import Splits
from retail.store import EmbeddingBatch
from retail.training import fit_temperatures, predict_probs

Subset = tuple[Modality, ...]


@dataclass(frozen=True)
class TaskAnswers:
    """Probabilities of one task, calibrated unless said otherwise; a target of -1 is no label.

    A target of C_t or more is a class that training never saw: no answer to it is right.
    """

    classes: tuple[str, ...]
    temperature: float
    uncalibrated: np.ndarray  # (N_test, C_t) with all inputs
    val: Mapping[Subset, np.ndarray]  # (N_val, C_t)
    test: Mapping[Subset, np.ndarray]  # (N_test, C_t)
    val_target: np.ndarray  # (N_val,)
    test_target: np.ndarray  # (N_test,)
    present: Mapping[Modality, np.ndarray]  # (N_test,) bool

    @property
    def inputs(self) -> Subset:
        """All the inputs that the model takes."""
        return max(self.test, key=len)


def judged(probs: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(N, C) and (N,) -> confidence and correctness of the labelled rows."""
    known = target >= 0
    return probs[known].max(1), probs[known].argmax(1) == target[known]


def answers_of(
    head: FusionHead, tasks: Sequence[str], splits: Splits, test_targets: Mapping[str, np.ndarray]
) -> dict[str, TaskAnswers]:
    """What a trained head answers on both splits with every subset of its inputs."""
    temperatures = fit_temperatures(head, splits.val)
    subsets = [subset for subset in SUBSETS if set(subset) <= set(head.dims)]

    def answered(batch: EmbeddingBatch) -> dict[Subset, dict[str, np.ndarray]]:
        found = {subset: predict_probs(head, batch.only(subset), temperatures) for subset in subsets}
        return {subset: {task: probs.numpy() for task, probs in answer.items()} for subset, answer in found.items()}

    val, test, uncalibrated = answered(splits.val), answered(splits.test), predict_probs(head, splits.test)
    return {
        task: TaskAnswers(
            classes=splits.vocabularies[task].classes,
            temperature=temperatures[task],
            uncalibrated=uncalibrated[task].numpy(),
            val={subset: answer[task] for subset, answer in val.items()},
            test={subset: answer[task] for subset, answer in test.items()},
            val_target=splits.val.targets[task].numpy(),
            test_target=test_targets[task],
            present={
                modality: splits.test.present[modality].numpy() for modality in MODALITIES if modality in head.dims
            },
        )
        for task in tasks
    }
