"""Sets of answers that hold the right one as often as wished, for each task and subset of the inputs.

In: calibrated validation rows. Out: `PredictionSets`. Split conformal prediction, Mondrian by which inputs are there
(Vovk et al. 2005) and by class where a class has rows enough for itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from retail.certainty.calibration import Calibration
from retail.certainty.judged import JudgedRows
from retail.certainty.promises import wish_place
from retail.metrics.conformal import least_probability, prediction_sets
from retail.metrics.promises import WISHES
from retail.schema import Subset

CLASS_ROWS = 40  # fewer validation rows of a class leave its own bound too rough


@dataclass(frozen=True, eq=False)
class Least:
    """The probability from which on a class enters the set, for every wish; some classes have one of their own."""

    pooled: np.ndarray  # (W,)
    classes: np.ndarray  # (K,) long
    own: np.ndarray  # (W, K)


@dataclass(frozen=True, eq=False)
class PredictionSets:
    """Empty where nobody could fit any: then a set holds every class."""

    least: Mapping[tuple[str, Subset], Least] = field(default_factory=dict)

    @classmethod
    def fit(cls, calibration: Calibration, rows: Mapping[Subset, JudgedRows]) -> PredictionSets:
        """On the rows of each subset that have a label; a class that training never saw is in no set."""
        found = {}
        for subset, judged in rows.items():
            for task in judged.logits:
                logits, target, _ = judged.labelled(task)
                if len(target):
                    probs = calibration.probs(task, subset, logits).numpy()
                    found[task, subset] = _least(probs, target.numpy())
        return cls(found)

    def of(self, task: str, subset: Subset, probs: np.ndarray, wished: float) -> np.ndarray:
        """(N, C) probabilities -> (N, C) bool."""
        found = self.least.get((task, subset))
        if found is None:
            return np.ones(probs.shape, dtype=bool)
        least = np.full(probs.shape[1], found.pooled[wish_place(wished)])
        least[found.classes] = found.own[wish_place(wished)]
        return prediction_sets(probs, least)


def _least(probs: np.ndarray, target: np.ndarray) -> Least:
    counts = np.bincount(target[target < probs.shape[1]], minlength=probs.shape[1])
    classes = np.flatnonzero(counts >= CLASS_ROWS)
    own = [
        [least_probability(probs[rows], target[rows], wished) for rows in (target == c for c in classes)]
        for wished in WISHES
    ]
    pooled = np.array([least_probability(probs, target, wished) for wished in WISHES])
    return Least(pooled, classes, np.array(own).reshape(len(WISHES), len(classes)))
