"""Cross-modal retrieval: does a product's photo find its own description, its sound its photo, and so on?

In: projections of every modality into one space, row by row. Out: recall at 1 and 5 and the median rank, per direction.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import permutations

import torch
from torch import Tensor


@dataclass(frozen=True)
class Retrieved:
    """How often `query` finds the same product's `found` among n products; a guess finds it at rank 1 in 1 / n."""

    query: str
    found: str
    n: int
    recall_at_1: float
    recall_at_5: float
    median_rank: float


def own_ranks(queries: Tensor, gallery: Tensor) -> Tensor:
    """(N, D) and (N, D) of unit length -> (N,) rank of each query's own row by cosine, 1 = first.

    Equal scores share their ranks (a tie of two counts half a place): products with equal texts win nothing by order.
    """
    scores = queries.double() @ gallery.double().T  # (N, N)
    own = scores.diagonal()[:, None]
    # Equal rows differ in the last bits of their products.
    equal = torch.isclose(scores, own, rtol=0, atol=1e-9)
    better = ((scores > own) & ~equal).sum(1)
    return 1 + better + (equal.sum(1) - 1) / 2


def cross_modal_retrieval(projections: Mapping[str, Tensor], present: Mapping[str, Tensor]) -> list[Retrieved]:
    """One row per direction, among the products that have both inputs."""
    rows = []
    for query, found in permutations(sorted(projections), 2):
        both = present[query] & present[found]
        if not both.any():
            continue
        ranks = own_ranks(projections[query][both], projections[found][both])
        at_1, at_5 = (float((ranks <= k).double().mean()) for k in (1, 5))
        rows.append(Retrieved(query, found, len(ranks), at_1, at_5, float(ranks.quantile(0.5))))
    return rows
