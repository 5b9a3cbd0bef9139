"""Before a product is kept: what its own examples say of how often it will be recognised.

In: the weights of the product and of its rivals at its examples. Out: the share of uploads that will be recognised.

A logistic curve, fitted on enrolments that were rehearsed (`rehearsals`), of these facts: how many examples there are
and how many other products, by how much it would outweigh its rivals at the examples, and how alike these are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from retail.certainty.descent import minimized

FACTS = ("constant", "examples", "others", "margin", "cohesion")
MOST_MARGIN, MOST_COHESION = 6.0, 4.0  # farther is not more certain
MANY = 8  # examples, or other products and one, that count as 1; each counts by its logarithm
# Photos of a product come in series that are right or wrong together: so many uploads of an enrolment count at most.
MOST_UPLOADS = 4.0
PRIOR = 10.0  # of a distance of 1 from the usual weights, in uploads


@dataclass(frozen=True, eq=False)
class Rehearsal:
    """Products that were enrolled by one input: what was known of each beforehand, and how its uploads fared."""

    modality: int  # the place of the input in `MODALITIES`
    facts: Tensor  # (R, FACTS)
    right: Tensor  # (R,) uploads that were recognised
    asked: Tensor  # (R,) uploads


def facts_of(margins: Tensor, cohesion: float, others: int) -> Tensor:
    """(FACTS,) from (E,) log weights of a product over its best rival's at its examples, `Matching.cohesion`, and the
    number of other products in the catalogue."""
    examples, crowd = (math.log(count) / math.log(MANY) for count in (len(margins), 1 + others))
    margin = margins.clamp(-MOST_MARGIN, MOST_MARGIN).mean()
    return torch.tensor([1.0, examples, crowd, float(margin), min(max(cohesion, -MOST_COHESION), MOST_COHESION)])


def expected(weights: Tensor, facts: Tensor) -> Tensor:
    """(FACTS,) weights, (R, FACTS) -> (R,) shares of uploads that will be recognised."""
    return (facts @ weights).sigmoid()


def fit_recalls(rehearsals: Sequence[Rehearsal], usual: Tensor) -> Tensor:
    """(MODALITIES, FACTS) weights, near the usual ones where little was rehearsed."""
    found = usual.clone()
    for modality in {one.modality for one in rehearsals}:
        own = [one for one in rehearsals if one.modality == modality]
        facts = torch.cat([one.facts for one in own]).double()
        asked = torch.cat([one.asked for one in own]).double()
        right = torch.cat([one.right for one in own]).double() / asked
        found[modality] = _fitted(facts, right, asked.clamp_max(MOST_UPLOADS), usual[modality])
    return found


def _fitted(facts: Tensor, right: Tensor, counts: Tensor, usual: Tensor) -> Tensor:
    def loss(weights: Tensor) -> Tensor:
        lost = binary_cross_entropy_with_logits(facts @ weights, right, counts, reduction="sum")
        return lost + PRIOR / 2 * (weights - usual.double()).square().sum()

    return minimized(loss, usual, [(None, None), (0, None), (None, 0), (0, None), (0, None)])
