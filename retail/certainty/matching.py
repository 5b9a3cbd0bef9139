"""Which known product an upload is: how alike they are as a probability, and how it is weighed with the classes.

In: cosines of uploads with products, and what the classifier answers. Out: probabilities of "the same product".

For each mix of inputs that an upload and a product have, a logistic regression turns their cosines into log odds of
being the same; no weight is negative, so more alike never means less likely. Whether an upload is one of the products
at all, or one of the trained classes, says a second regression on the best of these odds, on the nearest product of the
trained classes, and on how sure the classifier is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from retail.certainty.alike import COSINES, Alike
from retail.schema import SUBSETS, Subset

WEIGHTS = len(COSINES) + 1  # one for each cosine, and a constant
GATE = ("constant", "products", "nearest", "sure")
EDGE = 1e-6
# Names of a task whose classes are products.
PRODUCT_TASKS = ("product", "name", "title", "item", "article", "sku")


@dataclass(frozen=True, eq=False)
class Matching:
    """Fitted on simulated enrolments (`enrolments`); what nobody fitted has the mean of three data sets."""

    pairs: Tensor  # (7, 7, W): weights of COSINES and a constant, for an upload's and a product's inputs
    gates: Tensor  # (7, G): weights of GATE, for an upload's inputs
    shares: Mapping[tuple[str, Subset], tuple[float, float]] = field(default_factory=dict)  # weight, sharpness

    @classmethod
    def default(cls) -> Matching:
        """For a recogniser that was kept before there was a catalogue."""
        return cls(torch.tensor(_PAIR).expand(len(SUBSETS), len(SUBSETS), WEIGHTS), torch.tensor([_GATE] * 7))

    def odds(self, alike: Alike) -> Tensor:
        """(Q, N) log odds that two products are the same, were either as likely beforehand; -inf without a cosine."""
        cosines = torch.stack([alike.cosines[name] for name in COSINES], dim=2)  # (Q, N, W - 1)
        weights = self.pairs[alike.uploads[:, None], alike.products]  # (Q, N, W)
        odds = (cosines.nan_to_num(0.0) * weights[..., :-1]).sum(2) + weights[..., -1]
        return torch.where(cosines.isnan().all(2), -torch.inf, odds)

    def any_of(self, odds: Tensor, subsets: Tensor, nearest: Tensor, sure: Tensor) -> Tensor:
        """(Q,) probability that an upload is one of the N products rather than of a trained class or unknown.

        `odds` (Q, N) are those of the products, `subsets` (Q,) the uploads' inputs, `nearest` (Q,) the cosine of the
        nearest product of a trained class and `sure` (Q,) the probability of the likeliest class.
        """
        features = gate_features(odds, nearest, sure)
        found = (features.nan_to_num(0.0, 0.0, 0.0) * self.gates[subsets]).sum(1).sigmoid()
        return torch.where(odds.max(1).values.isfinite(), found, 0.0) if odds.shape[1] else torch.zeros(len(odds))

    def enough(self, subsets: Tensor, wished: float) -> Tensor:
        """(Q,) joint probability from which on a product's answer is right as often as wished; NaN where none is."""
        return torch.full((len(subsets),), torch.nan)


def naming_task(tasks: Iterable[str]) -> str | None:
    """The task whose classes are products; None where there is none."""
    named = {task.lower().replace(" ", "_"): task for task in tasks}
    return next((named[name] for name in PRODUCT_TASKS if name in named), None)


def gate_features(odds: Tensor, nearest: Tensor, sure: Tensor) -> Tensor:
    """(Q, G)"""
    best = odds.logsumexp(1) if odds.shape[1] else torch.full((len(odds),), -torch.inf)
    sure = sure.clamp(EDGE, 1 - EDGE)
    return torch.stack([torch.ones_like(best), best, nearest, sure.logit()], dim=1)


# Until fitted.
_PAIR = [4.0] * len(COSINES) + [-5.0]
_GATE = [0.0, 1.0, -2.0, -0.5]
