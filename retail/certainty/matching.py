"""Which known product an upload is: how alike they are as odds, and what these weigh against the trained classes.

In: cosines of uploads with products, and what the classifier answers. Out: a weight for each product, where the
classifier has 1; each over their sum is a probability.

For each mix of inputs that an upload and a product have, a logistic regression turns their cosines into the log odds
of being the same; no weight is negative, so more alike never means less likely. A product then speaks with a power of
these odds, the more the less an upload is like the trained classes and the less sure the classifier is:
k-nearest-neighbour interpolation (Khandelwal et al. 2020, arXiv:1911.00172) with weights that depend on the upload. A
product that brings a class of its own weighs otherwise than an example of a class that was trained.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from retail.certainty.alike import COSINES, MAPPED, PLAIN, Alike
from retail.certainty.expected import FACTS, expected, facts_of
from retail.metrics.promises import WISHES
from retail.schema import MODALITIES, SUBSETS, Modality, Subset, UserError

EXAMPLES = (1, 3, 8)  # rows that a product is enrolled from where `Matching` is fitted
WEIGHING = ("constant", "odds", "novelty", "sure", "crowd")
NOVELTY_RANGE = (-3.0, 8.0)  # deviations; farther is not more certain
EDGE = 1e-4  # no classifier is surer than this, or less
# Names of a task whose classes are products.
PRODUCT_TASKS = ("product", "name", "title", "item", "article", "sku")

# What nobody fitted: rounded means over the demo, fashion and grocery sets (`benchmarks/enrolment.md`).
USUAL_NEW = [4.4, 1.0, 0.6, 0.1, 0.8]
USUAL_KNOWN = [3.0, 1.2, 0.4, 0.5, 0.5]
# Of what is foreseen: the same over the inputs of fashion and of the groceries.
USUAL_TYPICAL = [0.8, 1.7, 2.5]
USUAL_RECALL = [0.4, 0.3, -0.7, 0.3, 0.2]
# Weight of the plain cosine and constant, where the recogniser does not read an input.
USUAL_PLAIN: Mapping[Modality, tuple[float, float]] = {"audio": (4.0, -1.2), "image": (8.5, -2.7), "text": (5.5, -1.6)}


@dataclass(frozen=True, eq=False)
class Matching:
    """Fitted on validation rows (`weighing`); `usual` for a recogniser that nobody fitted one for."""

    pairs: Tensor  # (7, 7, W): of COSINES and a constant, for an upload's and a product's inputs, as in `SUBSETS`
    new: Tensor  # (7, 5): WEIGHING of a product that is a class of its own, for an upload's inputs
    known: Mapping[str, Tensor] = field(default_factory=dict)  # task -> (7, 5): of an example of a trained class
    enough: Tensor = field(default_factory=lambda: torch.full((len(WISHES),), torch.nan))  # see `threshold`
    # What is foreseen of a product (`rehearsals`): (3, EXAMPLES) median log odds of uploads with the product that they
    # are, and (3, FACTS) what says how many are recognised, for one input each, as in `MODALITIES`.
    typical: Tensor = field(default_factory=lambda: torch.tensor([USUAL_TYPICAL] * len(MODALITIES)))
    recalls: Tensor = field(default_factory=lambda: torch.tensor([USUAL_RECALL] * len(MODALITIES)))

    @classmethod
    def usual(cls) -> Matching:
        """The mean of what three data sets ask for."""
        pairs = torch.stack([torch.stack([_usual_pair(one, other) for other in SUBSETS]) for one in SUBSETS])
        return cls(pairs, torch.tensor([USUAL_NEW] * len(SUBSETS)))

    def odds(self, alike: Alike, plain: Mapping[Modality, tuple[float, float]] | None = None) -> Tensor:
        """(Q, N) log odds that two are the same, were either as likely beforehand; -inf where nothing compares.

        Of an input that the recogniser does not read there is the plain cosine alone, with a weight and a constant of
        its own: `plain`, or else the usual ones.
        """
        read = torch.stack([alike.cosines[name] for name in COSINES], dim=2)  # (Q, N, W - 1)
        odds = torch.zeros(read.shape[:2])
        alone = torch.zeros(read.shape[:2], dtype=torch.bool)
        for modality in MODALITIES:
            column = COSINES.index(PLAIN[modality])
            cosines = read[..., column]
            unread = ~cosines.isnan() & read[..., COSINES.index(MAPPED[modality])].isnan()
            weight, constant = (plain or {}).get(modality, USUAL_PLAIN[modality])
            odds += torch.where(unread, weight * cosines.nan_to_num(0.0) + constant, 0.0)
            alone |= unread
            read[..., column] = cosines.masked_fill(unread, torch.nan)
        there = ~read.isnan().all(2)
        weights = self.pairs[alike.uploads[:, None], alike.products]  # (Q, N, W)
        odds += torch.where(there, (read.nan_to_num(0.0) * weights[..., :-1]).sum(2) + weights[..., -1], 0.0)
        return torch.where(there | alone, odds, -torch.inf)

    def weights(
        self,
        task: str,
        odds: Tensor,
        new: Tensor,
        views: Tensor,
        subsets: Tensor,
        novelty: Tensor,
        sure: Tensor,
    ) -> Tensor:
        """(Q, N) log weights of the products in a task, the classifier's being 0.

        `odds` (Q, N); `new` (N,) bool says which products the classifier has no class for, `views` (N,) how many views
        each has; `subsets` (Q,) are the uploads' inputs, `novelty` (Q,) the scores of `Novelty`, `sure` (Q,) the
        likeliest class's probability.
        """
        example = self.known.get(task, torch.tensor([USUAL_KNOWN] * len(SUBSETS)))
        one = weighed(self.new[subsets], odds, novelty, sure, crowd_of(odds, views * new))
        other = weighed(example[subsets], odds, novelty, sure, crowd_of(odds, views * ~new))
        return torch.where(new, one, other)

    def threshold(self, wished: float) -> float:
        """The joint probability from which on a product's answer is right as often as wished; NaN where none is."""
        return float(self.enough[int(np.searchsorted(np.array(WISHES), wished - 1e-9))])

    def same_odds(self, modality: int, examples: int) -> float:
        """Median log odds of uploads with a product that they are, enrolled from so many examples of one input."""
        return float(between(self.typical[modality], examples))

    def cohesion(self, modality: int, odds: Tensor) -> float:
        """By how much (E,) log odds of examples with the product that their others show exceed what uploads have."""
        if len(odds) < 2 or not bool(odds.isfinite().all()):
            return 0.0
        return float(odds.mean()) - self.same_odds(modality, len(odds) - 1)

    def recall(self, modality: int, margins: Tensor, cohesion: float, others: int) -> float:
        """How often a product will be recognised that has (E,) log weights over its rivals' at its examples."""
        return float(expected(self.recalls[modality], facts_of(margins, cohesion, others)))

    def to_tensors(self, tasks: Sequence[str]) -> dict[str, Tensor]:
        """For safetensors."""
        usual = torch.tensor([USUAL_KNOWN] * len(SUBSETS))
        known = torch.stack([self.known.get(task, usual) for task in tasks])  # (T, 7, 5)
        return {
            "pairs": self.pairs,
            "new": self.new,
            "known": known,
            "enough": self.enough,
            "typical": self.typical,
            "recalls": self.recalls,
        }

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor], tasks: Sequence[str]) -> Matching:
        """The inverse of `to_tensors`; raises UserError when the tensors do not fit."""
        size, weights = len(SUBSETS), len(WEIGHING)
        wanted = {
            "pairs": (size, size, len(COSINES) + 1),
            "new": (size, weights),
            "known": (len(tasks), size, weights),
            "enough": (len(WISHES),),
            "typical": (len(MODALITIES), len(EXAMPLES)),
            "recalls": (len(MODALITIES), len(FACTS)),
        }
        shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
        finite = all(bool(tensor.isfinite().all()) for name, tensor in tensors.items() if name != "enough")
        if shapes != wanted or not finite or any(tensor.dtype != torch.float32 for tensor in tensors.values()):
            raise UserError("How the bundle weighs known products is damaged; copy or train the bundle again.")
        known = dict(zip(tasks, tensors["known"], strict=True))
        rest = (tensors[name] for name in ("enough", "typical", "recalls"))
        return cls(tensors["pairs"], tensors["new"], known, *rest)


