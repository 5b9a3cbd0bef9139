"""Before a product is kept: how often will it be recognised, and what will it be taken for?

In: a `Shelf`, what shows the new product, and its name. Out: a `Foresight`.

Each example is asked as if it were an upload: how sure is the classifier, and how alike are the other known products?
The new product has to outweigh these. How alike uploads are to a product that they show is known from validation
(`Matching.same_odds`); with two examples or more, each is held against the others, which moves that figure.
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
# Examples that the figure from validation counts as: photos of one afternoon are more alike than uploads will be.
WORTH = 4.0
# What the examples themselves say of the recall, beside the mean of made-up enrolments: on a fold of the groceries'
# train rows it has a correlation of 0.0 to 0.4 with the recall measured (`benchmarks/enrolment.md`).
OWN_SHARE = 0.1
FAR_SHARE = 0.3  # where an example is unlike all trained classes, which those of the made-up enrolments are not
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
    heard: float  # share of the examples that the classifier takes for classes of its own


def foresee(shelf: Shelf, product: Product, name: str) -> Foresight:
    """For uploads by the product's photos, or else its description, or else its clip.

    Raises UserError when nothing of it can be used.
    """
    modality = next((m for m in SHOWN_BY if m in product.modalities and m in shelf.encoders), None)
    if modality is None:
        raise UserError("A known product needs at least one photo, description or clip that can be read.")
    examples, _ = shelf.embed(_one_by_one(product, modality))
    examples = examples.rows(examples.present[modality])
    if not len(examples):
        raise UserError("None of what shows the product can be read; add a photo, a description or a clip.")
    whole, _ = shelf.embed([product])
    recall, confused = recall_of(shelf, examples, modality, name, whole)
    return Foresight(recall, confused, sentence(recall, [match.name for match, _ in confused], KINDS[modality]))


def recall_of(
    shelf: Shelf, examples: EmbeddingBatch, modality: Modality, name: str, whole: EmbeddingBatch | None = None
) -> tuple[float, tuple[tuple[Match, float], ...]]:
    """Expected recall and what the rest is taken for, from E embedded examples; `whole` has all inputs."""
    own = _own_odds(shelf, examples, examples if whole is None else whole, modality)  # (E, 10)
    weights, rivals = _weighed(shelf, examples, own, name)
    won = weights > rivals.log_weights.max(1, keepdim=True).values
    recall = float(won.double().mean())
    crowd = sum(product.title != name for product in shelf.products[: shelf.own])
    usual = shelf.matching.usual_recall(MODALITIES.index(modality), len(examples), crowd)
    share = FAR_SHARE + (OWN_SHARE - FAR_SHARE) * rivals.heard
    recall = share * recall + (1 - share) * usual
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


def _own_odds(shelf: Shelf, examples: EmbeddingBatch, whole: EmbeddingBatch, modality: Modality) -> Tensor:
    """(E, 10) log odds that uploads like each example will have with the product."""
    matching, count = shelf.matching, len(examples)
    subset = MODALITIES.index(modality)  # the single inputs come first in SUBSETS
    typical = matching.same_odds(subset, count)
    if count == 1:
        return typical.expand(1, -1)
    vectors = examples.embeddings[modality]
    others = [[place for place in range(count) if place != left] for left in range(count)]
    views: dict[Modality, Tensor] = {modality: torch.cat([vectors[places] for places in others])}
    owners = {modality: torch.arange(count).repeat_interleave(count - 1)}
    for m in MODALITIES:
        if m != modality and m in whole.present and bool(whole.present[m][0]):
            views[m] = whole.embeddings[m].expand(count, -1)
            owners[m] = torch.arange(count)
    shown = shelf.spaces.shown(views, owners, count)
    near = torch.zeros(count, dtype=torch.bool)
    seen = shelf.odds(shelf.spaces.alike(examples, shown), near).diagonal().clamp_max(float(typical[-1]))
    shift = float((seen - matching.same_odds(subset, count - 1).mean()).mean()) * count / (count + WORTH)
    return (typical + shift).expand(count, -1)


def _weighed(shelf: Shelf, examples: EmbeddingBatch, own: Tensor, name: str) -> tuple[Tensor, Rivals]:
    """(E, 10) log weights of the new product, and its rivals'."""
    naming = naming_task(shelf.recognizer.vocabularies)
    weights, mine, probs, heard = shelf.weigh(examples, own, name, naming or "")
    others = [place for place in range(shelf.own) if shelf.products[place].title != name]
    matches = [_match(shelf.products[place]) for place in others]
    columns = [weights[:, others]]
    for label in (label for label in probs if label != name):
        matches.append(Match("", label, {naming or "": label}, 0.0, {}))
        columns.append(probs[label].clamp_min(1e-9).log()[:, None])
    matches.append(Match("", "nothing known", {}, 0.0, {}))
    columns.append(torch.full((len(examples), 1), -20.0))
    return mine, Rivals(torch.cat(columns, 1), tuple(matches), float(heard.double().mean()))


def _match(product: CatalogueProduct) -> Match:
    return Match(product.id, product.title, product.labels, 0.0, {})
