"""Cross-modal retrieval: does a product's photo find its own description, its sound its photo, and so on?

In: projections of every modality into one space, row by row. Out: recall at 1 and 5 and the median rank, per direction.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import permutations
from typing import Any

import torch
from torch import Tensor

RECALL_AT = (1, 5)


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


def cross_modal_retrieval(projections: Mapping[str, Tensor], present: Mapping[str, Tensor]) -> list[dict[str, Any]]:
    """One row per direction among the products that have both inputs: query, found, n, recalls and median rank.

    A guess finds a product at rank 1 in 1 / n of all cases.
    """
    rows = []
    for query, found in permutations(sorted(projections), 2):
        both = present[query] & present[found]
        if not both.any():
            continue
        ranks = own_ranks(projections[query][both], projections[found][both])
        recalls = {f"recall_at_{k}": float((ranks <= k).double().mean()) for k in RECALL_AT}
        median = float(ranks.quantile(0.5))
        rows.append({"query": query, "found": found, "n": len(ranks), **recalls, "median_rank": median})
    return rows
