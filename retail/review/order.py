"""In which order a person should look at rows, so that the first ones teach most.

In: how unsure N answers are, and where the rows lie. Out: their places, the most useful first. No random numbers.

Unsure rows alone are often odd ones, or copies of one another. The next row here is the one that most unsure rows are
like, as far as no row before it, and none that the recogniser learned from, is as like them: facility location (Wei,
Iyer and Bilmes 2015) with uncertainty as the demand. `benchmarks/review.md` compares it with other orders.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn.functional import normalize

from retail.certainty.novelty import Novelty
from retail.config.wish import DEFAULT_WISH
from retail.recognizer import Recognizer
from retail.schema import MODALITIES
from retail.store import EmbeddingBatch

# So many rows are put in order by what they teach; nobody reviews more at one sitting, and the rest follow by
# uncertainty alone. 500 of 10,000 rows take 5 s on one core, 500 of 2,000 half a second.
SPREAD = 500
AT_ONCE = 64  # rows whose worth is found in one product of matrices
BLOCK = 1024  # rows of the first one, so that 10,000 take 40 MB
LEAST = 1e-6  # what a row must still add: all that are like it are covered


def review_order(recognizer: Recognizer, batch: EmbeddingBatch) -> list[int]:
    """The places of embedded rows that need a person, the row that teaches this recogniser most first."""
    novelty = recognizer.certainty.novelty
    probs = recognizer.certainty.judge(recognizer.head, batch, DEFAULT_WISH).probs
    points = as_points(batch, novelty)
    return teaching_order(uncertainty(probs), points, covered_by(novelty, points))


def teaching_order(unsure: Tensor, points: Tensor, covered: Tensor | None = None, spread: int = SPREAD) -> list[int]:
    """unsure (N,) from 0 up, points (N, D) -> all places, the row that teaches most first.

    Rows are alike as far as the cosine of their points is above 0; `covered` (N,) is how alike the most alike row is
    that the recogniser learned from.
    """
    points, unsure = normalize(points.float(), dim=1), unsure.float().clamp_min(0)
    covered = torch.zeros(len(points)) if covered is None else covered.float().clamp_min(0)
    most = _worth(points, points, unsure, covered)  # what a row adds never grows, so that old figures are upper bounds
    chosen: list[int] = []
    while len(chosen) < min(spread, len(points)):
        place, adds = _best(most, points, unsure, covered)
        if adds < LEAST:
            break
        chosen.append(place)
        most[place] = -torch.inf
        covered = torch.maximum(covered, (points @ points[place]).clamp_min(0))
    left = torch.ones(len(points), dtype=torch.bool)
    left[chosen] = False
    rest = torch.where(left, unsure, -1.0).argsort(descending=True, stable=True)
    return chosen + rest[: int(left.sum())].tolist()


def uncertainty(probs: Mapping[str, Tensor]) -> Tensor:
    """{task: (N, C_t)} -> (N,) 1 - (first - second probability), the mean over tasks."""
    margins = []
    for rows in probs.values():
        first, second = rows.topk(2, dim=1).values.T if rows.shape[1] > 1 else (rows[:, 0], torch.zeros(len(rows)))
        margins.append(1 - (first - second))
    return torch.stack(margins).mean(0)


def as_points(batch: EmbeddingBatch, novelty: Novelty | None = None) -> Tensor:
    """(N, D) where the recogniser compares products, every input's direction side by side; zeros where one is absent.

    Without what it knows, the embeddings around their mean.
    """
    parts = []
    for modality in (name for name in MODALITIES if name in (batch.embeddings if novelty is None else novelty.inputs)):
        rows, present = batch.embeddings[modality], batch.present[modality]
        if novelty is None:
            mapped = rows - (rows[present].mean(0) if bool(present.any()) else 0.0)
        else:
            mapped = novelty.inputs[modality].mapped(rows)
        parts.append(normalize(mapped, dim=1) * present[:, None])
    return normalize(torch.cat(parts, dim=1), dim=1)


def covered_by(novelty: Novelty | None, points: Tensor) -> Tensor:
    """(N,) how alike the most alike product is that the recogniser learned from, -1 to 1; 0 where nobody knows any."""
    if novelty is None:
        return torch.zeros(len(points))
    spaces = [novelty.inputs[name] for name in MODALITIES if name in novelty.inputs]
    parts = [normalize(space.prototypes.float(), dim=1) * space.held[:, None] for space in spaces]
    return (points @ normalize(torch.cat(parts, dim=1), dim=1).T).max(1).values


def _best(most: Tensor, points: Tensor, unsure: Tensor, covered: Tensor) -> tuple[int, float]:
    """The row that adds most, and how much; only rows that may be it are looked at (Minoux 1978)."""
    while True:
        bounds, places = most.topk(min(AT_ONCE + 1, len(most)))
        looked = places[:AT_ONCE][bounds[:AT_ONCE] > -torch.inf].sort().values
        adds = _worth(points[looked], points, unsure, covered)
        most[looked] = adds
        place = int(adds.argmax())
        if len(bounds) <= AT_ONCE or float(adds[place]) >= float(bounds[AT_ONCE]):
            return int(looked[place]), float(adds[place])


def _worth(candidates: Tensor, points: Tensor, unsure: Tensor, covered: Tensor) -> Tensor:
    """(M, D) candidates among (N, D) rows -> (M,) the uncertainty that each would cover, over what is covered."""
    parts = [
        (part @ points.T - covered).clamp_min_(0) @ unsure  # (BLOCK, N)
        for part in candidates.split(BLOCK)
    ]
    return torch.cat(parts) if parts else torch.zeros(0)
