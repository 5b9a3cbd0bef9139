"""One catalogue as one recogniser sees it, in memory: nearest products, and answers of both together.

In: a `Recognizer`, a `Catalogue` and, where they are at hand, rows that the recogniser learned from. Out: a `Shelf`.

Up to some 50,000 views every upload is compared with every product, exactly.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor

from retail.catalogue.answering import Voice, answer_of, joint, marked, taken_for
from retail.catalogue.database import Catalogue
from retail.catalogue.foresight import Foresight, foresee
from retail.catalogue.record import CatalogueProduct, View
from retail.certainty.alike import PLAIN, Alike, Shown, Spaces, Views, with_all
from retail.certainty.matching import USUAL_PLAIN, Matching, by_itself, exclusive, naming_task
from retail.certainty.weighing import pair_fit
from retail.config.wish import DEFAULT_WISH
from retail.encoders import Encoder, load_preset
from retail.evaluation.hierarchy import ParentMap, contradictions, parents_of
from retail.recognizer import Recognizer
from retail.schema import (
    MODALITIES,
    SUBSETS,
    Match,
    Modality,
    Note,
    Prediction,
    Product,
    Progress,
    Subset,
    UserError,
)
from retail.store import EmbeddingBatch, EmbeddingStore, embed_products

REPEATED = 1 - 1e-4  # cosine from which on two files are one; decoding and batches make differences of 1e-6
CERTAIN = 40.0  # log odds that outweigh any classifier
SHOWN = 5  # nearest products that an answer names
VOICES = 50  # products that count in one answer; the others have next to no probability
FEWEST = 20  # views with another of the same product, below which their cosines say little
MOST_VIEWS = 1000  # more tell two numbers no better
PAIRS_AT_ONCE = 2_000_000  # uploads times products that are compared in one piece


@dataclass(frozen=True, eq=False)
class Shelf:
    """Known products beside a recogniser; made by `of`."""

    recognizer: Recognizer
    encoders: Mapping[Modality, Encoder]
    products: tuple[CatalogueProduct, ...]  # the catalogue's first
    own: int  # so many of them are the catalogue's; the others are rows that the recogniser learned from
    spaces: Spaces
    shown: Shown
    matching: Matching
    version: int = -1  # of the catalogue
    plain: Mapping[Modality, tuple[float, float]] = field(default_factory=dict)  # see `Matching.odds`
    parents: Mapping[str, Mapping[str, ParentMap]] = field(default_factory=dict)  # which task is whose parent

    @classmethod
    def of(
        cls,
        recognizer: Recognizer,
        catalogue: Catalogue | None,
        train: Sequence[Product] = (),
        store: EmbeddingStore | None = None,
        progress: Progress | None = None,
    ) -> Shelf:
        """Embeds what was not embedded yet. `train`, rows that it learned from, are shown and change no answer."""
        version = -1 if catalogue is None else catalogue.version
        kept = [] if catalogue is None else catalogue.products()
        encoders = _encoders(recognizer, [] if catalogue is None else catalogue.views())
        views: dict[Modality, Tensor] = {}
        owners: dict[Modality, Tensor] = {}
        place_of = {product.id: place for place, product in enumerate(kept)}
        if catalogue is not None:
            catalogue.embed(encoders, store, progress)
        batch, _ = embed_products(train, encoders, {}, store or EmbeddingStore(), progress)
        for modality, encoder in encoders.items():
            there = batch.present[modality]
            views[modality] = batch.embeddings[modality][there]
            owners[modality] = len(kept) + there.nonzero().flatten()
            if catalogue is not None:
                found = catalogue.vectors(encoder)
                known = [place for place, product in enumerate(found.products) if product in place_of]
                rows = torch.as_tensor(found.vectors, dtype=torch.float32).reshape(-1, encoder.dim)[known]
                places = torch.tensor([place_of[found.products[place]] for place in known], dtype=torch.long)
                views[modality] = torch.cat([rows, views[modality]])
                owners[modality] = torch.cat([places, owners[modality]])
        shown_rows = [CatalogueProduct(row.id, "", dict(row.labels)) for row in train]
        products = (*kept, *shown_rows)
        spaces = spaces_of(recognizer, views)
        shown = spaces.shown(views, owners, len(products))
        plain = {m: own_weights(shown.views[m], m, len(products)) for m in shown.views if m not in spaces.maps}
        matching, parents = matching_of(recognizer), _parents(recognizer, train)
        return cls(recognizer, encoders, products, len(kept), spaces, shown, matching, version, plain, parents)

    def embed(
        self, products: Sequence[Product], store: EmbeddingStore | None = None, progress: Progress | None = None
    ) -> tuple[EmbeddingBatch, list[Note]]:
        """Embeddings by every input that the recogniser or the catalogue knows, and notes of what cannot be used."""
        return embed_products(products, self.encoders, self.recognizer.vocabularies, store, progress)

    def match(self, batch: EmbeddingBatch, count: int = SHOWN) -> list[tuple[Match, ...]]:
        """The products that each upload is likeliest to be, one of each kind."""
        return [prediction.matches[:count] for prediction in self.answer(batch, (), count=count)]

    def answer(
        self,
        batch: EmbeddingBatch,
        notes: Sequence[Note],
        accuracy: float = DEFAULT_WISH,
        count: int = SHOWN,
    ) -> list[Prediction]:
        """Classifier and catalogue together; a product that neither of them can use has empty `used` and `probs`."""
        size = max(1, PAIRS_AT_ONCE // max(1, len(self.products)))
        found: list[Prediction] = []
        for start in range(0, len(batch), size):
            found += self._answer(batch.rows(slice(start, start + size)), notes, accuracy, count)
        return found

    def answer_subsets(
        self, product: Product, batch: EmbeddingBatch, notes: Sequence[Note]
    ) -> dict[Subset, Prediction]:
        """The answer for each non-empty subset of the usable inputs of one embedded product.

        Raises UserError when no input could be used.
        """
        usable = [m for m in MODALITIES if m in batch.present and bool(batch.present[m][0]) and self._reads(m)]
        subsets = [subset for subset in SUBSETS if set(subset) <= set(usable)]
        if not subsets:
            own = [note.sentence for note in notes if note.product == product.id]
            raise UserError(own[0] if own else self.recognizer.nothing_used(product))
        return {subset: self.answer(batch.only(subset), notes)[0] for subset in subsets}

    def foresee(self, product: Product, name: str) -> Foresight:
        """How often a product that is not kept yet will be recognised, and what it will be confused with."""
        return foresee(self, product, name)

    def weigh(
        self, examples: EmbeddingBatch, odds: Tensor, name: str, task: str
    ) -> tuple[Tensor, Tensor, dict[str, Tensor], bool]:
        """What a product that is not kept yet would weigh for uploads like these examples, with `odds` (E, K).

        (E, own) log weights of the products that are kept, (E, K) those of the new one, and {class: (E,)} probabilities
        of the classes, all in one task, "" for one where every product is new; and whether the classifier is heard.
        """
        alone = self.recognizer.answer(with_inputs(examples, self.recognizer), ())
        alike = self.spaces.alike(examples, self.shown)
        kept = self.odds(alike)[:, : self.own]
        speaks, new = self._speaks(task)
        kept = kept.masked_fill(~speaks, -torch.inf)
        known = bool(task) and name in self.recognizer.vocabularies[task].classes
        unheard = sum(not prediction.probs or prediction.novelty.unknown for prediction in alone)
        if 2 * unheard > len(alone):
            return by_itself(kept), odds - math.log(1 + int(speaks.sum())), {}, False
        novelty = torch.tensor([prediction.novelty.score for prediction in alone])
        sure = torch.tensor([_sure(prediction, task) for prediction in alone])
        facts = alike.uploads, novelty, sure
        weights = self.matching.weights(task, kept, new, *facts)
        crowd = kept.isfinite() & (new == (not known))
        mine = []
        for column in odds.T:
            joined = torch.cat([kept.masked_fill(~crowd, -torch.inf), column[:, None]], 1)
            kind = torch.full((self.own + 1,), not known)
            mine.append(self.matching.weights(task, joined, kind, *facts)[:, -1])
        probs = alone[0].probs.get(task, {})
        return (
            weights,
            torch.stack(mine, 1),
            {label: torch.tensor([prediction.probs[task][label] for prediction in alone]) for label in probs},
            True,
        )

    def odds(self, alike: Alike) -> Tensor:
        """(Q, N) log odds that upload and product are the same, were either as likely beforehand.

        The same photo, words or clip again is the same product, whatever a regression on others says.
        """
        odds = self.matching.odds(alike, self.plain)
        plain = torch.stack([alike.cosines[name] for name in PLAIN.values()])  # (3, Q, N)
        repeated = (plain > REPEATED).any(0) & ((plain > REPEATED) | plain.isnan()).all(0)
        return odds.masked_fill(repeated, CERTAIN)

    def predict(self, product: Product, accuracy: float = DEFAULT_WISH) -> Prediction:
        """The answer to one product, of which nothing is kept; raises UserError when no input could be used."""
        batch, notes = self.embed([product])
        answer = self.answer(batch, notes, accuracy)[0]
        if not answer.used:
            raise UserError(answer.notes[0] if answer.notes else self.recognizer.nothing_used(product))
        return answer

    def contradictions(self, answer: Prediction) -> list[str]:
        """A sentence for each pair of tasks whose answers cannot both be right, by the training rows."""
        return contradictions(answer, self.parents, self.recognizer.vocabularies)

    def _reads(self, modality: Modality) -> bool:
        """Whether the classifier takes this input, or a product of the catalogue has it."""
        return modality in self.recognizer.modalities or modality in self.shown.views

    def _answer(self, batch: EmbeddingBatch, notes: Sequence[Note], accuracy: float, count: int) -> list[Prediction]:
        alone = self.recognizer.answer(with_inputs(batch, self.recognizer), notes, accuracy)
        alike = self.spaces.alike(batch, self.shown)
        odds = self.odds(alike)  # (Q, N)
        own = odds[:, : self.own]
        shares = self._shares(alone, alike, own)
        solo = exclusive(by_itself(own))
        naming = naming_task(self.recognizer.vocabularies)
        wanted = self.matching.threshold(accuracy)
        found = []
        for row, prediction in enumerate(alone):
            used = tuple(m for m in MODALITIES if m in batch.present and bool(batch.present[m][row]) and self._reads(m))
            voices = self._voices(row, shares, solo) if used else []
            if voices:
                prediction = joint(self.recognizer, prediction, voices, wanted, accuracy)
            prediction = replace(prediction, used=used)
            matches = self._matches(prediction, alike, odds[row], row, voices, naming, count)
            share = sum(voice.shares[naming or ""] for voice in voices)
            best = taken_for(prediction, [pair for pair in matches if pair[1] > 0], naming, share)
            found.append(marked(replace(prediction, matches=tuple(match for match, _ in matches), recognised=best)))
        return found

    def _shares(self, alone: Sequence[Prediction], alike: Alike, odds: Tensor) -> dict[str, Tensor]:
        """{task: (Q, own)} joint probabilities of the products in each task; "" for one where every product is new.

        Where the classifier has nothing to say, or calls an upload unlike all that it knows, the products speak alone.
        """
        found = {}
        silent = torch.tensor([not prediction.probs or prediction.novelty.unknown for prediction in alone])
        novelty = torch.tensor([prediction.novelty.score for prediction in alone])
        for task in ["", *self.recognizer.vocabularies]:
            speaks, new = self._speaks(task)
            sure = torch.tensor([_sure(prediction, task) for prediction in alone])
            heard = odds.masked_fill(~speaks, -torch.inf)
            weights = self.matching.weights(task, heard, new, alike.uploads, novelty, sure)
            found[task] = exclusive(torch.where(silent[:, None], by_itself(heard), weights))
        return found

    def _speaks(self, task: str) -> tuple[Tensor, Tensor]:
        """(own,) bool: which products have something to say in a task, and whose word is no class of it."""
        naming = naming_task(self.recognizer.vocabularies)
        if not task:
            every = torch.ones(self.own, dtype=torch.bool)
            return every, every
        classes = set(self.recognizer.vocabularies[task].classes)
        said = [answer_of(product, task, naming) for product in self.products[: self.own]]
        speaks = torch.tensor([bool(label) for label in said], dtype=torch.bool)
        return speaks, torch.tensor([label not in classes for label in said], dtype=torch.bool)

    def _voices(self, row: int, shares: Mapping[str, Tensor], alone: Tensor) -> list[Voice]:
        """The products of the catalogue that the upload may be."""
        if not self.own:
            return []
        most = torch.stack([own[row] for own in shares.values()] + [alone[row]]).max(0)
        best = most.values.topk(min(VOICES, self.own)).indices.tolist()
        return [
            Voice(
                self.products[place],
                {task: float(own[row, place]) for task, own in shares.items()},
                float(alone[row, place]),
            )
            for place in best
            if most.values[place] > 0
        ]

    def _matches(
        self,
        prediction: Prediction,
        alike: Alike,
        odds: Tensor,
        row: int,
        voices: Sequence[Voice],
        naming: str | None,
        count: int,
    ) -> list[tuple[Match, float]]:
        """The best example of each kind, with the catalogue's own part of its probability."""
        part_of = {voice.product.id: voice.shares.get(naming or "", 0.0) for voice in voices}
        order = odds.argsort(descending=True)[: 20 * count].tolist()
        best: dict[tuple[str, ...], tuple[Match, float]] = {}
        for place in order:
            if odds[place] == -torch.inf:
                break
            product, own = self.products[place], place < self.own
            kind = (product.id,) if own else ("", *product.labels.values())
            if kind in best:
                continue
            part = part_of.get(product.id, 0.0) if own else 0.0
            said = product.labels.get(naming or "") or (product.name if own else "")
            probability = max(part, prediction.probs.get(naming or "", {}).get(said, 0.0))
            similarity = {
                name: float(alike.cosines[name][row, place])
                for name in (*PLAIN.values(), "fused")
                if not bool(alike.cosines[name][row, place].isnan())
            }
            best[kind] = Match(product.id, product.name, product.labels, probability, similarity), part
        return sorted(best.values(), key=lambda pair: -pair[0].probability)[:count]


