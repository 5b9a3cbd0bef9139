"""Look-alikes lie together on the plane, and no more points are drawn than a browser can take."""

from __future__ import annotations

import importlib.util
import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from retail.metrics.projection import MOST_POINTS, methods, on_plane, some_rows
from retail.schema import UserError


def test_two_clouds_stay_apart_whatever_their_lengths():
    rng = np.random.default_rng(0)
    ends = np.eye(8)[[0] * 20 + [1] * 20] + 0.01 * rng.normal(size=(40, 8))
    places, kept = on_plane(ends * rng.uniform(1, 50, (40, 1)))
    first, second = places[:20].mean(0), places[20:].mean(0)
    assert np.linalg.norm(first - second) > 20 * places[:20].std(0).max()
    assert kept is not None and kept > 0.9


def test_variance_kept_is_that_of_the_two_largest_directions():
    embeddings = np.array([[1.0, 0, 0], [-1.0, 0, 0], [0, 1.0, 0], [0, -1.0, 0], [0, 0, 1.0], [0, 0, -1.0]])
    assert on_plane(embeddings)[1] == pytest.approx(2 / 3)


def test_a_single_product_or_none_does_not_break_the_plane():
    assert on_plane(np.ones((1, 5)))[0].shape == (1, 2)
    assert on_plane(np.ones((0, 5)))[0].shape == (0, 2)


def test_at_most_the_cap_is_drawn_and_always_the_same_rows():
    chosen = some_rows(5_000)
    assert len(chosen) == MOST_POINTS == len(set(chosen)) and (np.diff(chosen) > 0).all()
    assert (chosen == some_rows(5_000)).all()
    assert some_rows(3).tolist() == [0, 1, 2]


def test_pca_is_always_at_hand_and_umap_where_it_is_installed(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert methods() == ["PCA"]
    with pytest.raises(UserError, match="pip install umap-learn"):
        on_plane(np.eye(8), "UMAP")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    assert methods() == ["PCA", "UMAP"]


def test_umap_is_given_scaled_rows_few_neighbours_and_a_seed(monkeypatch):
    """A stand-in with the package's own interface; `pip install umap-learn` was tried by hand."""
    asked: dict[str, Any] = {}

    class Stand:
        def __init__(self, **options):
            asked.update(options)

        def fit_transform(self, rows):
            asked["lengths"] = np.linalg.norm(rows, axis=1)
            return rows[:, :2]

    monkeypatch.setitem(sys.modules, "umap", SimpleNamespace(UMAP=Stand))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    places, kept = on_plane(7 * np.eye(9), "UMAP")
    assert places.shape == (9, 2) and kept is None
    assert asked["n_neighbors"] == 8 and asked["random_state"] == 0
    assert asked["lengths"] == pytest.approx(1)
    asked.clear()
    assert on_plane(np.eye(3), "UMAP")[0].shape == (3, 2) and not asked  # too few for neighbours: PCA
