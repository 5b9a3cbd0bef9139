"""Before a product is kept: how often will it be recognised, and what will it be taken for?

In: a `Shelf`, what shows the new product, and its name. Out: a `Foresight`.

Each example is asked as if it were an upload: how sure is the classifier, and how alike are the other known products?
The new product has to outweigh these, with odds as uploads usually have them with the product that they show. What
follows from that for the recall was rehearsed when the recogniser was trained (`certainty/expected.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from retail.catalogue.record import CatalogueProduct
from retail.certainty.matching import naming_task
from retail.schema import MODALITIES, Match, Modality, Product, UserError
from retail.store import EmbeddingBatch

if TYPE_CHECKING:
    from retail.catalogue.shelf import Shelf

NAMED = 0.05  # share of uploads from which on it is worth saying what they are taken for
MOST_NAMED = 3
SHOWN_BY: tuple[Modality, ...] = ("image", "text", "audio")
KINDS: Mapping[Modality, str] = {"image": "photos", "text": "descriptions", "audio": "clips"}


@dataclass(frozen=True)
class Foresight:
    """The share of uploads of a product that will be recognised, what the others are taken for, and both in words."""

    recall: float
    confused_with: tuple[tuple[Match, float], ...]
    sentence: str


@dataclass(frozen=True, eq=False)
class Rivals:
    """What stands against a new product at each of its E examples."""

    log_weights: Tensor  # (E, R)
    matches: tuple[Match, ...]  # R


def foresee(shelf: Shelf, product: Product, name: str) -> Foresight:
    """For uploads by the product's photos, or else its description, or else its clip.

    Raises UserError when nothing of it can be used.
    """
    modality = next((m for m in SHOWN_BY if m in product.modalities and m in shelf.encoders), None)
    if modality is None:
        raise UserError("A known product needs at least one photo, description or sound that can be read.")
    examples, _ = shelf.embed(_one_by_one(product, modality))
    examples = examples.rows(examples.present[modality])
    if not len(examples):
        raise UserError("None of what shows the product can be read; add a photo, a description or a sound.")
    recall, confused = recall_of(shelf, examples, modality, name)
    return Foresight(recall, confused, sentence(recall, [match.name for match, _ in confused], KINDS[modality]))


def recall_of(
    shelf: Shelf, examples: EmbeddingBatch, modality: Modality, name: str
) -> tuple[float, tuple[tuple[Match, float], ...]]:
    """Expected recall and what the rest is taken for, from E embedded examples."""
    place, matching = MODALITIES.index(modality), shelf.matching
    weights, rivals = _weighed(shelf, examples, matching.same_odds(place, len(examples)), name)
    margins = weights - rivals.log_weights.max(1).values
    cohesion = matching.cohesion(place, _among(shelf, examples, modality))
    recall = matching.recall(place, margins, cohesion, sum(one.title != name for one in shelf.products[: shelf.own]))
    lost = (1 - recall) * rivals.log_weights.softmax(1).mean(0)
    order = lost.argsort(descending=True).tolist()[:MOST_NAMED]
    return recall, tuple((rivals.matches[place], float(lost[place])) for place in order if lost[place] >= NAMED)


def sentence(recall: float, confused_with: Sequence[str], kind: str) -> str:
    """What is to be expected, in words."""
    tenths = round(10 * recall)
    often = {0: f"Hardly any {kind}", 10: f"Nearly all {kind}"}.get(tenths, f"About {tenths} of 10 {kind}")
    if not confused_with:
        return f"{often} of it will be recognised."
    *first, last = confused_with
    names = f"{', '.join(first)} and {last}" if first else last
    return f"{often} of it will be recognised; it will be confused with {names}."


def _one_by_one(product: Product, modality: Modality) -> list[Product]:
    if modality == "image":
        return [Product(str(place), images=(photo,)) for place, photo in enumerate(product.images)]
    return [Product("0", text=product.text) if modality == "text" else Product("0", audio=product.audio)]


def _among(shelf: Shelf, examples: EmbeddingBatch, modality: Modality) -> Tensor:
    """(E,) log odds of each example with a product that the others show."""
    if len(examples) < 2:
        return torch.zeros(len(examples))
    return shelf.matching.odds(shelf.spaces.among(examples, modality), shelf.plain).diagonal()


def _weighed(shelf: Shelf, examples: EmbeddingBatch, odds: float, name: str) -> tuple[Tensor, Rivals]:
    """(E,) log weights of the new product for uploads like these that have such odds with it, and its rivals'."""
    naming = naming_task(shelf.recognizer.vocabularies)
    weights, mine, probs = shelf.weigh(examples, odds, name, naming or "")
    others = [place for place in range(shelf.own) if shelf.products[place].title != name]
    matches = [_match(shelf.products[place]) for place in others]
    columns = [weights[:, others]]
    for label in (label for label in probs if label != name):
        matches.append(Match("", label, {naming or "": label}, 0.0, {}))
        columns.append(probs[label].clamp_min(1e-9).log()[:, None])
    matches.append(Match("", "nothing known", {}, 0.0, {}))
    columns.append(torch.full((len(examples), 1), -20.0))
    return mine, Rivals(torch.cat(columns, 1), tuple(matches))


def _match(product: CatalogueProduct) -> Match:
    return Match(product.id, product.title, product.labels, 0.0, {})
