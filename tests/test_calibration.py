"""Calibration against scikit-learn, torchmetrics and values by hand."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss

from retail.metrics.calibration import (
    WISHED_ACCURACIES,
    brier,
    calibration,
    coverage_curve,
    reliability,
    threshold_for,
)
from retail.metrics.promises import kept


def random_probs(rows: int, classes: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    probs = rng.dirichlet(np.full(classes, 0.4), rows)
    return probs, np.array([rng.choice(classes, p=row) for row in probs])


def test_brier_is_scikit_learns_and_by_hand():
    probs, target = random_probs(200, 3)
    # scikit-learn's score of two classes counts one of them: half of the sum over both.
    two = probs[:, :2] / probs[:, :2].sum(1, keepdims=True)
    assert brier(two, target % 2) == pytest.approx(2 * brier_score_loss(target % 2, two[:, 1]))
    assert brier(np.array([[0.7, 0.2, 0.1]]), np.array([0])) == pytest.approx(0.3**2 + 0.2**2 + 0.1**2)
    # A class never seen: one plus the squares.
    assert brier(np.array([[0.6, 0.4]]), np.array([2])) == pytest.approx(1 + 0.36 + 0.16)


def test_bins_are_scikit_learns_with_counts():
    probs, target = random_probs(500, 4)
    confidence, correct = probs.max(1), probs.argmax(1) == target
    bins = reliability(confidence, correct)
    accuracy, mean = calibration_curve(correct, confidence, n_bins=15)
    filled = [row for row in bins if row.n]
    assert sum(row.n for row in bins) == 500 and len(bins) == 15
    assert [row.accuracy for row in filled] == pytest.approx(accuracy.tolist())
    assert [row.confidence for row in filled] == pytest.approx(mean.tolist())


def test_the_temperature_that_made_it_too_sure_is_taken_back():
    probs, target = random_probs(3000, 5)
    sharp = probs**3 / (probs**3).sum(1, keepdims=True)
    row = calibration(sharp, probs, target)
    assert row.ece_after < 0.04 < row.ece_before and row.brier_after < row.brier_before


def test_the_surest_are_answered_first():
    confidence, correct = np.array([0.9, 0.8, 0.7, 0.6]), np.array([True, True, False, True])
    curve = {row.coverage: row for row in coverage_curve(confidence, correct)}
    assert (curve[0.5].accuracy, curve[0.5].threshold) == (1.0, 0.8)
    assert curve[1.0].accuracy == 0.75
    assert coverage_curve(np.array([]), np.array([])) == []


def test_the_lowest_threshold_that_reaches_the_wish():
    confidence, correct = np.array([0.6, 0.9, 0.8, 0.7]), np.array([False, True, True, True])
    assert threshold_for(confidence, correct, 1.0) == 0.7
    assert threshold_for(confidence, correct, 0.75) == 0.6
    assert threshold_for(np.array([0.9, 0.8]), np.array([False, False]), 0.5) is None
    # Equal confidences are answered together, so one of them alone cannot reach the wish.
    assert threshold_for(np.array([0.9, 0.9]), np.array([True, False]), 0.9) is None
    assert threshold_for(np.array([]), np.array([]), 0.9) is None


def test_a_wish_from_validation_is_kept_on_rows_like_them():
    (val, val_target), (test, test_target) = random_probs(4000, 3, 1), random_probs(4000, 3, 2)
    sides = [(p.max(1), p.argmax(1) == t) for p, t in ((val, val_target), (test, test_target))]
    val_side, test_side = sides
    for wished in WISHED_ACCURACIES:
        row = kept(threshold_for(*val_side, wished), *test_side, wished)
        assert row.accuracy == pytest.approx(row.wished, abs=0.02) and 0 < row.coverage < 1
