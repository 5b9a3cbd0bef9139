"""Distances between data sets: known answers, and a test that keeps its promised error rate."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
import torch

from retail.metrics.distance import Distance, distance
from retail.schema import UserError


def cloud(rows: int, shift: float, seed: int) -> torch.Tensor:
    return torch.randn(rows, 16, generator=torch.Generator().manual_seed(seed)) + shift


def test_sets_from_one_source_look_alike_and_moved_ones_do_not():
    same = distance(cloud(200, 0.0, 1), cloud(150, 0.0, 2))
    assert 0.4 < same.auc < 0.6 and abs(same.mmd) < 0.01 and same.p_value > 0.05 and "look alike" in same.sentence
    far = distance(cloud(200, 0.0, 1), cloud(150, 2.0, 2))
    assert far.auc > 0.98 and far.p_value < 0.01 and "easy to tell apart" in far.sentence
    between = distance(cloud(200, 0.0, 1), cloud(150, 0.12, 2))
    assert same.auc < between.auc < far.auc and "differ somewhat" in between.sentence
    assert (far.source_rows, far.target_rows) == (200, 150)


def test_mmd_of_two_points_that_repeat_is_known_in_closed_form():
    """The median distance lies between the points, so the kernel is 1 within and 1/e between."""
    far = distance(torch.zeros(10, 3), torch.ones(12, 3))
    assert far.mmd == pytest.approx(2 - 2 / np.e) and far.auc == 1
    assert far.p_value == pytest.approx(1 / 501)  # none of 500 permutations reaches it


def test_mmd_equals_a_count_over_all_pairs():
    source, target = cloud(10, 0.0, 1), cloud(13, 0.7, 2)
    rows = torch.cat([source, target]).double()
    squared = {pair: float((rows[pair[0]] - rows[pair[1]]).square().sum()) for pair in combinations(range(23), 2)}
    bandwidth = np.median(list(squared.values()))
    kernel = {pair: np.exp(-value / bandwidth) for pair, value in squared.items()}
    within_source = np.mean([value for (_, right), value in kernel.items() if right < 10])
    within_target = np.mean([value for (left, _), value in kernel.items() if left >= 10])
    between = np.mean([value for (left, right), value in kernel.items() if left < 10 <= right])
    assert distance(source, target).mmd == pytest.approx(within_source + within_target - 2 * between, abs=1e-6)


def test_the_permutation_test_keeps_its_error_rate(monkeypatch):
    monkeypatch.setattr("retail.metrics.distance.PERMUTATIONS", 99)
    # The classifier would take half a minute and says nothing of this.
    monkeypatch.setattr("retail.metrics.distance.cross_val_predict", lambda model, rows, *_, **__: np.zeros(len(rows)))
    p_values = [distance(cloud(10, 0.0, seed), cloud(10, 0.0, 1000 + seed)).p_value for seed in range(300)]
    assert 0.02 < np.mean(np.array(p_values) <= 0.05) < 0.09
    assert 0.4 < np.mean(np.array(p_values) <= 0.5) < 0.6


def test_equal_seeds_give_equal_figures_and_only_large_sets_are_drawn_from(monkeypatch):
    monkeypatch.setattr("retail.metrics.distance.MAX_ROWS", 60)
    large, whole, small = cloud(61, 0.0, 1), cloud(60, 0.0, 3), cloud(30, 0.5, 2)
    assert distance(large, small) == distance(large, small)
    assert distance(large, small, seed=1).mmd != distance(large, small).mmd
    assert distance(whole, small, seed=1).mmd == distance(whole, small).mmd
    assert distance(large, small).source_rows == 61


def test_sets_that_cannot_be_compared_say_why():
    with pytest.raises(UserError, match="at least 10 products in each, but they have 5 and 50"):
        distance(cloud(5, 0, 0), cloud(50, 0, 1))
    with pytest.raises(UserError, match="embeddings of 16 and 8 numbers"):
        distance(cloud(50, 0, 0), cloud(50, 0, 1)[:, :8])


def test_a_small_but_sure_difference_is_not_called_alike():
    assert "differ somewhat" in Distance(0.55, 0.002, 0.01, 500, 500).sentence
