"""Prediction sets: the quantile by hand and the promise by simulation."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from retail.comparison.chosen import study
from retail.comparison.fits import FitPlan, run_fit
from retail.comparison.scoring import Scoring
from retail.config import TrainConfig
from retail.metrics.conformal import conformal_rows, covered, least_probability, prediction_sets
from tests.made_up_data import made_up_splits


def test_the_quantile_by_hand():
    probs = np.array([[p, 1 - p] for p in (0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1)])
    # Nine rows, 80 %: the ceil(10 x 0.8) = 8th smallest score is 1 - 0.2.
    assert least_probability(probs, np.zeros(9, dtype=int), 0.8) == pytest.approx(0.2)
    assert least_probability(probs, np.zeros(9, dtype=int), 0.95) == 0.0  # too few rows: every class


def test_a_set_is_never_empty_and_an_unseen_class_never_covered():
    sets = prediction_sets(np.array([[0.5, 0.3, 0.2], [0.45, 0.45, 0.1]]), 0.6)
    assert sets.sum(1).tolist() == [1, 1]
    assert covered(sets, np.array([0, 3])).tolist() == [True, False]


@pytest.mark.parametrize("promised", [0.9, 0.95])
def test_the_promise_holds_over_many_draws(promised):
    """Coverage lies between the promise and promise + 1 / (n + 1), whatever the model (Vovk et al. 2005)."""
    rng = np.random.default_rng(0)
    n, draws, found = 99, 600, []
    for _ in range(draws):
        logits = rng.normal(size=(n + 100, 6))
        target = (logits + 1.5 * rng.gumbel(size=logits.shape)).argmax(1)  # the model is too sure of itself
        probs = np.exp(2 * logits) / np.exp(2 * logits).sum(1, keepdims=True)
        least = least_probability(probs[:n], target[:n], promised)
        found.append(covered(prediction_sets(probs[n:], least), target[n:]).mean())
    assert promised - 0.004 <= np.mean(found) <= promised + 1 / (n + 1) + 0.004


def test_rows_leave_unlabelled_products_out():
    probs = np.tile([0.8, 0.2], (50, 1))
    target = np.zeros(50, dtype=int)
    row = conformal_rows(probs, target, probs, np.where(np.arange(50) < 10, -1, 0))[0]
    assert (row.n, row.coverage, row.size, row.single) == (40, 1.0, 1.0, 1.0)


def warned(groups: int, size: int, harder: float = 0.0) -> float:
    """Share of 300 draws in which the coverage is below what chance explains; rows of a group are alike."""
    rng = np.random.default_rng(1)

    def draw(shift: float) -> tuple[np.ndarray, np.ndarray]:
        alike, own = np.repeat(rng.normal(size=groups), size), rng.normal(size=groups * size)
        right = 1 / (1 + np.exp(shift - 1.5 - 1.5 * (0.9 * alike + 0.45 * own)))
        return np.stack([right, 1 - right], axis=1), np.zeros(groups * size, dtype=int)

    names = np.repeat(np.arange(groups), size) if size > 1 else None
    rows = [conformal_rows(*draw(0.0), *draw(harder), names)[0] for _ in range(300)]
    return float(np.mean([row.coverage < row.lowest_by_chance for row in rows]))


@pytest.mark.parametrize(("groups", "size"), [(120, 1), (40, 3), (20, 10)])
def test_chance_explains_nearly_every_shortfall_where_validation_is_like_test(groups, size):
    assert warned(groups, size) <= 0.04
    assert warned(groups, size, harder=1.5) > 0.5


def test_a_comparison_counts_the_groups_of_the_test_rows():
    splits = dataclasses.replace(made_up_splits(), groups=np.full(120, "one voice", dtype=object))
    plan = FitPlan("gated", "fusion", ("pair",), TrainConfig(strategy="gated"))
    rows = study(Scoring(splits), {"pair": run_fit(plan, splits)}).conformal
    assert [row.lowest_by_chance for row in rows] == [0.0, 0.0]  # one group tells nothing