def _parents(recognizer: Recognizer, train: Sequence[Product]) -> Mapping[str, Mapping[str, ParentMap]]:
    known = recognizer.vocabularies
    targets = {task: np.array([own.index(row.labels.get(task, "")) for row in train]) for task, own in known.items()}
    return parents_of(targets, {task: len(own) for task, own in known.items()}) if train else {}


def own_weights(views: Views, modality: Modality, products: int) -> tuple[float, float]:
    """Weight and constant of the plain cosine, from the catalogue's own views, each held against all others.

    The usual ones where fewer than `FEWEST` views have another one of their product beside them.
    """
    usual = USUAL_PLAIN[modality]
    rows = torch.arange(len(views.owners))[:: -(-len(views.owners) // MOST_VIEWS) or 1]
    several = rows[views.counts(products)[views.owners[rows]] > 1]
    if len(several) < FEWEST:
        return usual
    directions = views.directions[PLAIN[modality]]
    cosines = directions[several] @ directions.T
    cosines[torch.arange(len(several)), several] = -torch.inf
    best = torch.full((len(several), products), -torch.inf)
    best.scatter_reduce_(1, views.owners.expand_as(cosines), cosines, "amax")
    there = best.isfinite()
    same = torch.arange(products) == views.owners[several][:, None]
    weight, constant = pair_fit(best[there][:, None], same[there], torch.tensor(usual)).tolist()
    return weight, constant


def with_inputs(batch: EmbeddingBatch, recognizer: Recognizer) -> EmbeddingBatch:
    """What the recogniser's head reads of a batch; absent where the batch lacks it."""
    return with_all(batch, recognizer.head.dims)


def spaces_of(recognizer: Recognizer, views: Mapping[Modality, Tensor]) -> Spaces:
    """The recogniser's own; around the mean of the catalogue's views {input: (V, D)} where it has none."""
    novelty = recognizer.certainty.novelty
    maps = {} if novelty is None else novelty.inputs
    centres = {m: space.centre for m, space in maps.items()}
    centres |= {m: rows.mean(0) for m, rows in views.items() if m not in centres and len(rows)}
    return Spaces(centres, maps, recognizer.head, None if novelty is None else novelty.fused)


def matching_of(recognizer: Recognizer) -> Matching:
    """The recogniser's own, or the usual one."""
    return recognizer.certainty.matching or Matching.usual()


def _encoders(recognizer: Recognizer, views: Sequence[View]) -> dict[Modality, Encoder]:
    """The recogniser's, and the bundled ones for inputs that it lacks but some view has."""
    there = {view.modality for view in views} - set(recognizer.modalities)
    found = {m: recognizer.encoders[m] for m in recognizer.modalities} | load_preset("bundled", there)
    return {m: found[m] for m in MODALITIES if m in found}


def _sure(prediction: Prediction, task: str) -> float:
    """The probability of the likeliest class; of the least sure task where none is asked for."""
    tasks = [task] if task in prediction.probs else [*prediction.probs]
    return min((prediction.best(name)[1] for name in tasks), default=float("nan"))
