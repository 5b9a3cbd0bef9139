"""What an answer may be called: the classes of every question and the products of a catalogue, found by words.

In: words as somebody types them. Out: the best `Candidate`s, quickly enough to follow each letter: classes are compared
here, products in the catalogue's own index.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from retail.catalogue.record import CatalogueProduct
from retail.schema import Prediction, Vocabulary

SHOWN = 50  # as many as anybody reads before typing another letter


@dataclass(frozen=True)
class Candidate:
    """A class of one question, or a product of the catalogue: then `task` is "" and `product_id` names it."""

    title: str
    task: str = ""
    product_id: str = ""


class Products(Protocol):
    """The part of a catalogue that is asked."""

    def products(self, *, words: str, limit: int) -> list[CatalogueProduct]:
        """Those that hold the words, best first."""
        ...


def likely(answer: Prediction, count: int = SHOWN) -> list[Candidate]:
    """Without any words: what the answer itself holds possible, the catalogue's products first.

    A match without a name is an example of a class, so its class stands for it.
    """
    products = [Candidate(match.name, product_id=match.id) for match in answer.matches if match.name]
    named = {product.title for product in products}  # one without a class answers by its name
    most = max((len(probs) for probs in answer.probs.values()), default=0)
    classes = [
        Candidate(list(probs)[place], task)
        for place in range(min(most, count))
        for task, probs in answer.probs.items()
        if place < len(probs) and list(probs)[place] not in named
    ]
    return [*products, *classes][:count]


def candidates(
    words: str, vocabularies: Mapping[str, Vocabulary], catalogue: Products | None, count: int = SHOWN
) -> list[Candidate]:
    """The best for these words, products and classes in one order."""
    wanted = " ".join(words.lower().split())
    products = catalogue.products(words=words, limit=count) if catalogue is not None else []
    classes = [Candidate(label, task) for task, known in vocabularies.items() for label in known.classes]
    titles = {candidate.title for candidate in classes}
    found = classes + [
        Candidate(product.title, product_id=product.id)
        for product in products
        if product.name or product.title not in titles  # an example of a class is no product of its own
    ]
    ranked = sorted(_ranked(wanted, found), key=lambda pair: pair[0])
    return [candidate for _, candidate in ranked[:count]]


def _ranked(wanted: str, found: Iterable[Candidate]) -> Iterator[tuple[tuple[int, int], Candidate]]:
    """Those that fit, with a rank; a product that the catalogue found by its fields or its description comes last."""
    for candidate in found:
        fit = _fit(wanted, candidate.title.lower())
        if fit is None and candidate.product_id:
            fit = 4
        if fit is not None:
            yield (fit, len(candidate.title)), candidate


def _fit(wanted: str, title: str) -> int | None:
    """0 equal, 1 begins so, 2 a word begins so, 3 holds every word; None: does not fit."""
    if title == wanted:
        return 0
    if title.startswith(wanted):
        return 1
    if f" {wanted}" in title:
        return 2
    return 3 if all(word in title for word in wanted.split()) else None
