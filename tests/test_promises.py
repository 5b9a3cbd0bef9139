"""Thresholds that keep their word: by hand, and by simulation against rows that are alike or not."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.stats import binom, norm

from retail.metrics.promises import GRID, Kept, Likeness, fewest_rows, kept, rows_needed, thresholds

Curve = Callable[[np.ndarray], np.ndarray]
DRAWS = 300


def calibrated(confidence: np.ndarray) -> np.ndarray:
    return confidence


def wrong_at_the_top(confidence: np.ndarray) -> np.ndarray:
    return np.where(confidence > 0.97, 0.85, confidence)


def just_below(wished: float) -> Curve:
    """The hardest to refuse: every threshold breaks the promise, by nothing."""
    return lambda confidence: np.full_like(confidence, wished - 0.0005)


def drawn(
    rng: np.random.Generator, curve: Curve, groups: int, size: int, alike: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Confidences, correctness and groups; both are as alike within a group as `alike` says (on a normal scale)."""
    names = np.repeat(np.arange(groups), size)

    def uniform() -> np.ndarray:
        own = rng.normal(size=len(names))
        return norm.cdf(np.sqrt(alike) * rng.normal(size=groups)[names] + np.sqrt(1 - alike) * own)

    confidence = 0.4 + 0.6 * uniform() ** 0.4
    return confidence, uniform() < curve(confidence), names.astype(str)


def broken(curve: Curve, wished: float, groups: int, size: int = 1, alike: float = 0.0, told: bool = True) -> float:
    """Share of draws whose threshold promises more than its answers hold."""
    rng = np.random.default_rng(0)
    everyone, _, _ = drawn(rng, curve, 100_000, 1, 0.0)
    accuracy = np.array([curve(everyone[everyone >= edge]).mean() if (everyone >= edge).any() else 1 for edge in GRID])
    found = []
    for _ in range(DRAWS):
        confidence, correct, names = drawn(rng, curve, groups, size, alike)
        threshold = thresholds(confidence, correct, [wished], names if told and size > 1 else None)[0]
        found.append(not np.isnan(threshold) and accuracy[np.argmin(np.abs(GRID - threshold))] < wished)
    return float(np.mean(found))


@pytest.mark.parametrize("curve", [calibrated, wrong_at_the_top, just_below(0.9)])
def test_a_threshold_keeps_its_promise_19_times_in_20(curve):
    assert broken(curve, 0.9, 300) <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / DRAWS)


def test_rows_that_are_alike_count_for_less():
    """Groups that nobody tells of break three times as many promises as stated; told of, they do not."""
    assert broken(just_below(0.9), 0.9, 60, 5, 0.9, told=False) > 0.12
    assert broken(just_below(0.9), 0.9, 60, 5, 0.9) <= 0.05


def test_a_careful_test_still_promises_much():
    rng = np.random.default_rng(0)
    found = [thresholds(*drawn(rng, calibrated, 300, 1, 0.0)[:2], [0.85])[0] for _ in range(50)]
    assert np.mean(np.isfinite(found)) > 0.9


def test_the_fewest_rows_by_hand():
    assert (fewest_rows(0.95, 0.05), fewest_rows(0.9), fewest_rows(0.99)) == (59, 31, 321)
    confidence = np.full(40, 0.99)
    assert np.isfinite(thresholds(confidence[:31], np.ones(31, bool), [0.9])[0])
    assert np.isnan(thresholds(confidence[:30], np.ones(30, bool), [0.9])[0])


def test_with_independent_rows_it_is_the_exact_binomial_test():
    confidence = np.linspace(0.99, 0.5, 200)
    for wrong in range(12, 60):
        correct = np.arange(200) < 200 - wrong  # the least sure are wrong

        def chance(edge: float, correct: np.ndarray = correct) -> float:
            answered = confidence >= edge
            return float(binom.sf(correct[answered].sum() - 1, answered.sum(), 0.9))

        threshold = thresholds(confidence, correct, [0.9])[0]
        assert chance(threshold) <= 0.05
        if (confidence < threshold).any():
            assert chance(GRID[GRID < threshold].max()) > 0.05


