"""Does 80 % sure mean right 8 times in 10, and how sure must a model be to reach a wished accuracy?

In: (N,) confidences and correctness, or (N, C) probabilities and targets. Out: rows of plain numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from retail.metrics.scores import CALIBRATION_BINS, expected_calibration_error

WISHED_ACCURACIES = (0.90, 0.95, 0.99)
STORED_DIGITS = 6  # of a confidence: enough to tell apart what a head tells apart
COVERAGES = tuple(share / 10 for share in range(1, 11))


def brier(probs: np.ndarray, target: np.ndarray) -> float:
    """Mean squared distance of (N, C) probabilities from the truth, over all classes: 0 to 2 (Brier 1950).

    A target beyond the C known classes counts as a class that was given no probability.
    """
    if not len(probs):
        return float("nan")
    known = target < probs.shape[1]
    right = np.zeros(len(probs))
    right[known] = probs[known, target[known]]
    return float(((probs**2).sum(1) - 2 * right + 1).mean())


def reliability(confidence: np.ndarray, correct: np.ndarray) -> list[dict[str, Any]]:
    """Equal-width bins with their count, mean confidence and accuracy; an empty bin has neither of the last two."""
    edges = np.linspace(0, 1, CALIBRATION_BINS + 1)
    place = np.digitize(confidence, edges[1:-1], right=True)  # (N,) as in the ECE
    rows = []
    for bin_ in range(CALIBRATION_BINS):
        inside = place == bin_
        row: dict[str, Any] = {"from": float(edges[bin_]), "to": float(edges[bin_ + 1]), "n": int(inside.sum())}
        some = bool(inside.any())
        row["confidence"] = float(confidence[inside].mean()) if some else None
        rows.append(row | {"accuracy": float(correct[inside].mean()) if some else None})
    return rows


def calibration(uncalibrated: np.ndarray, calibrated: np.ndarray, target: np.ndarray) -> dict[str, Any]:
    """ECE, Brier score and reliability of labelled rows before and after the temperature."""
    row: dict[str, Any] = {"n": len(target)}
    for when, probs in (("before", uncalibrated), ("after", calibrated)):
        confidence, correct = probs.max(1), probs.argmax(1) == target
        row[f"ece_{when}"] = expected_calibration_error(confidence, correct)
        row[f"brier_{when}"] = brier(probs, target)
        row[f"reliability_{when}"] = reliability(confidence, correct)
    return row


def coverage_curve(confidence: np.ndarray, correct: np.ndarray) -> list[dict[str, float]]:
    """Accuracy when only the surest share of the rows is answered (El-Yaniv and Wiener 2010)."""
    if not len(confidence):
        return []
    order = np.argsort(-confidence, kind="stable")
    rows = []
    for coverage in COVERAGES:
        answered = order[: max(1, round(coverage * len(order)))]
        row = {"coverage": coverage, "threshold": float(confidence[answered[-1]])}
        rows.append(row | {"accuracy": float(correct[answered].mean())})
    return rows


def threshold_for(confidence: np.ndarray, correct: np.ndarray, accuracy: float) -> float | None:
    """The lowest confidence from which on answers reach the wished accuracy; None when nothing does."""
    order = np.argsort(-confidence, kind="stable")
    ranked = confidence[order]
    so_far = np.cumsum(correct[order]) / np.arange(1, len(order) + 1)
    last_of_equals = np.append(ranked[1:] < ranked[:-1], True)[: len(ranked)]
    reached = np.flatnonzero((so_far >= accuracy) & last_of_equals)
    return float(ranked[reached[-1]]) if len(reached) else None


def kept_promise(
    val: tuple[np.ndarray, np.ndarray], test: tuple[np.ndarray, np.ndarray], wished: float
) -> dict[str, float | None]:
    """For a wished accuracy the threshold that validation gives, and what the test rows make of it.

    `val` and `test` are confidences and correctness, (N,) each.
    """
    threshold = threshold_for(*val, wished)
    row: dict[str, float | None] = {"wished": wished, "threshold": threshold, "coverage": 0.0, "accuracy": None}
    confidence, correct = test
    if threshold is not None and (answered := confidence >= threshold).any():
        row |= {"coverage": float(answered.mean()), "accuracy": float(correct[answered].mean())}
    return row


def stored(confidence: np.ndarray, correct: np.ndarray) -> dict[str, list]:
    """Confidences and correctness as a results file holds them, so that any wish can be asked of it later."""
    return {"confidence": np.round(confidence, STORED_DIGITS).tolist(), "correct": correct.astype(int).tolist()}


def as_stored(judged: Mapping[str, Sequence[float]]) -> tuple[np.ndarray, np.ndarray]:
    """The arrays of `stored`."""
    return np.array(judged["confidence"], dtype=float), np.array(judged["correct"], dtype=bool)
