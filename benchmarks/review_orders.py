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
from retail.review.order import as_points, teaching_order, uncertainty
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


def unsure_and_unlike(pool: Pool) -> list[int]:
    """The product's."""
    return teaching_order(uncertainty(pool.probs), as_points(pool.rows), pool.count)


def entropy_and_unlike(pool: Pool) -> list[int]:
    return teaching_order(entropy(pool.probs), as_points(pool.rows), pool.count)


def squared_and_unlike(pool: Pool) -> list[int]:
    """Uncertainty counts twice as much beside the distance."""
    return teaching_order(uncertainty(pool.probs).square(), as_points(pool.rows), pool.count)


def unlike_alone(pool: Pool) -> list[int]:
    """k-center (Sener and Savarese 2018), blind to the answers."""
    return teaching_order(torch.ones(len(pool.rows)), as_points(pool.rows), pool.count)


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


def covering_squared(pool: Pool) -> list[int]:
    return _covering(pool, uncertainty(pool.probs).square())


def covering_entropy(pool: Pool) -> list[int]:
    return _covering(pool, entropy(pool.probs))


def covering_near(pool: Pool) -> list[int]:
    """Only the 50 rows that are most like a row count for it."""
    return _covering(pool, uncertainty(pool.probs), nearest=50)


def covering_known(pool: Pool) -> list[int]:
    """What is like a labelled row is covered already."""
    return _covering(pool, uncertainty(pool.probs), known=True)


def covering_mapped(pool: Pool) -> list[int]:
    """The same where the recogniser compares products: by its own map of each input."""
    novelty = Novelty.fit(pool.head, pool.labelled, pool.val)
    return _covering(pool, uncertainty(pool.probs), known=True, novelty=novelty)


def _mapped(novelty: Novelty, batch: EmbeddingBatch) -> Tensor:
    parts = [
        torch.nn.functional.normalize(space.mapped(batch.embeddings[name]), dim=1) * batch.present[name][:, None]
        for name, space in novelty.inputs.items()
    ]
    return torch.cat(parts, dim=1)


def _covering(
    pool: Pool, unsure: Tensor, nearest: int = 0, known: bool = False, novelty: Novelty | None = None
) -> list[int]:
    together = joined(pool.rows, pool.labelled)
    both = as_points(together) if novelty is None else _mapped(novelty, together)
    points = torch.nn.functional.normalize(both if known else as_points(pool.rows), dim=1)
    rows = points[: len(pool.rows)]
    likeness = (rows @ rows.T).clamp_min(0)  # (N, N)
    if nearest:
        least = likeness.topk(min(nearest, len(rows)), dim=1).values[:, -1:]
        likeness = torch.where(likeness >= least, likeness, 0.0).T.contiguous()
    covered, chosen = torch.zeros(len(rows)), list[int]()
    if known:
        covered = (rows @ points[len(rows) :].T).clamp_min(0).max(1).values
    for _ in range(min(pool.count, len(rows))):
        gains = (likeness - covered).clamp_min(0) @ unsure
        gains[chosen] = -1.0
        place = int(gains.argmax())
        chosen.append(place)
        covered = torch.maximum(covered, likeness[place])
    return chosen


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
    "margin² x unlike": squared_and_unlike,
    "entropy x unlike": entropy_and_unlike,
    "gradients": gradients,
    "covering": covering,
    "covering all": covering_all,
    "covering squared": covering_squared,
    "covering entropy": covering_entropy,
    "covering near": covering_near,
    "covering known": covering_known,
    "covering mapped": covering_mapped,
}
