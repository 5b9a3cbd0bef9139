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

from retail.catalogue.beside import answered, speaks, surest
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
from retail.certainty.alike import Alike, Shown, Spaces, plainly, repeated
from retail.certainty.matching import Matching, by_itself
from retail.certainty.strangers import Strangers
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

CERTAIN = 40.0  # log odds that outweigh any classifier
SHOWN = 5  # nearest products that an answer names
MOST_IN_MEMORY = 50_000  # views that every upload is compared with; 250 MB of photos
UPLOADS_AT_ONCE = 16  # of which candidates are found together
PAIRS_AT_ONCE = 2_000_000  # uploads times products that are compared in one piece


NO_ROWS = EmbeddingBatch((), {}, {}, {})
NOBODY = Strangers(torch.zeros(0, dtype=torch.long), {})


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
    strangers: Strangers = NOBODY  # what tells the catalogue's products from everything that nobody enrolled
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
        strangers = Strangers.of(shown.of(torch.arange(len(kept))), [product.title for product in kept])
        return replace(
            self, products=products, own=len(kept), spaces=spaces, shown=shown, plain=plain, strangers=strangers
        )

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
            found += answered(self._beside(rows), rows, notes, accuracy, count)
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
        usable = [m for m in MODALITIES if m in batch.present and bool(batch.present[m][0]) and self.reads(m)]
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
        said, new = speaks(self, task)
        far = torch.tensor([prediction.novelty.unknown for prediction in alone])
        kept = self.odds(alike, far)[:, : self.own].masked_fill(~said, -torch.inf)
        heard = torch.tensor([bool(prediction.probs) and not prediction.novelty.unknown for prediction in alone])
        novelty = torch.tensor([prediction.novelty.score for prediction in alone])
        sure = torch.tensor([surest(prediction, task) for prediction in alone])
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
        return self.matching.odds(plainly(alike, far), self.plain).masked_fill(repeated(alike), CERTAIN)

    def standing(self, alike: Alike) -> Tensor:
        """(Q, own) log odds above the level that strangers seldom reach, see `Strangers`; of the same file, certain."""
        found = self.strangers.standing(alike)
        return found.masked_fill(repeated(alike)[:, : self.own], CERTAIN)

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

    def reads(self, modality: Modality) -> bool:
        """Whether the classifier takes this input, or a product of the catalogue has it."""
        return modality in self.encoders
