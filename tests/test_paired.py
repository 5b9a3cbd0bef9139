"""Paired statistics against hand-made values, SciPy, published tables and simulations."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import chi2, norm, ttest_rel

from retail.metrics.paired import cohens_h, holm, mcnemar, paired_test, rows_needed


def test_mcnemar_is_the_binomial_sum_by_hand():
    # 12 rows differ, 2 against us: twice the chance of at most 2 heads in 12 throws.
    by_hand = 2 * sum(math.comb(12, heads) for heads in range(3)) / 2**12
    assert mcnemar(10, 2) == pytest.approx(by_hand) == pytest.approx(mcnemar(2, 10))
    assert mcnemar(0, 0) == mcnemar(5, 5) == 1.0


def test_mcnemar_nears_its_chi_squared_form_with_many_rows():
    wins, losses = 560, 480
    corrected = (abs(wins - losses) - 1) ** 2 / (wins + losses)
    assert mcnemar(wins, losses) == pytest.approx(chi2.sf(corrected, 1), rel=0.02)


def test_holm_is_the_published_step_down():
    # By hand: 4 x 0.01, 3 x 0.02, then never below what came before; as R's p.adjust(method = "holm") prints.
    assert holm([0.04, 0.01, 0.03, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm([0.6, 0.7]) == [1.0, 1.0] and holm([]) == []


def test_cohens_h_of_the_textbook():
    assert cohens_h(0.5, 0.5) == 0
    assert cohens_h(0.75, 0.5) == pytest.approx(math.pi / 6)  # 2 asin(sqrt 3/4) - 2 asin(sqrt 1/2)


def test_wins_losses_and_effect_by_hand():
    ours, theirs = np.array([1, 1, 1, 0, 1, 0]), np.array([0, 0, 1, 1, 0, 0])
    result = paired_test(ours, theirs)
    assert (result.n, result.wins, result.losses) == (6, 3, 1)
    assert result.difference == pytest.approx(2 / 6) and result.p_value == pytest.approx(mcnemar(3, 1))


def test_the_standard_error_is_that_of_the_paired_t_test():
    rng = np.random.default_rng(0)
    ours, theirs = rng.random(300) < 0.8, rng.random(300) < 0.7
    reference = ttest_rel(ours.astype(float), theirs.astype(float))
    result = paired_test(ours, theirs)
    assert result.difference / result.standard_error == pytest.approx(reference.statistic)


def test_it_is_narrower_than_what_each_column_alone_would_allow():
    rng = np.random.default_rng(0)
    theirs = rng.random(500) < 0.7
    ours = theirs | (rng.random(500) < 0.1)
    result = paired_test(ours, theirs)
    unpaired = math.sqrt((ours.var() + theirs.var()) / 500)
    assert 0 < result.low < result.difference < result.high
    assert result.standard_error < 0.6 * unpaired


def test_rows_of_one_product_count_once():
    rng = np.random.default_rng(0)
    ours, theirs = rng.random(100) < 0.8, rng.random(100) < 0.7
    once, groups = paired_test(ours, theirs), np.repeat(np.arange(100), 5)
    copied = paired_test(np.repeat(ours, 5), np.repeat(theirs, 5), groups)
    assert (copied.difference, copied.low, copied.high) == pytest.approx((once.difference, once.low, once.high))
    assert copied.p_value == once.p_value and copied.standard_error == pytest.approx(once.standard_error)
    assert paired_test(np.repeat(ours, 5), np.repeat(theirs, 5)).standard_error < 0.5 * once.standard_error


@pytest.mark.parametrize("rows_a_group", [1, 4])
def test_95_percent_intervals_cover_the_truth_93_to_97_times_in_100(rows_a_group):
    rng = np.random.default_rng(1)
    trials, n_groups, true_difference = 2000, 400, 0.08
    groups = np.repeat(np.arange(n_groups), rows_a_group)
    draws = rng.choice([1, -1, 0], p=[0.14, 0.06, 0.80], size=(trials, n_groups))
    hits = 0
    for trial, draw in enumerate(np.repeat(draws, rows_a_group, axis=1)):
        result = paired_test(draw > 0, draw < 0, groups if rows_a_group > 1 else None, seed=trial)
        hits += result.low <= true_difference <= result.high
    assert 0.93 <= hits / trials <= 0.97


def test_mcnemar_errs_at_most_as_often_as_it_says():
    rng = np.random.default_rng(2)
    draws = rng.choice([1, -1, 0], p=[0.1, 0.1, 0.8], size=(2000, 300))
    p_values = [mcnemar(int((draw > 0).sum()), int((draw < 0).sum())) for draw in draws]
    assert 0.015 <= np.mean(np.array(p_values) < 0.05) <= 0.055


def test_the_rows_asked_for_settle_it_four_times_in_five():
    shares, n = np.array([0.09, 0.06, 0.85]), 500
    difference, error = 0.03, math.sqrt((0.15 - 0.03**2) / n)
    needed = rows_needed(difference, error, n, negligible=0.01)
    by_hand = ((norm.ppf(0.975) + norm.ppf(0.8)) / difference) ** 2 * (0.15 - 0.03**2)
    assert needed == math.ceil(by_hand) > n
    rng = np.random.default_rng(3)
    draws = rng.choice([1, -1, 0], p=shares, size=(1000, needed))
    lows = draws.mean(1) - 1.96 * draws.std(1) / math.sqrt(needed)
    assert 0.76 <= (lows > 0).mean() <= 0.84


def test_a_difference_near_half_a_point_asks_for_what_settles_it_either_way():
    assert rows_needed(0.001, 0.02, 500, 0.01) < rows_needed(0.005, 0.02, 500, 0.01)
    # No row differs: 0.99^n must fall below 0.025.
    assert rows_needed(0.0, 0.0, 50, 0.01) == 368 and 0.99**368 < 0.025 < 0.99**367
