"""Sets of answers that hold the right one as often as promised: split conformal prediction.

In: (N, C) probabilities of rows not trained on, their targets and the promised coverage. Out: (M, C) sets.
Vovk et al. 2005; the score 1 - p(true class) is that of Sadinle, Lei and Wasserman 2019 (arXiv:1609.00451).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from retail.metrics.scores import independent_rows

PROMISES = (0.90, 0.95)
CHANCE = 0.023  # of a warning where nothing is wrong: two standard errors


@dataclass(frozen=True)
class KeptSets:
    """Promised and found coverage of n rows, mean size and share of sets of one; NaN where there are no rows."""

    promised: float
    least_probability: float
    n: int
    coverage: float = math.nan
    size: float = math.nan
    single: float = math.nan
    lowest_by_chance: float = math.nan


def least_probability(probs: np.ndarray, target: np.ndarray, coverage: float) -> float:
    """The probability from which on a class enters the set; 0 (every class) when the rows are too few to promise.

    A target beyond the C known classes is a row that no set holds.
    """
    labelled = target >= 0
    known = labelled & (target < probs.shape[1])
    scores = np.sort(np.append(1 - probs[known, target[known]], np.ones(labelled.sum() - known.sum())))
    rank = math.ceil((len(scores) + 1) * coverage)  # the finite-sample correction
    return float(1 - scores[rank - 1]) if rank <= len(scores) else 0.0


def prediction_sets(probs: np.ndarray, least: float | np.ndarray) -> np.ndarray:
    """(M, C) bool for one least probability, or one for each class (C,).

    The likeliest class is always in, so no set is empty and the coverage can only rise.
    """
    sets = probs >= least
    sets[np.arange(len(probs)), probs.argmax(1)] = True
    return sets


def covered(sets: np.ndarray, target: np.ndarray) -> np.ndarray:
    """(M,) bool: is the target in the set; a class beyond the known ones never is."""
    known = target < sets.shape[1]
    inside = np.zeros(len(target), dtype=bool)
    inside[known] = sets[known, target[known]]
    return inside


def lowest_by_chance(inside: np.ndarray, promised: float, n_val: int, groups: np.ndarray | None = None) -> float:
    """The least coverage of (N,) test rows that chance explains where validation is like test.

    Over the draws of n validation rows the coverage is Beta((n + 1) promised, (n + 1)(1 - promised)) (Vovk 2012,
    arXiv:1209.2673), and test rows are drawn from that. Validation is taken to come in groups as the test rows do.
    """
    from scipy.stats import betabinom

    rows = independent_rows(inside, groups)
    drawn = n_val * rows / len(inside) + 1
    least = betabinom.ppf(CHANCE, round(rows), drawn * promised, drawn * (1 - promised))
    return float(least / round(rows))


def conformal_rows(
    val_probs: np.ndarray,
    val_target: np.ndarray,
    test_probs: np.ndarray,
    test_target: np.ndarray,
    groups: np.ndarray | None = None,
) -> list[KeptSets]:
    """Promised and found coverage with the mean size of a set, on labelled test rows; `groups` are those rows'."""
    rows = []
    labelled, n_val = test_target >= 0, int((val_target >= 0).sum())
    for promised in PROMISES:
        least = least_probability(val_probs, val_target, promised)
        sets = prediction_sets(test_probs[labelled], least)
        inside, sizes = covered(sets, test_target[labelled]), sets.sum(1)
        found = [inside.mean(), sizes.mean(), (sizes == 1).mean()] if len(inside) else []
        if found:
            found.append(lowest_by_chance(inside, promised, n_val, groups))
        rows.append(KeptSets(promised, least, len(inside), *map(float, found)))
    return rows
