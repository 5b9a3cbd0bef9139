"""Scores of one model on one task, with intervals that resample the test rows.

In: arrays of target and predicted classes (any hashable dtype) and confidences. Out: fractions in [0, 1].
Classification metrics come from scikit-learn; the bootstrap and ECE are computed here.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

# Enough resamples for a 95 % percentile interval to be stable to about a tenth of its width.
RESAMPLES = 2000
CALIBRATION_BINS = 15


def by_group(values: np.ndarray, groups: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """(N,) values and group names -> (G,) sums and (G,) row counts; without groups each row is its own."""
    values = np.asarray(values, dtype=float)
    if groups is None:
        return values, np.ones(len(values))
    _, place = np.unique(np.asarray(groups, dtype=str), return_inverse=True)
    return np.bincount(place, weights=values), np.bincount(place).astype(float)


def independent_rows(inside: np.ndarray, groups: np.ndarray | None) -> float:
    """How many independent rows tell the mean as well as these, which are alike within a group (Kish 1965)."""
    sums, counts = by_group(inside, groups)
    return independent_of(sums, counts, float(np.var(inside)))


def independent_of(sums: np.ndarray, counts: np.ndarray, variance: float) -> float:
    """The same from (G,) sums and counts of the groups and the variance of the rows."""
    n = counts.sum()
    spread = float(((sums - counts * sums.sum() / n) ** 2).sum())
    if not spread:  # all inside, all outside or one group: nothing tells how alike they are
        return len(sums)
    return min(max(n**2 * variance / spread, 1.0), n)


def bootstrap_interval(
    values: np.ndarray,
    seed: int = 0,
    confidence_level: float = 0.95,
    groups: np.ndarray | None = None,
    support: tuple[float, float] = (0.0, 1.0),
) -> tuple[float, float]:
    """Percentile bootstrap interval of the mean of (N,) per-row values that lie in `support` (Efron 1979).

    Whole groups are drawn (Davison and Hinkley 1997, section 3.8). A column without any spread has nothing to
    resample: what has not been seen in n draws may still make up 1 - 0.025^(1/n) (Clopper and Pearson 1934).
    """
    if len(values) == 0:
        return float("nan"), float("nan")
    sums, counts = by_group(values, groups)
    tail = (1 - confidence_level) / 2
    if np.ptp(sums / counts) < 1e-12:
        mean, unseen = float(sums[0] / counts[0]), 1 - tail ** (1 / len(sums))
        return mean - unseen * (mean - support[0]), mean + unseen * (support[1] - mean)
    # Few values are distinct, so drawing how often each occurs is the same bootstrap, many times faster.
    kinds, times = np.unique(np.stack([sums, counts], axis=1).round(12), axis=0, return_counts=True)
    draws = np.random.default_rng(seed).multinomial(len(sums), times / len(sums), size=RESAMPLES)  # (R, K)
    means = (draws @ kinds[:, 0]) / (draws @ kinds[:, 1])
    low, high = np.quantile(means, (tail, 1 - tail))
    return float(low), float(high)


def expected_calibration_error(confidence: np.ndarray, correct: np.ndarray) -> float:
    """Gap between confidence and accuracy, averaged over equal-width bins (Guo et al. 2017, arXiv:1706.04599).

    confidence: (N,) probability of the predicted class. correct: (N,) bool. Lower is better.
    """
    if len(confidence) == 0:
        return float("nan")
    edges = np.linspace(0, 1, CALIBRATION_BINS + 1)[1:-1]
    bins = np.digitize(confidence, edges, right=True)  # (N,) in 0..14
    gap = 0.0
    for place in np.unique(bins):
        inside = bins == place
        gap += inside.mean() * abs(confidence[inside].mean() - correct[inside].mean())
    return float(gap)


def score(
    target: np.ndarray, preds: np.ndarray, confidence: np.ndarray, groups: np.ndarray | None = None
) -> dict[str, Any]:
    """Every metric of one task on the rows given: n, accuracy with interval, balanced accuracy, macro-F1, ECE.

    The interval draws whole groups; without them each row is its own.
    """
    from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score

    if len(target) == 0:
        empty = float("nan")
        keys = ("accuracy", "accuracy_low", "accuracy_high", "balanced_accuracy", "macro_f1", "ece")
        return {"n": 0} | dict.fromkeys(keys, empty)
    correct = target == preds
    low, high = bootstrap_interval(correct, groups=groups)
    with warnings.catch_warnings():
        # A predicted class that no row has is a plain error here, not worth a warning.
        warnings.simplefilter("ignore")
        balanced = balanced_accuracy_score(target, preds)
    return {
        "n": len(target),
        "accuracy": float(accuracy_score(target, preds)),
        "accuracy_low": low,
        "accuracy_high": high,
        "balanced_accuracy": float(balanced),
        "macro_f1": float(f1_score(target, preds, average="macro", zero_division=0)),
        "ece": expected_calibration_error(np.asarray(confidence, dtype=float), correct),
    }
