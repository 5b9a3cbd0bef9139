"""Does 80 % sure mean right 8 times in 10, and how sure must a model be to reach a target accuracy?

In: (N,) confidences and correctness, or (N, C) probabilities and targets. Out: frozen records of plain numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from retail.metrics.scores import CALIBRATION_BINS, expected_calibration_error

WISHED_ACCURACIES = (0.90, 0.95, 0.99)
DRAWS = 200  # of what chance alone makes of a calibration error
COVERAGES = tuple(share / 10 for share in range(1, 11))


@dataclass(frozen=True)
class Bin:
    """The answers whose confidence lies between `low` and `high`; an empty bin has neither mean."""

    low: float
    high: float
    n: int
    confidence: float | None
    accuracy: float | None


@dataclass(frozen=True)
class BeforeAndAfter:
    """What the temperature makes of n labelled rows."""

    n: int
    ece_before: float
    brier_before: float
    reliability_before: list[Bin]
    ece_after: float
    brier_after: float
    reliability_after: list[Bin]


@dataclass(frozen=True)
class Answered:
    """Accuracy of the most confident share of the rows, all at least `threshold` sure."""

    coverage: float
    threshold: float
    accuracy: float


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


def error_by_chance(confidence: np.ndarray) -> float:
    """The calibration error that (N,) independent answers of exactly these confidences stay below in 95 % of draws."""
    if not len(confidence):
        return float("nan")
    draws = np.random.default_rng(0).random((DRAWS, len(confidence)))  # (R, N)
    return float(np.quantile([expected_calibration_error(confidence, draw < confidence) for draw in draws], 0.95))


def reliability(confidence: np.ndarray, correct: np.ndarray) -> list[Bin]:
    """Equal-width bins with their count, mean confidence and accuracy."""
    edges = np.linspace(0, 1, CALIBRATION_BINS + 1)
    place = np.digitize(confidence, edges[1:-1], right=True)  # (N,) as in the ECE
    rows = []
    for bin_ in range(CALIBRATION_BINS):
        inside = place == bin_
        means = [float(values[inside].mean()) if inside.any() else None for values in (confidence, correct)]
        rows.append(Bin(float(edges[bin_]), float(edges[bin_ + 1]), int(inside.sum()), *means))
    return rows


def calibration(uncalibrated: np.ndarray, calibrated: np.ndarray, target: np.ndarray) -> BeforeAndAfter:
    """ECE, Brier score and reliability of labelled rows before and after the temperature."""
    found: list = []
    for probs in (uncalibrated, calibrated):
        confidence, correct = probs.max(1), probs.argmax(1) == target
        found += [expected_calibration_error(confidence, correct), brier(probs, target)]
        found.append(reliability(confidence, correct))
    return BeforeAndAfter(len(target), *found)


def coverage_curve(confidence: np.ndarray, correct: np.ndarray) -> list[Answered]:
    """Accuracy when only the most confident share of the rows is answered (El-Yaniv and Wiener 2010)."""
    if not len(confidence):
        return []
    order = np.argsort(-confidence, kind="stable")
    rows = []
    for coverage in COVERAGES:
        answered = order[: max(1, round(coverage * len(order)))]
        rows.append(Answered(coverage, float(confidence[answered[-1]]), float(correct[answered].mean())))
    return rows


def threshold_for(confidence: np.ndarray, correct: np.ndarray, accuracy: float) -> float | None:
    """The lowest confidence from which on answers reach the target accuracy; None when nothing does."""
    order = np.argsort(-confidence, kind="stable")
    ranked = confidence[order]
    so_far = np.cumsum(correct[order]) / np.arange(1, len(order) + 1)
    last_of_equals = np.append(ranked[1:] < ranked[:-1], True)[: len(ranked)]
    reached = np.flatnonzero((so_far >= accuracy) & last_of_equals)
    return float(ranked[reached[-1]]) if len(reached) else None
