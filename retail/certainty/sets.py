"""Sets of answers that hold the right one as often as wished, for each task and subset of the inputs.

In: calibrated validation rows. Out: `PredictionSets`. Split conformal prediction, Mondrian by which inputs are there
(Vovk et al. 2005): each class with rows enough has a bound of its own, all others one together.
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

# Fewer validation rows of a class have no bound of their own. Validation folds of fashion at 90 %: the worst of the
# classes with 40 rows is covered 71 % of the time without own bounds, 86 % with them from 40 rows on (sets of 2.9
# instead of 2.4 classes), 89 % from 100 on (2.5). The others' bound leaves these classes' rows out: otherwise their
# surplus of coverage hides what the others lack.
CLASS_ROWS = 100


@dataclass(frozen=True, eq=False)
class Least:
    """The probability from which on a class enters the set, for every wish; some classes have one of their own."""

    pooled: np.ndarray  # (W,) of all classes without one
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
    others = ~np.isin(target, classes)
    pooled, own = np.zeros(len(WISHES)), np.zeros((len(WISHES), len(classes)))
    for place, wished in enumerate(WISHES):
        if (others.sum() + 1) * (1 - wished) < 1 - 1e-9:  # too few others for a bound: one for all classes
            pooled[place] = own[place] = least_probability(probs, target, wished)
            continue
        pooled[place] = least_probability(probs[others], target[others], wished)
        own[place] = [least_probability(probs[rows], target[rows], wished) for rows in (target == c for c in classes)]
    return Least(pooled, classes, own)
