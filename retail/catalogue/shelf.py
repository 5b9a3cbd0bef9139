"""One catalogue as one recogniser sees it, in memory: nearest products, and answers of both together.

In: a `Recognizer`, a `Catalogue` and, where they are at hand, rows that the recogniser learned from. Out: a `Shelf`.

Up to 50,000 views every upload is compared with every product, exactly; of a larger catalogue with those that its index
holds nearest, exactly again. There a product is found by an input that it shares with the upload alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from retail.catalogue.answering import Voice, answer_of, joint, marked, taken_for
from retail.catalogue.database import Catalogue
from retail.catalogue.filling import (
    Owned,
    all_views,
    encoders_for,
    joined,
    matching_of,
    own_weights,
    parents_in,
    spaces_of,
    views_near,
    with_inputs,
)
from retail.catalogue.foresight import Foresight, foresee
from retail.catalogue.record import CatalogueProduct
from retail.certainty.alike import PLAIN, Alike, Shown, Spaces, plainly
from retail.certainty.matching import Matching, by_itself, exclusive, naming_task
from retail.config.wish import DEFAULT_WISH
from retail.encoders import Encoder
from retail.evaluation.hierarchy import ParentMap, contradictions
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
MOST_IN_MEMORY = 50_000  # views that every upload is compared with; 250 MB of photos
UPLOADS_AT_ONCE = 16  # of which candidates are found together
PAIRS_AT_ONCE = 2_000_000  # uploads times products that are compared in one piece


NO_ROWS = EmbeddingBatch((), {}, {}, {})


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
    train: tuple[tuple[CatalogueProduct, ...], EmbeddingBatch] = field(default_factory=lambda: ((), NO_ROWS))
    wide: Catalogue | None = None  # a catalogue that is too large for memory, of which candidates are compared

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
        version, counts = -1, dict[Modality, int]()
        kept: list[CatalogueProduct] = []
        if catalogue is not None:
            version, counts = catalogue.version, catalogue.counts()
        encoders = encoders_for(recognizer, counts)
        views: Owned = ({}, {})
        wide = catalogue if sum(counts.values()) > MOST_IN_MEMORY else None
        if catalogue is not None:
            catalogue.embed(encoders, store, progress)
            if wide is None:
                kept = catalogue.products()
                views = all_views(catalogue, kept, encoders)
        batch, _ = embed_products(train, encoders, {}, store or EmbeddingStore(), progress)
        empty = cls(
            recognizer=recognizer,
            encoders=encoders,
            products=(),
            own=0,
            spaces=spaces_of(recognizer, {}),
            shown=Shown(0, {}, torch.zeros(0, 1)),
            matching=matching_of(recognizer),
            version=version,
            parents=parents_in(recognizer, train),
            train=(tuple(CatalogueProduct(row.id, "", dict(row.labels)) for row in train), batch),
            wide=wide,
        )
        return empty._filled(kept, views)

    def _filled(self, kept: Sequence[CatalogueProduct], own: Owned) -> Shelf:
        """The same with these products of the catalogue, and the training rows behind them."""
        rows, batch = self.train
        views, owners = joined(own, len(kept), batch)
        products = (*kept, *rows)
        spaces = spaces_of(self.recognizer, views)
        shown = spaces.shown(views, owners, len(products))
        plain = {m: own_weights(shown.views[m], m, len(products)) for m in shown.views if m not in spaces.maps}
        return replace(self, products=products, own=len(kept), spaces=spaces, shown=shown, plain=plain)

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
        size = max(1, PAIRS_AT_ONCE // max(1, len(self.products))) if self.wide is None else UPLOADS_AT_ONCE
        found: list[Prediction] = []
        for start in range(0, len(batch), size):
            rows = batch.rows(slice(start, start + size))
            found += self._beside(rows)._answer(rows, notes, accuracy, count)
        return found

    def _beside(self, uploads: EmbeddingBatch) -> Shelf:
        """The shelf that these uploads are compared with: itself, or of a large catalogue the nearest products."""
        return self if self.wide is None else self._filled(*views_near(self.wide, uploads, self.encoders))

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
        return foresee(self if self.wide is None else self._beside(self.embed([product])[0]), product, name)

    def weigh(
        self, examples: EmbeddingBatch, odds: float, name: str, task: str
    ) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        """What a product that is not kept yet would weigh for uploads like E examples, which have these odds with it.

        (E, own) log weights of the products that are kept, (E,) those of the new one, and {class: (E,)} probabilities
        of the classes, all in one task, "" for one where every product is new.
        """
        alone = self.recognizer.answer(with_inputs(examples, self.recognizer), ())
        alike = self.spaces.alike(examples, self.shown)
        speaks, new = self._speaks(task)
        far = torch.tensor([prediction.novelty.unknown for prediction in alone])
        kept = self.odds(alike, far)[:, : self.own].masked_fill(~speaks, -torch.inf)
        heard = torch.tensor([bool(prediction.probs) and not prediction.novelty.unknown for prediction in alone])
        novelty = torch.tensor([prediction.novelty.score for prediction in alone])
        sure = torch.tensor([_sure(prediction, task) for prediction in alone])
        known = bool(task) and name in self.recognizer.vocabularies[task].classes
        kinds = torch.cat([new, torch.tensor([not known])])
        views = torch.cat([self.shown.counts()[: self.own], torch.tensor([len(examples)])])
        every = torch.cat([kept, torch.full((len(examples), 1), odds)], 1)
        weights = self.matching.weights(task, every, kinds, views, alike.uploads, novelty, sure)
        weights = torch.where(heard[:, None], weights, by_itself(every))
        probs = {
            label: torch.tensor([prediction.probs[task][label] for prediction in alone])
            for label in (alone[0].probs.get(task, {}) if alone else {})
        }
        return weights[:, :-1], weights[:, -1], probs

    def odds(self, alike: Alike, far: Tensor) -> Tensor:
        """(Q, N) log odds that upload and product are the same, were either as likely beforehand.

        Uploads that are `far` (Q,) from all trained classes are compared by plain cosines: maps and answers that were
        learned on these classes tell other products badly apart. The same photo, words or clip again is the same
        product, whatever a regression on others says.
        """
        odds = self.matching.odds(plainly(alike, far), self.plain)
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
        return modality in self.encoders

    def _answer(self, batch: EmbeddingBatch, notes: Sequence[Note], accuracy: float, count: int) -> list[Prediction]:
        alone = self.recognizer.answer(with_inputs(batch, self.recognizer), notes, accuracy)
        alike = self.spaces.alike(batch, self.shown)
        far = torch.tensor([prediction.novelty.unknown for prediction in alone])
        odds = self.odds(alike, far)  # (Q, N)
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
        views = self.shown.counts()[: self.own]
        for task in ["", *self.recognizer.vocabularies]:
            speaks, new = self._speaks(task)
            sure = torch.tensor([_sure(prediction, task) for prediction in alone])
            heard = odds.masked_fill(~speaks, -torch.inf)
            weights = self.matching.weights(task, heard, new, views, alike.uploads, novelty, sure)
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


def _sure(prediction: Prediction, task: str) -> float:
    """The probability of the likeliest class; of the least sure task where none is asked for."""
    tasks = [task] if task in prediction.probs else [*prediction.probs]
    return min((prediction.best(name)[1] for name in tasks), default=float("nan"))