def _usual_pair(upload: Subset, product: Subset) -> Tensor:
    """(W,) the more inputs two share, the less each counts; the whole counts most where they share none."""
    shared = [modality for modality in MODALITIES if modality in upload and modality in product]
    found = torch.zeros(len(COSINES) + 1)
    for modality in shared:
        found[COSINES.index(PLAIN[modality])] = found[COSINES.index(MAPPED[modality])] = 2.5 / len(shared)
    found[-2:] = torch.tensor([5.5, -4.3] if shared else [7.0, -1.5])
    return found


def between(rows: Tensor, examples: int) -> Tensor:
    """(3, …) for each of EXAMPLES -> (…) for a number between them."""
    if examples <= EXAMPLES[0]:
        return rows[0]
    place = min(int(np.searchsorted(EXAMPLES, examples)), len(EXAMPLES) - 1)
    low, high = EXAMPLES[place - 1], EXAMPLES[place]
    part = min(1.0, math.log(examples / low) / math.log(high / low))
    return (1 - part) * rows[place - 1] + part * rows[place]


def weighed(weights: Tensor, odds: Tensor, novelty: Tensor, sure: Tensor, crowd: Tensor) -> Tensor:
    """(5,) or (Q, 5) WEIGHING, (Q, N) odds -> (Q, N) log weights against the classifier's 0."""
    sure = sure.nan_to_num(0.0).clamp(EDGE, 1 - EDGE).logit()
    constant, power, unlike, sureness, many = weights.unbind(-1)
    against = constant - unlike * novelty.nan_to_num(0.0).clamp(*NOVELTY_RANGE) + sureness * sure + many * crowd
    power = power[:, None] if power.ndim else power
    return (power * odds - against[:, None]).masked_fill(odds == -torch.inf, -torch.inf)


def crowd_of(odds: Tensor, views: Tensor) -> Tensor:
    """(Q, N) odds and (N,) views of each product -> (Q,) how many chances there are to be alike by chance, as a log.

    A product's further views are like its first, so they count by their root. Counted whole they made products with 8
    photos harder to recognise than those with 3; not counted at all they cost the trained classes 1.5 points.
    """
    return (odds.isfinite() * views.to(odds.dtype).sqrt()).sum(1).clamp_min(1.0).log()


def by_itself(odds: Tensor) -> Tensor:
    """(Q, N) log weights where no classifier speaks: as likely as not it is one of the products, each of them alike."""
    crowd = odds.isfinite().sum(1, keepdim=True).clamp_min(1)
    return odds - crowd.to(odds.dtype).log()


def exclusive(weights: Tensor) -> Tensor:
    """(Q, N) log weights -> (Q, N) probabilities; what they leave is the classifier's."""
    return torch.cat([torch.zeros(len(weights), 1, dtype=weights.dtype), weights], 1).softmax(1)[:, 1:]


def naming_task(tasks: Iterable[str]) -> str | None:
    """The task whose classes are products; None where there is none."""
    named = {task.lower().replace(" ", "_"): task for task in tasks}
    return next((named[name] for name in PRODUCT_TASKS if name in named), None)
