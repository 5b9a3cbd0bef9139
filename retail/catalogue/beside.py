"""The products of a shelf beside the classifier: what each weighs, and the joint answer to every upload.

In: a `Shelf`, embedded uploads and notes about them. Out: a `Prediction` each, with the nearest products.

Where the classifier has nothing to say, or calls an upload unlike all that it knows, the products speak alone, by how
far they stand above what strangers to the catalogue reach (`Strangers`). A product is then answered only if it reaches
that level.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from retail.catalogue.answering import Voice, answer_of, joint, marked, taken_for
from retail.catalogue.filling import with_inputs
from retail.certainty.alike import PLAIN, Alike
from retail.certainty.matching import by_itself, exclusive, naming_task
from retail.certainty.strangers import AT_LEVEL
from retail.schema import MODALITIES, Match, Note, Prediction
from retail.store import EmbeddingBatch

if TYPE_CHECKING:
    from retail.catalogue.shelf import Shelf

VOICES = 50  # products that count in one answer; the others have next to no probability


@dataclass(frozen=True, eq=False)
class Weighed:
    """Q uploads beside the catalogue's N products."""

    shares: Mapping[str, Tensor]  # task -> (Q, N) joint probabilities; "" for a task where every product is new
    alone: Tensor  # (Q, N) the same without the classifier
    clear: Tensor  # (Q, N) bool: whether the classifier is heard, or else the product stands above the level


def answered(
    shelf: Shelf, batch: EmbeddingBatch, notes: Sequence[Note], accuracy: float, count: int
) -> list[Prediction]:
    """Classifier and catalogue together."""
    alone = shelf.recognizer.answer(with_inputs(batch, shelf.recognizer), notes, accuracy)
    alike = shelf.spaces.alike(batch, shelf.shown)
    odds = shelf.odds(alike, torch.tensor([prediction.novelty.unknown for prediction in alone]))  # (Q, N)
    weighed = _weighed(shelf, alone, alike, odds[:, : shelf.own])
    naming = naming_task(shelf.recognizer.vocabularies)
    enough = shelf.matching.threshold(accuracy)
    found = []
    for row, prediction in enumerate(alone):
        used = tuple(m for m in MODALITIES if m in batch.present and bool(batch.present[m][row]) and shelf.reads(m))
        voices = _voices(shelf, weighed, row) if used else []
        if voices:
            prediction = joint(shelf.recognizer, prediction, voices, enough, accuracy)
        prediction = replace(prediction, used=used)
        matches = _matches(shelf, prediction, alike, odds[row], row, voices, naming, count)
        own = {voice.product.id: voice.shares[naming or ""] for voice in voices if voice.clear}
        best = taken_for(prediction, [(match, own[match.id]) for match in matches if match.id in own], naming)
        found.append(marked(replace(prediction, matches=tuple(matches), recognised=best)))
    return found


def speaks(shelf: Shelf, task: str) -> tuple[Tensor, Tensor]:
    """(own,) bool: which products have something to say in a task, and whose word is no class of it."""
    naming = naming_task(shelf.recognizer.vocabularies)
    if not task:
        every = torch.ones(shelf.own, dtype=torch.bool)
        return every, every
    classes = set(shelf.recognizer.vocabularies[task].classes)
    said = [answer_of(product, task, naming) for product in shelf.products[: shelf.own]]
    some = torch.tensor([bool(label) for label in said], dtype=torch.bool)
    return some, torch.tensor([label not in classes for label in said], dtype=torch.bool)


def surest(prediction: Prediction, task: str) -> float:
    """The probability of the likeliest class; of the least sure task where none is asked for."""
    tasks = [task] if task in prediction.probs else [*prediction.probs]
    return min((prediction.best(name)[1] for name in tasks), default=float("nan"))


def _weighed(shelf: Shelf, alone: Sequence[Prediction], alike: Alike, odds: Tensor) -> Weighed:
    silent = torch.tensor([not prediction.probs or prediction.novelty.unknown for prediction in alone])[:, None]
    novelty = torch.tensor([prediction.novelty.score for prediction in alone])
    standing = shelf.standing(alike)
    shared = standing.isfinite()
    by_products = torch.where(shared & silent, standing + AT_LEVEL, by_itself(odds))  # (Q, N) log weights
    views = shelf.shown.counts()[: shelf.own]
    shares = {}
    for task in ["", *shelf.recognizer.vocabularies]:
        said, new = speaks(shelf, task)
        sure = torch.tensor([surest(prediction, task) for prediction in alone])
        weights = shelf.matching.weights(
            task, odds.masked_fill(~said, -torch.inf), new, views, alike.uploads, novelty, sure
        )
        shares[task] = exclusive(torch.where(silent, by_products.masked_fill(~said, -torch.inf), weights))
    return Weighed(shares, exclusive(by_products), ~silent | (shared & (standing >= 0)))


def _voices(shelf: Shelf, weighed: Weighed, row: int) -> list[Voice]:
    """The products of the catalogue that the upload may be."""
    if not shelf.own:
        return []
    most = torch.stack([own[row] for own in weighed.shares.values()] + [weighed.alone[row]]).max(0)
    best = most.values.topk(min(VOICES, shelf.own)).indices.tolist()
    return [
        Voice(
            shelf.products[place],
            {task: float(own[row, place]) for task, own in weighed.shares.items()},
            float(weighed.alone[row, place]),
            bool(weighed.clear[row, place]),
        )
        for place in best
        if most.values[place] > 0
    ]


def _matches(
    shelf: Shelf,
    prediction: Prediction,
    alike: Alike,
    odds: Tensor,
    row: int,
    voices: Sequence[Voice],
    naming: str | None,
    count: int,
) -> list[Match]:
    """The best example of each kind."""
    part_of = {voice.product.id: voice.shares.get(naming or "", 0.0) for voice in voices}
    order = odds.argsort(descending=True)[: 20 * count].tolist()
    best: dict[tuple[str, ...], Match] = {}
    for place in order:
        if odds[place] == -torch.inf:
            break
        product, own = shelf.products[place], place < shelf.own
        kind = (product.id,) if own else ("", *product.labels.values())
        if kind in best:
            continue
        said = product.labels.get(naming or "") or (product.name if own else "")
        part = part_of.get(product.id, 0.0) if own else 0.0
        similarity = {
            name: float(alike.cosines[name][row, place])
            for name in (*PLAIN.values(), "fused")
            if not bool(alike.cosines[name][row, place].isnan())
        }
        probability = max(part, prediction.probs.get(naming or "", {}).get(said, 0.0))
        best[kind] = Match(product.id, product.name, product.labels, probability, similarity)
    return sorted(best.values(), key=lambda match: -match.probability)[:count]
