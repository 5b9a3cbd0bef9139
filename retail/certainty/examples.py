"""What an example of a trained class weighs against the classifier: corrections, and catalogues of known products.

In: validation rows, one half of which are examples beside the other half. Out: the weights of WEIGHING for a task.

Training rows cannot stand for examples that come later: the classifier has learned them, so that they would add
nothing. All rows of a half are examples at once, and once those alone that the classifier answers wrongly, for these
are what people correct.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from retail.certainty.alike import Shown, Spaces
from retail.certainty.calibration import Calibration
from retail.certainty.descent import minimized
from retail.certainty.matching import USUAL_KNOWN, Matching, crowd_of, weighed
from retail.schema import SUBSETS, Modality
from retail.store import EmbeddingBatch
from retail.training import predict_logits

PRIOR = 2.0  # of a distance of 1 from the usual weights, in uploads
MOST_ROWS = 1500
FEWEST = 20  # uploads below which the usual weights stay


@dataclass(frozen=True, eq=False)
class Halves:
    """Q uploads of one mix of inputs beside N examples."""

    odds: Tensor  # (Q, N)
    probs: Tensor  # (Q, C)
    novelty: Tensor  # (Q,)
    labels: Tensor  # (N,)
    targets: Tensor  # (Q,)


def known_weights(
    matching: Matching,
    spaces: Spaces,
    calibration: Calibration,
    val: EmbeddingBatch,
    novelty: Tensor,
    groups: np.ndarray | None,
) -> dict[str, Tensor]:
    """{task: (7, 5)}; `novelty` (N_val, 7) are the scores of `Novelty` for each mix of inputs."""
    assert spaces.head is not None
    inputs: list[Modality] = [m for m in val.present if m in spaces.centres]  # type: ignore[misc]
    subsets = [subset for subset in SUBSETS if set(subset) <= set(inputs)]
    usual = torch.tensor([USUAL_KNOWN] * len(SUBSETS))
    found = {task: usual.clone() for task in spaces.head.tasks}
    one, other = _halves(len(val), groups)
    sides = [(uploads, _Examples.of(spaces, val.rows(rows), inputs)) for uploads, rows in ((one, other), (other, one))]
    for subset in subsets:
        gathered: dict[str, list[Halves]] = {}
        for uploads, examples in sides:
            asked = uploads[val.having(subset)[uploads]]
            if len(asked) < FEWEST:
                continue
            batch = val.rows(asked).only(subset)
            logits = predict_logits(spaces.head, batch)
            odds = matching.odds(spaces.alike(batch, examples.shown, logits))
            for task, own in logits.items():
                labels = examples.rows.targets[task]
                usable = (labels >= 0) & (labels < own.shape[1])
                probs = calibration.probs(task, subset, own)
                for counted in (usable, usable & (examples.said[task] != labels)):
                    if bool(counted.any()):
                        part = odds[:, counted], probs, novelty[asked, SUBSETS.index(subset)], labels[counted]
                        gathered.setdefault(task, []).append(Halves(*part, batch.targets[task]))
        for task, halves in gathered.items():
            found[task][SUBSETS.index(subset)] = _weights(halves)
    return found


@dataclass(frozen=True, eq=False)
class _Examples:
    """One half as examples: how it is compared, and what the head answers to it."""

    rows: EmbeddingBatch
    shown: Shown
    said: dict[str, Tensor]

    @classmethod
    def of(cls, spaces: Spaces, rows: EmbeddingBatch, inputs: Sequence[Modality]) -> _Examples:
        assert spaces.head is not None
        views = {m: rows.embeddings[m][rows.present[m]] for m in inputs}
        owners = {m: rows.present[m].nonzero().flatten() for m in inputs}
        said = {task: logits.argmax(1) for task, logits in predict_logits(spaces.head, rows).items()}
        return cls(rows, spaces.shown(views, owners, len(rows)), said)


def _halves(count: int, groups: np.ndarray | None) -> tuple[Tensor, Tensor]:
    """Rows of a group stay together."""
    names = np.arange(count) if groups is None else np.unique(groups, return_inverse=True)[1]
    generator = torch.Generator().manual_seed(0)
    side = torch.randint(0, 2, (int(names.max(initial=0)) + 1,), generator=generator)[torch.as_tensor(names)]
    one, other = ((side == value).nonzero().flatten()[:MOST_ROWS] for value in (0, 1))
    return one, other


def _weights(halves: Sequence[Halves]) -> Tensor:
    usual = torch.tensor(USUAL_KNOWN).double()
    scenes = []
    for half in halves:
        known = (half.targets >= 0) & (half.targets < half.probs.shape[1])
        probs, targets = half.probs[known].double(), half.targets[known]
        own = probs.gather(1, targets[:, None])[:, 0].clamp_min(1e-6).log()
        same = targets[:, None] == half.labels
        scenes.append((half.odds[known].double(), half.novelty[known].double(), probs.max(1).values, own, same))

    def loss(weights: Tensor) -> Tensor:
        lost = torch.zeros((), dtype=torch.float64)
        for odds, novelty, sure, own, same in scenes:
            each = weighed(weights, odds, novelty, sure, crowd_of(odds, torch.ones(odds.shape[1])))
            right = torch.cat([own[:, None], each.masked_fill(~same, -torch.inf)], 1).logsumexp(1)
            every = torch.cat([torch.zeros_like(own)[:, None], each], 1).logsumexp(1)
            lost = lost + (every - right).sum()
        return lost + PRIOR / 2 * (weights - usual).square().sum()

    return minimized(loss, usual, [(None, None), (0.1, None), (0, None), (0, None), (0, 1)])
