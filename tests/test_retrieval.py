"""Ranks, recall and median rank against a case counted by hand."""

from __future__ import annotations

import pytest
import torch

from retail.metrics.retrieval import cross_modal_retrieval, own_ranks


def test_ranks_by_hand():
    """Three queries on a line: cosines with the gallery are written out, the own one in the middle of each comment."""
    gallery = torch.eye(3)
    queries = torch.tensor([[0.8, 0.6, 0.0], [0.6, 0.0, 0.8], [0.48, 0.6, 0.64]])
    # own 0.8 is best; own 0.0 is last of 0.6, 0.0, 0.8; own 0.64 is best of 0.48, 0.6, 0.64.
    assert own_ranks(queries, gallery).tolist() == [1, 3, 1]


def test_ties_share_their_ranks():
    equal = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    assert own_ranks(equal, equal).tolist() == [1.5, 1.5, 1]
    constant = torch.ones(5, 1)
    assert own_ranks(constant, constant).tolist() == [3] * 5, "what tells nothing apart ranks in the middle"


def test_both_directions_among_products_that_have_both():
    image = torch.eye(4)
    text = torch.eye(4)[[1, 0, 2, 3]]  # two descriptions are swapped
    present = {"image": torch.tensor([True] * 4), "text": torch.tensor([True, True, True, False])}
    rows = cross_modal_retrieval({"image": image, "text": text}, present)
    assert [(row.query, row.found, row.n) for row in rows] == [("image", "text", 3), ("text", "image", 3)]
    # Photo 0 finds text 1 first (cosine 1), its own has 0 as has text 2: rank 2.5. Only product 2 is found at once.
    for row in rows:
        assert row.recall_at_1 == pytest.approx(1 / 3) and row.recall_at_5 == 1
        assert row.median_rank == 2.5
    assert cross_modal_retrieval({"image": image, "text": text}, present | {"text": torch.zeros(4, dtype=bool)}) == []
