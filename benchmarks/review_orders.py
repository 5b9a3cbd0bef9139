"""Orders of review that were tried beside the product's own; `review.py` compares them.

In: what a recogniser says of N unlabelled rows. Out: places, the row to look at first comes first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from retail.certainty.novelty import Novelty
from retail.fusion import FusionHead
from retail.review.order import as_points, covered_by, teaching_order, uncertainty
from retail.store import EmbeddingBatch
from retail.training.predict import predict_probs


@dataclass(frozen=True)
class Pool:
    """The rows that may be reviewed, the recogniser and its validation rows, the labelled rows, how many are wanted."""

    rows: EmbeddingBatch
    head: FusionHead
    val: EmbeddingBatch
    labelled: EmbeddingBatch
    count: int
    seed: int

    @cached_property
    def probs(self) -> dict[str, Tensor]:
        return predict_probs(self.head, self.rows)


def at_random(pool: Pool) -> list[int]:
    return torch.randperm(len(pool.rows), generator=torch.Generator().manual_seed(pool.seed)).tolist()


def least_margin(pool: Pool) -> list[int]:
    return uncertainty(pool.probs).argsort(descending=True, stable=True).tolist()


def entropy(probs: Mapping[str, Tensor]) -> Tensor:
    parts = [-(rows * rows.clamp_min(1e-9).log()).sum(1) / torch.tensor(rows.shape[1]).log() for rows in probs.values()]
    return torch.stack(parts).mean(0)


def most_entropy(pool: Pool) -> list[int]:
    return entropy(pool.probs).argsort(descending=True, stable=True).tolist()


def ours(pool: Pool) -> list[int]:
    """As the product does it: where the recogniser compares products, over what it learned from."""
    novelty = Novelty.fit(pool.head, pool.labelled, pool.val)
    points = as_points(pool.rows, novelty)
    return teaching_order(uncertainty(pool.probs), points, covered_by(novelty, points), pool.count)


def unsure_and_unlike(pool: Pool) -> list[int]:
    """The largest uncertainty times squared distance to the rows before: greedy k-means++ with weights."""
    return _far_apart(pool, uncertainty(pool.probs))


def unlike_alone(pool: Pool) -> list[int]:
    """k-center (Sener and Savarese 2018), blind to the answers."""
    return _far_apart(pool, torch.ones(len(pool.rows)))


def _far_apart(pool: Pool, weights: Tensor) -> list[int]:
    points, chosen = as_points(pool.rows), list[int]()
    nearest = torch.ones(len(points))
    for _ in range(min(pool.count, len(points))):
        worth = weights * nearest
        worth[chosen] = -1.0
        place = int(worth.argmax())
        distances = (points - points[place]).square().sum(1)
        nearest = torch.minimum(nearest, distances) if chosen else distances
        chosen.append(place)
    return chosen


def gradients(pool: Pool) -> list[int]:
    """BADGE (Ash et al. 2020): distances of the gradients that the likeliest class would give, chosen greedily.

    The gradient of a linear layer on the embeddings is the outer product of error and embedding, so that products of
    two gradients are products of products; the errors of all tasks stand side by side.
    """
    points = torch.cat([as_points(pool.rows), torch.ones(len(pool.rows), 1)], dim=1)
    errors = []
    for rows in pool.probs.values():
        wrong = rows.clone()
        wrong[torch.arange(len(rows)), rows.argmax(1)] -= 1
        errors.append(wrong)
    error = torch.cat(errors, dim=1)
    squares = error.square().sum(1) * points.square().sum(1)
    nearest, chosen = squares.clone(), list[int]()
    for _ in range(min(pool.count, len(points))):
        place = int(nearest.argmax())
        chosen.append(place)
        products = (error @ error[place]) * (points @ points[place])
        nearest = torch.minimum(nearest, (squares + squares[place] - 2 * products).clamp_min(0))
        nearest[chosen] = -1.0
    return chosen


def covering(pool: Pool) -> list[int]:
    """Facility location (Wei, Iyer and Bilmes 2015): the rows that all unsure rows are most like."""
    return _covering(pool, uncertainty(pool.probs))


def covering_all(pool: Pool) -> list[int]:
    """The rows that all rows are most like, sure or not."""
    return _covering(pool, torch.ones(len(pool.rows)))


def covering_known(pool: Pool) -> list[int]:
    """What is like a labelled row is covered already."""
    return _covering(pool, uncertainty(pool.probs), known=True)


def _covering(pool: Pool, unsure: Tensor, known: bool = False) -> list[int]:
    points = as_points(joined(pool.rows, pool.labelled) if known else pool.rows)
    rows, labelled = points[: len(pool.rows)], points[len(pool.rows) :]
    covered = (rows @ labelled.T).max(1).values if known else None
    return teaching_order(unsure, rows, covered, pool.count)


def joined(one: EmbeddingBatch, other: EmbeddingBatch) -> EmbeddingBatch:
    return EmbeddingBatch(
        (*one.ids, *other.ids),
        {name: torch.cat([rows, other.embeddings[name]]) for name, rows in one.embeddings.items()},
        {name: torch.cat([rows, other.present[name]]) for name, rows in one.present.items()},
        {},
    )


ORDERS: dict[str, Callable[[Pool], list[int]]] = {
    "random": at_random,
    "margin": least_margin,
    "entropy": most_entropy,
    "unlike": unlike_alone,
    "margin x unlike": unsure_and_unlike,
    "gradients": gradients,
    "covering all": covering_all,
    "covering": covering,
    "covering known": covering_known,
    "ours": ours,
}
