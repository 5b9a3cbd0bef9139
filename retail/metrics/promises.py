"""How sure must an answer be so that answers like it are right as often as wished: a threshold with a guarantee.

In: (N,) confidences and correctness of rows that nothing was trained on. Out: thresholds that hold with 95 %
confidence, how many rows would do where none can be promised, and what a threshold makes of other rows.

The risk of a threshold is tested from the surest answers downwards, each by an exact binomial test, until one fails:
the fixed-sequence test of Learn then Test (Angelopoulos et al. 2021, arXiv:2110.01052). It starts at the first
threshold that leaves enough answers for a test to pass at all, which the confidences alone decide.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import expit
from scipy.stats import binom

from retail.metrics.scores import independent_of

# Wishes that a recogniser keeps thresholds for; one between two of them is answered with the stricter.
WISHES = (*np.arange(0.50, 0.90, 0.05).round(2).tolist(), *np.arange(0.90, 0.995, 0.01).round(2).tolist())
ERROR = 0.05  # chance that a threshold does not keep its promise
# Fixed beforehand, as the test demands; dense where confidences crowd.
GRID = expit(np.linspace(9, -4, 131))
MOST_ROWS = 100_000  # a promise that needs more validation rows is out of reach


@dataclass(frozen=True)
class Kept:
    """What a threshold makes of n labelled rows; without a threshold nothing is answered."""

    wished: float
    threshold: float | None
    n: int
    answered: int = 0
    coverage: float = 0.0
    accuracy: float | None = None
    broken: bool = False  # fewer are right than chance explains if the promise holds


def thresholds(
    confidence: np.ndarray, correct: np.ndarray, wishes: Sequence[float] = WISHES, groups: np.ndarray | None = None
) -> np.ndarray:
    """(W,) the lowest confidence for each wished accuracy from which on it holds with 95 % confidence; NaN: none.

    Rows of one group are alike: they count as the number of independent rows that would tell as much.
    """
    rows, right = _counts(confidence, correct, groups)
    found = np.full(len(wishes), np.nan)
    for place, wished in enumerate(wishes):
        start = int(np.argmax(rows >= fewest_rows(wished))) if (rows >= fewest_rows(wished)).any() else len(rows)
        # Chance of so many right answers where fewer than wished are right.
        passed = binom.sf(np.ceil(right[start:]) - 1, np.floor(rows[start:]), wished) <= ERROR
        length = len(passed) if passed.all() else int(np.argmin(passed))
        if length:
            found[place] = GRID[start + length - 1]
    return found


def fewest_rows(wished: float) -> int:
    """How many answers, all of them right, can promise this accuracy."""
    return math.ceil(math.log(ERROR) / math.log(wished))


def rows_needed(
    confidence: np.ndarray, correct: np.ndarray, wished: float, groups: np.ndarray | None = None
) -> int | None:
    """About how many validation rows would allow the promise, if they are like these; None: no number would.

    Of the thresholds that leave at least ten answers, the one whose accuracy so far takes the fewest.
    """
    rows, right = _counts(confidence, correct, groups)
    least = math.inf
    for n, k in zip(rows, right, strict=True):
        if n >= 10 and k / n > wished:
            share = n / len(confidence)  # independent answers a row
            least = min(least, _answers_needed(k / n, wished) / share)
    return math.ceil(least) if least <= MOST_ROWS else None


def kept(threshold: float, confidence: np.ndarray, correct: np.ndarray, wished: float) -> Kept:
    """What a threshold (NaN: none) makes of (N,) labelled rows."""
    answered = confidence >= threshold
    n = int(answered.sum())
    if math.isnan(threshold) or not n:
        return Kept(wished, None if math.isnan(threshold) else float(threshold), len(confidence))
    right = int(correct[answered].sum())
    broken = bool(binom.cdf(right, n, wished) < ERROR)
    return Kept(wished, float(threshold), len(confidence), n, n / len(confidence), right / n, broken)


def _counts(confidence: np.ndarray, correct: np.ndarray, groups: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """(G,) independent answers at each threshold of the grid, and how many of them are right."""
    order = np.argsort(-confidence, kind="stable")
    answered = np.searchsorted(-confidence[order], -GRID, side="right")  # (G,)
    right = np.concatenate([[0], np.cumsum(correct[order])])[answered].astype(float)
    rows = answered.astype(float)
    if groups is not None:
        codes = np.unique(groups.astype(str), return_inverse=True)[1][order]
        for place in range(len(GRID)):
            if n := answered[place]:
                counts = np.bincount(codes[:n])
                sums, accuracy = np.bincount(codes[:n], weights=correct[order][:n]), right[place] / n
                independent = independent_of(sums[counts > 0], counts[counts > 0], accuracy * (1 - accuracy))
                rows[place], right[place] = independent, accuracy * independent
    return rows, right


def _answers_needed(accuracy: float, wished: float) -> float:
    """So many answers of this accuracy promise the wished one (Clopper and Pearson 1934)."""
    low, high = 1, 2 * MOST_ROWS
    while low < high:
        middle = (low + high) // 2
        if binom.sf(math.ceil(middle * accuracy) - 1, middle, wished) <= ERROR:
            high = middle
        else:
            low = middle + 1
    return low
