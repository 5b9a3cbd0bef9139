"""Sets of answers that hold the right one as often as promised: split conformal prediction.

In: (N, C) probabilities of rows not trained on, their targets and the promised coverage. Out: (M, C) sets.
Vovk et al. 2005; the score 1 - p(true class) is that of Sadinle, Lei and Wasserman 2019 (arXiv:1609.00451).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

PROMISES = (0.90, 0.95)


def least_probability(probs: np.ndarray, target: np.ndarray, coverage: float) -> float:
    """The probability from which on a class enters the set; 0 (every class) when the rows are too few to promise."""
    known = target >= 0
    scores = np.sort(1 - probs[known, target[known]])
    rank = math.ceil((len(scores) + 1) * coverage)  # the finite-sample correction
    return float(1 - scores[rank - 1]) if rank <= len(scores) else 0.0


def prediction_sets(probs: np.ndarray, least: float) -> np.ndarray:
    """(M, C) bool; the likeliest class is always in, so no set is empty and the coverage can only rise."""
    sets = probs >= least
    sets[np.arange(len(probs)), probs.argmax(1)] = True
    return sets


def covered(sets: np.ndarray, target: np.ndarray) -> np.ndarray:
    """(M,) bool: is the target in the set; a class beyond the known ones never is."""
    known = target < sets.shape[1]
    inside = np.zeros(len(target), dtype=bool)
    inside[known] = sets[known, target[known]]
    return inside


def conformal_rows(
    val_probs: np.ndarray, val_target: np.ndarray, test_probs: np.ndarray, test_target: np.ndarray
) -> list[dict[str, Any]]:
    """Promised and found coverage with the mean size of a set, on labelled test rows."""
    rows = []
    labelled = test_target >= 0
    for promised in PROMISES:
        least = least_probability(val_probs, val_target, promised)
        sets = prediction_sets(test_probs[labelled], least)
        inside, sizes = covered(sets, test_target[labelled]), sets.sum(1)
        row = {"promised": promised, "least_probability": least, "n": len(inside)}
        found = {"coverage": inside.mean(), "size": sizes.mean(), "single": (sizes == 1).mean()} if len(inside) else {}
        rows.append(row | {name: float(value) for name, value in found.items()})
    return rows
