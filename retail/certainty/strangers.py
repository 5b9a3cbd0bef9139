"""One of the catalogue's products or none of them, where nothing was learned on any: by plain cosines alone.

In: cosines of uploads with products, and what shows the products. Out: how far each product stands above the level
that uploads of products which nobody enrolled seldom reach.

A product's score by one input is its cosine, less half of its strongest rival's: an upload that is like two products
is of their kind rather than one of the two. The level is asked from the catalogue's own views, each as if its product
were not there; the fewer products, the more counts a level that was measured on other sets. Inputs add up.
`benchmarks/enrolment.md` compares the score with others.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from retail.certainty.alike import PLAIN, Alike, Shown, Views
from retail.schema import Modality

SELDOM = 0.08  # share of the uploads of other products that reach the level
RIVAL = 0.5  # of the strongest rival's cosine; 0 and 1 tell fewer products from strangers, 0.25 and 0.75 as many
WORTH = 20  # products that the level of other sets counts as
FEWEST = 3  # products below which a catalogue says nothing of its own level
MOST_VIEWS = 300  # that are asked; more tell a quantile no better
AT_LEVEL = 0.5  # log odds that a product at the level is the right one, were one as likely as none


@dataclass(frozen=True)
class Usual:
    """One input's figures for the bundled encoders, from every pair of the demo, fashion and grocery sets."""

    level: float  # of one product with one view
    products: float  # what the level rises by with the log of the products
    views: float  # and with the log of the views that each has
    rival: float  # cosine of the strongest rival where a catalogue has one product
    slope: float  # log odds for each unit of the score

    def at(self, products: int, views: float) -> float:
        """The level of so many products with so many views each; measured up to 20 products and 8 views."""
        return self.level + self.products * math.log(min(products, 20)) + self.views * math.log(min(views, 8.0))


USUAL: Mapping[Modality, Usual] = {
    "image": Usual(0.501, -0.019, 0.010, 0.32, 13.7),
    "text": Usual(0.389, 0.048, 0.058, 0.21, 6.5),
    "audio": Usual(0.471, 0.020, 0.024, 0.30, 4.7),
}


@dataclass(frozen=True, eq=False)
class Strangers:
    """What tells N products from everything else; examples of one kind, such as corrections, are no rivals."""

    kinds: Tensor  # (N,) long
    levels: Mapping[Modality, float]

    @classmethod
    def of(cls, shown: Shown, titles: Sequence[str]) -> Strangers:
        """Of N products and their titles; those with the same title are of one kind."""
        place_of = {title: place for place, title in enumerate(dict.fromkeys(titles))}
        kinds = torch.tensor([place_of[title] for title in titles], dtype=torch.long)
        return cls(kinds, {modality: _level(views, modality, kinds) for modality, views in shown.views.items()})

    def standing(self, alike: Alike) -> Tensor:
        """(Q, N) log odds above the level, 0 at it; -inf where upload and product share no input."""
        total = torch.zeros(len(alike.uploads), len(self.kinds))
        shared = torch.zeros_like(total, dtype=torch.bool)
        for modality, level in self.levels.items():
            cosines = alike.cosines[PLAIN[modality]][:, : len(self.kinds)]
            there = ~cosines.isnan()
            above = USUAL[modality].slope * (_scores(cosines, self.kinds, modality) - level)
            total += torch.where(there, above, 0.0)
            shared |= there
        return total.masked_fill(~shared, -torch.inf)


def _scores(cosines: Tensor, kinds: Tensor, modality: Modality) -> Tensor:
    """(Q, N) cosines, NaN where there is none -> less `RIVAL` of that of the most alike product of another kind."""
    if not cosines.numel():
        return cosines
    best = torch.full((len(cosines), int(kinds.max()) + 1), -torch.inf)
    best.scatter_reduce_(1, kinds.expand_as(cosines), cosines.nan_to_num(nan=-torch.inf), "amax")
    first = best.max(1)
    second = best.scatter(1, first.indices[:, None], -torch.inf).max(1).values
    rival = torch.where(first.indices[:, None] == kinds, second[:, None], first.values[:, None])
    return cosines - RIVAL * rival.masked_fill(rival == -torch.inf, USUAL[modality].rival)


def _level(views: Views, modality: Modality, kinds: Tensor) -> float:
    """The best score that `SELDOM` of the views reach with the products of all other kinds."""
    own = kinds[views.owners]
    count = len(own.unique())
    if not count:
        return USUAL[modality].level
    usual = USUAL[modality].at(count, len(own) / count)
    if count < FEWEST:
        return usual
    asked = torch.arange(len(own))[:: -(-len(own) // MOST_VIEWS)]
    directions = views.directions[PLAIN[modality]]
    cosines = views.cosines(PLAIN[modality], directions[asked], len(kinds))
    others = cosines.masked_fill(kinds == own[asked][:, None], torch.nan)
    best = _scores(others, kinds, modality).nan_to_num(nan=-torch.inf).max(1).values
    part = count / (count + WORTH)
    return part * float(best.quantile(1 - SELDOM)) + (1 - part) * usual
