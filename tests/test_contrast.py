"""InfoNCE against a value counted by hand, and that fitting it aligns what belongs together."""

from __future__ import annotations

import math

import pytest
import torch

from retail.finetuning.contrast import fit_projector, info_nce
from retail.metrics.retrieval import cross_modal_retrieval
from retail.store import EmbeddingBatch

ALL = torch.ones(2, dtype=torch.bool)


def test_info_nce_by_hand():
    """Scores [[1, 0], [0, 1]] / 0.5: each row and column has the loss -log(e^2 / (e^2 + 1))."""
    same = {"image": torch.eye(2), "text": torch.eye(2)}
    expected = -math.log(math.e**2 / (math.e**2 + 1))
    assert float(info_nce(same, {"image": ALL, "text": ALL}, 0.5)) == pytest.approx(expected, abs=1e-6)
    swapped = {"image": torch.eye(2), "text": torch.eye(2).flip(0)}
    expected = -math.log(1 / (math.e**2 + 1))
    assert float(info_nce(swapped, {"image": ALL, "text": ALL}, 0.5)) == pytest.approx(expected, abs=1e-6)


def test_three_inputs_are_the_mean_of_three_pairs_and_absent_ones_count_nothing():
    eye, flipped = torch.eye(2), torch.eye(2).flip(0)
    three = {"audio": eye, "image": eye, "text": flipped}
    good, bad = math.log(1 + math.e**-1), math.log(1 + math.e)
    present = dict.fromkeys(three, ALL)
    assert float(info_nce(three, present, 1.0)) == pytest.approx((good + 2 * bad) / 3, abs=1e-6)
    assert float(info_nce(three, present | {"text": torch.tensor([True, False])}, 1.0)) == pytest.approx(good, abs=1e-6)
    assert float(info_nce(three, dict.fromkeys(three, ~ALL), 1.0)) == 0


def test_fitted_projections_find_the_other_input_of_a_product():
    """Both inputs are random linear views of the same 8 numbers: unseen products are found again."""
    torch.manual_seed(0)
    hidden = torch.randn(300, 8)
    views = {"image": hidden @ torch.randn(8, 40), "text": hidden @ torch.randn(8, 30)}
    ids = tuple(map(str, range(300)))
    batch = EmbeddingBatch(ids, views, {name: torch.ones(300, dtype=torch.bool) for name in views}, {})
    train, val = batch.rows(slice(0, 240)), batch.rows(slice(240, 300))
    projector = fit_projector(train, 0.07)
    with torch.no_grad():
        rows = cross_modal_retrieval(projector(val.embeddings), val.present)
    assert all(row.recall_at_1 > 0.8 for row in rows), rows
