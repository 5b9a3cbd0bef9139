"""The recogniser with the catalogue that answers beside it; one thread works here.

In: products, words, ids. Out: predictions as the library gives them, products found, enrolled and removed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from retail.catalogue.database import Catalogue
from retail.catalogue.record import CatalogueProduct
from retail.catalogue.search import Found
from retail.catalogue.shelf import Shelf
from retail.recognizer import Recognizer
from retail.schema import Prediction, Product
from retail.serve.settings import ServeSettings

WARMING = Product("warming", text="a product")  # the first answer is the slowest: it is nobody's


class Service:
    """What the server answers with."""

    def __init__(self, recognizer: Recognizer, catalogue: Catalogue | None = None) -> None:
        self.recognizer, self.catalogue = recognizer, catalogue
        self._answering: Recognizer | Shelf = recognizer
        self._seen = -1  # version of the catalogue that `answering` knows

    @classmethod
    def open(cls, settings: ServeSettings) -> Service:
        """Loads what the settings name and answers once; raises UserError where that cannot be."""
        recognizer = Recognizer.load(settings.bundle, trust=settings.trust)
        recognizer.make_ready()
        service = cls(recognizer, Catalogue.open(settings.catalogue) if settings.catalogue else None)
        service.recognise([WARMING], [0.95])
        return service

    def recognise(self, products: Sequence[Product], accuracies: Sequence[float]) -> list[Prediction]:
        """One prediction a product, in order; every encoder sees all of them at once.

        A product without a usable input has empty `used` and `probs`, and notes that say why.
        """
        numbered = [replace(product, id=str(place)) for place, product in enumerate(products)]  # ids may be alike
        answering = self.answering()
        batch, notes = answering.embed(numbered)
        found: dict[int, Prediction] = {}
        for accuracy in set(accuracies):
            places = [place for place, wished in enumerate(accuracies) if wished == accuracy]
            answers = answering.answer(batch.rows(places), notes, accuracy)
            found |= dict(zip(places, answers, strict=True))
        return [self._named(product, found[place]) for place, product in enumerate(products)]

    def answering(self) -> Recognizer | Shelf:
        """Who answers: the recogniser alone, or together with the catalogue as it is now, whoever changed it."""
        if self.catalogue is not None and (version := self.catalogue.version) != self._seen:
            filled = len(self.catalogue) > 0
            self._answering = Shelf.of(self.recognizer, self.catalogue) if filled else self.recognizer
            self._seen = version
        return self._answering

    def search(self, words: str, product: Product, where: Mapping[str, str], count: int) -> list[Found]:
        """Products of the catalogue, best first."""
        assert self.catalogue is not None
        return self.catalogue.search(words, product, self.answering().encoders, where, count)

    def enrol(self, facts: CatalogueProduct, product: Product) -> CatalogueProduct:
        """Keeps a product; the next one that is recognised meets it."""
        assert self.catalogue is not None
        (kept,) = self.catalogue.add([(facts, product)])
        self.answering()
        return kept

    def remove(self, product_id: str) -> bool:
        """Whether there was such a product; it is gone now."""
        assert self.catalogue is not None
        if self.catalogue.get(product_id) is None:
            return False
        self.catalogue.remove([product_id])
        return True

    def _named(self, product: Product, found: Prediction) -> Prediction:
        """Under the product's own id; where nothing could be used, with the reason."""
        reasons = found.notes if found.used or found.notes else (self.recognizer.nothing_used(product),)
        return replace(found, id=product.id, notes=reasons)
