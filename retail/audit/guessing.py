"""Can the class be guessed from something that should not tell it? Cross-validated, against the commonest class.

In: features, labels and groups. Out: a `Guess` with an exact test; None where there are too few rows to ask.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from scipy.stats import binomtest
from sklearn.base import BaseEstimator, clone
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

FOLDS = 5
LEAST_ROWS = 30
# Some fifty questions are asked of a data set; at this level a clean one is accused once in twenty audits at most.
SIGNIFICANT = 0.001


@dataclass(frozen=True)
class Guess:
    """Accuracy on held-out rows beside the share of the commonest class; `correct` names places of the N rows."""

    n: int
    accuracy: float
    chance: float
    p_value: float
    correct: np.ndarray  # places of the rows guessed right

    @property
    def skill(self) -> float:
        """0 at chance, 1 without a fault."""
        return (self.accuracy - self.chance) / max(1 - self.chance, 1e-9)

    def tells(self, excess: float) -> bool:
        """Is it better than chance by this much, and by more than luck?"""
        return self.accuracy - self.chance >= excess and self.p_value < SIGNIFICANT


def cross_validated(
    model: BaseEstimator, features: np.ndarray, labels: np.ndarray, groups: np.ndarray, seed: int = 0
) -> Guess | None:
    """Guesses each label of (N,) from (N, ...) features by a model that saw no row of its group.

    Rows without a label, and of classes with fewer rows than folds, are left out. The exact binomial test counts
    groups, not rows: rows of one group are not independent.
    """
    names, counts = np.unique(labels[labels != ""].astype(str), return_counts=True)
    known = np.isin(labels.astype(str), names[counts >= FOLDS])
    places = np.flatnonzero(known)
    target, own = labels[places].astype(str), groups[places].astype(str)
    if len(places) < LEAST_ROWS or len(set(target)) < 2 or len(set(own)) < 2 * FOLDS:
        return None
    hits = np.zeros(len(places), dtype=bool)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a fold may lack a class; that only makes the guess worse
        alone = len(set(own)) == len(own)  # no groups to keep together: the same folds, found much faster
        splitter = (StratifiedKFold if alone else StratifiedGroupKFold)(FOLDS, shuffle=True, random_state=seed)
        for inside, outside in splitter.split(places[:, None], target, own):
            fitted = clone(model).fit(features[places[inside]], target[inside])
            hits[outside] = fitted.predict(features[places[outside]]) == target[outside]
    chance = float(np.unique(target, return_counts=True)[1].max() / len(target))
    _, group_of = np.unique(own, return_inverse=True)
    right = float((np.bincount(group_of, weights=hits) / np.bincount(group_of)).sum())
    n_groups = int(group_of.max()) + 1
    p_value = float(binomtest(int(right), n_groups, chance, alternative="greater").pvalue)
    return Guess(len(places), float(hits.mean()), chance, p_value, places[hits])
