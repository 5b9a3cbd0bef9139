"""In which order a person should look at rows, so that the first ones teach most: unsure, and unlike one another.

In: probabilities and embeddings of N rows. Out: their places, the most useful first. No random numbers.

Unsure rows alone are often copies of one another: a shelf of one new product. So each next row is the one with the
largest uncertainty times squared distance to the rows before it: greedy k-means++ (Arthur and Vassilvitskii 2007)
weighted by uncertainty, as BADGE (Ash et al. 2020, https://arxiv.org/abs/1906.03671) does with gradients, without its
random draws.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn.functional import normalize

from retail.store import EmbeddingBatch

# So many are put in order by both; nobody reviews more at one sitting, and the rest follow by uncertainty alone. 1,000
# of 10,000 rows take about a second.
SPREAD = 1_000


def teaching_order(unsure: Tensor, embeddings: Tensor, spread: int = SPREAD) -> list[int]:
    """unsure (N,) from 0 up, embeddings (N, D) -> all places, the row that teaches most first."""
    unsure = unsure.double().clamp_min(0)
    points, chosen = embeddings.float(), []
    squares = points.square().sum(1)
    nearest = torch.full((len(points),), torch.inf)  # squared distance to the rows that are chosen
    left = torch.ones(len(points), dtype=torch.bool)
    for step in range(min(spread, len(points))):
        worth = unsure if step == 0 else unsure * nearest.double()
        place = int(torch.where(left, worth, -1.0).argmax())
        chosen.append(place)
        left[place] = False
        distances = squares + squares[place] - 2 * points @ points[place]
        nearest = torch.minimum(nearest, distances.clamp_min(0))
    rest = torch.where(left, unsure, -1.0).argsort(descending=True, stable=True)
    return chosen + rest[: int(left.sum())].tolist()


def uncertainty(probs: Mapping[str, Tensor]) -> Tensor:
    """{task: (N, C_t)} -> (N,) 1 - (first - second probability), the mean over tasks."""
    margins = []
    for rows in probs.values():
        first, second = rows.topk(2, dim=1).values.T if rows.shape[1] > 1 else (rows[:, 0], torch.zeros(len(rows)))
        margins.append(1 - (first - second))
    return torch.stack(margins).mean(0)


def as_points(batch: EmbeddingBatch) -> Tensor:
    """(N, D): unit vectors of every input from the mean of the rows, side by side; zeros where one is absent."""
    parts = []
    for modality, rows in batch.embeddings.items():
        present = batch.present[modality]
        centre = rows[present].mean(0) if bool(present.any()) else torch.zeros(rows.shape[1])
        parts.append(normalize(rows - centre, dim=1) * present[:, None])
    return torch.cat(parts, dim=1)