def test_a_wrong_answer_at_the_top_is_got_past():
    confidence, correct = np.linspace(0.999, 0.6, 300), np.ones(300, dtype=bool)
    correct[[3, 9]] = False
    assert thresholds(confidence, correct, [0.9])[0] < 0.65


def test_one_wrong_answer_never_helps():
    """Of 70 rows in 35 groups, all right or all but one."""
    groups, confidence = np.repeat(np.arange(35), 2).astype(str), np.full(70, 0.97)
    all_right, one_wrong = np.ones(70, dtype=bool), np.arange(70) > 0
    for wished in (0.85, 0.9, 0.92, 0.95):
        for alike in (0.0, 0.3, 1.0):
            promised = [
                np.isfinite(thresholds(confidence, correct, [wished], groups, alike)[0])
                for correct in (all_right, one_wrong)
            ]
            assert promised[0] or not promised[1]
    assert np.isfinite(thresholds(confidence, one_wrong, [0.9], groups, 0.0)[0])


def test_groups_of_one_row_are_independent_rows():
    rng = np.random.default_rng(3)
    confidence, correct, _ = drawn(rng, calibrated, 300, 1, 0.0)
    alone = np.arange(300).astype(str)
    assert thresholds(confidence, correct, [0.8, 0.9], alone) == pytest.approx(
        thresholds(confidence, correct, [0.8, 0.9]), nan_ok=True
    )


def test_likeness_is_the_share_of_the_variance_between_groups():
    groups = np.repeat(np.arange(400), 4)
    rng = np.random.default_rng(0)
    shared = rng.random(400)[groups] < 0.7
    own = rng.random(1600) < 0.7
    assert Likeness.of(shared, groups).correlation == pytest.approx(1)
    assert Likeness.of(own, groups).correlation == pytest.approx(0, abs=0.05)
    half = np.where(rng.random(1600) < np.sqrt(0.5), shared, own)
    assert Likeness.of(half, groups).correlation == pytest.approx(0.5, abs=0.08)
    # Without a wrong answer nothing tells; one tells about as much as was thought before.
    assert Likeness.of(np.ones(1600, dtype=bool), groups) == Likeness() and Likeness().after(0.2) == 0.2
    assert Likeness.of(np.arange(1600) > 0, groups).after(1.0) == pytest.approx(0.5, abs=0.01)
    assert Likeness.pooled([Likeness(0.2, 30), Likeness(0.5, 10), Likeness()]) == Likeness(pytest.approx(0.275), 40)


@pytest.mark.parametrize("wished", [0.9, 0.95])
def test_as_many_rows_as_it_names_would_do(wished):
    rng = np.random.default_rng(0)
    enough = []
    while len(enough) < 60:
        confidence, correct, _ = drawn(rng, calibrated, 80, 1, 0.0)
        if np.isfinite(thresholds(confidence, correct, [wished])[0]):
            continue
        needed = rows_needed(confidence, correct, [wished])[0]
        assert needed > 80
        more = drawn(rng, calibrated, int(needed), 1, 0.0)
        enough.append(np.isfinite(thresholds(*more[:2], [wished])[0]))
    assert np.mean(enough) > 0.7


def test_no_number_of_rows_promises_what_is_not_so():
    confidence = np.full(200, 0.5)
    correct = np.arange(200) % 2 == 0
    assert np.isnan(rows_needed(confidence, correct, [0.9])[0])
    assert np.isnan(rows_needed(np.zeros(0), np.zeros(0, dtype=bool), [0.9])[0])


def test_what_a_threshold_makes_of_other_rows():
    confidence, correct = np.array([0.9, 0.9, 0.8, 0.4]), np.array([True, True, False, False])
    assert kept(0.7, confidence, correct, 0.6) == Kept(0.6, 0.7, 4, 3, 0.75, pytest.approx(2 / 3), False)
    assert kept(float("nan"), confidence, correct, 0.6) == Kept(0.6, None, 4)
    assert kept(0.95, confidence, correct, 0.6) == Kept(0.6, 0.95, 4)
    assert kept(0.0, np.ones(100), np.arange(100) < 80, 0.9).broken
    assert not kept(0.0, np.ones(100), np.arange(100) < 86, 0.9).broken
