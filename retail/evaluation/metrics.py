"""Scores of one model on one task, with intervals that resample the test rows.

In: arrays of target and predicted classes (any hashable dtype) and confidences. Out: fractions in [0, 1].
Classification metrics come from scikit-learn and resampling from SciPy; only ECE is computed here.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from scipy.stats import bootstrap
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score

# Enough resamples for a 95 % percentile interval to be stable to about a tenth of its width.
RESAMPLES = 2000
CALIBRATION_BINS = 15


def bootstrap_interval(values: np.ndarray, seed: int = 0, confidence_level: float = 0.95) -> tuple[float, float]:
    """Percentile bootstrap interval of the mean of (N,) per-row values (Efron 1979).

    A constant column has no spread to resample: its interval is the value itself.
    """
    values = np.asarray(values, dtype=float)
    if len(values) == 0:
        return float("nan"), float("nan")
    if len(values) < 2 or np.ptp(values) == 0:
        return float(values[0]), float(values[0])
    interval = bootstrap(
        (values,),
        np.mean,
        n_resamples=RESAMPLES,
        confidence_level=confidence_level,
        method="percentile",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return float(interval.low), float(interval.high)


def paired_difference(ours: np.ndarray, theirs: np.ndarray, seed: int = 0) -> tuple[float, float, float]:
    """Mean, low and high of `ours - theirs`, two (N,) columns over the same rows, by paired bootstrap."""
    if len(ours) != len(theirs):
        raise AssertionError("paired columns must hold the same rows")
    difference = np.asarray(ours, dtype=float) - np.asarray(theirs, dtype=float)
    low, high = bootstrap_interval(difference, seed)
    return float(difference.mean()), low, high


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


def score(target: np.ndarray, preds: np.ndarray, confidence: np.ndarray) -> dict[str, Any]:
    """Every metric of one task on the rows given: n, accuracy with interval, balanced accuracy, macro-F1, ECE."""
    if len(target) == 0:
        empty = float("nan")
        keys = ("accuracy", "accuracy_low", "accuracy_high", "balanced_accuracy", "macro_f1", "ece")
        return {"n": 0} | dict.fromkeys(keys, empty)
    correct = target == preds
    low, high = bootstrap_interval(correct)
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
