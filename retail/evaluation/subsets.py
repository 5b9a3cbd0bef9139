"""What one trained model answers on validation and test rows with each subset of the inputs.

In: a trained head and `Splits`. Out: `TaskAnswers` per task, the probabilities that calibration, prediction sets,
attribution, cascade and hierarchy are computed from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from retail.certainty.calibration import Calibration
from retail.fusion import FusionHead
from retail.schema import MODALITIES, SUBSETS, Modality, Subset
from retail.splits import Splits
from retail.store import EmbeddingBatch
from retail.training import predict_logits, predict_probs


@dataclass(frozen=True)
class TaskAnswers:
    """Probabilities of one task, calibrated unless said otherwise; a target of -1 is no label.

    A target of C_t or more is a class that training never saw: no answer to it is right.
    """

    classes: tuple[str, ...]
    temperature: float  # with all inputs
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
    head: FusionHead,
    calibration: Calibration,
    tasks: Sequence[str],
    splits: Splits,
    test_targets: Mapping[str, np.ndarray],
) -> dict[str, TaskAnswers]:
    """What a trained head answers on both splits with every subset of its inputs."""
    subsets = [subset for subset in SUBSETS if set(subset) <= set(head.dims)]

    def calibrated(batch: EmbeddingBatch) -> dict[Subset, dict[str, Tensor]]:
        shown = {subset: batch.only(subset) for subset in subsets}
        return {subset: calibration.all_probs(predict_logits(head, rows), rows) for subset, rows in shown.items()}

    val, test, uncalibrated = calibrated(splits.val), calibrated(splits.test), predict_probs(head, splits.test)
    return {
        task: TaskAnswers(
            classes=splits.vocabularies[task].classes,
            temperature=calibration.temperature(task, subsets[-1]),
            uncalibrated=uncalibrated[task].numpy(),
            val={subset: probs[task].numpy() for subset, probs in val.items()},
            test={subset: probs[task].numpy() for subset, probs in test.items()},
            val_target=splits.val.targets[task].numpy(),
            test_target=test_targets[task],
            present={
                modality: splits.test.present[modality].numpy() for modality in MODALITIES if modality in head.dims
            },
        )
        for task in tasks
    }
