"""Distances between data sets: known answers, and a test that keeps its promised error rate."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from retail.metrics import distance as module
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


def test_mmd_equals_a_count_by_hand():
    kernel = np.array([[0, 0.8, 0.1, 0.2], [0.8, 0, 0.3, 0.4], [0.1, 0.3, 0, 0.6], [0.2, 0.4, 0.6, 0]])
    # within source 0.8, within target 0.6, between (0.1 + 0.2 + 0.3 + 0.4) / 4
    assert module._mmd(kernel, np.array([0, 0, 1, 1])) == pytest.approx(0.8 + 0.6 - 2 * 0.25)


def test_the_permutation_test_keeps_its_error_rate(monkeypatch):
    monkeypatch.setattr(module, "PERMUTATIONS", 99)
    rng = np.random.default_rng(0)
    is_target = np.repeat([0, 1], 20)
    p_values = [module._mmd_test(rng.normal(size=(40, 4)), is_target, rng)[1] for _ in range(300)]
    assert 0.02 < np.mean(np.array(p_values) <= 0.05) < 0.09


def test_equal_seeds_give_equal_figures_and_large_sets_are_drawn_from():
    first, second = cloud(1_200, 0.0, 1), cloud(30, 0.5, 2)
    assert distance(first, second) == distance(first, second)


def test_sets_that_cannot_be_compared_say_why():
    with pytest.raises(UserError, match="at least 10 products in each, but they have 5 and 50"):
        distance(cloud(5, 0, 0), cloud(50, 0, 1))
    with pytest.raises(UserError, match="embeddings of 16 and 8 numbers"):
        distance(cloud(50, 0, 0), cloud(50, 0, 1)[:, :8])


def test_a_small_but_sure_difference_is_not_called_alike():
    assert "differ somewhat" in Distance(0.55, 0.002, 0.01, 500, 500).sentence
