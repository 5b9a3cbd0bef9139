"""A made-up shop whose photos and descriptions are vectors, a recogniser trained on it, and catalogues in memory.

Sixteen products lie around points of their own; four of them are never trained. What a `Product` shows is drawn around
its point, and its file or words name the draw, so that nothing has to be read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from types import SimpleNamespace

import torch

from retail.catalogue.record import CatalogueProduct, View
from retail.catalogue.shelf import Shelf
from retail.certainty import Certainty
from retail.config import TrainConfig
from retail.encoders import Encoder
from retail.recognizer import Recognizer
from retail.schema import Modality, Vocabulary
from retail.store import EmbeddingBatch
from retail.training import fit

DIM, TRAINED, NEW = 12, 12, 4
NOISE = 0.5
INPUTS: tuple[Modality, ...] = ("image", "text")


def point(number: int, modality: Modality) -> torch.Tensor:
    generator = torch.Generator().manual_seed(100 * INPUTS.index(modality) + number)
    return 2 * torch.randn(DIM, generator=generator) / 2**0.5


def vector(number: int, modality: Modality, draw: int) -> torch.Tensor:
    """(D,) one photo or description of a product."""
    generator = torch.Generator().manual_seed(10_000 * (1 + INPUTS.index(modality)) + 97 * number + draw)
    return point(number, modality) + NOISE * torch.randn(DIM, generator=generator)


def rows(numbers: Sequence[int], draws: Sequence[int], inputs: Sequence[Modality] = INPUTS) -> EmbeddingBatch:
    """Uploads: these products, each by this draw."""
    pairs = list(zip(numbers, draws, strict=True))
    embeddings: dict[str, torch.Tensor] = {
        m: torch.stack([vector(number, m, draw) for number, draw in pairs]) for m in INPUTS
    }
    present: dict[str, torch.Tensor] = {m: torch.full((len(pairs),), m in inputs) for m in INPUTS}
    target = torch.tensor([number if number < TRAINED else TRAINED for number in numbers])
    targets = {"product": target, "kind": torch.where(target < TRAINED, target // 4, TRAINED // 4)}
    return EmbeddingBatch(tuple(f"{number} {draw}" for number, draw in pairs), embeddings, present, targets)


class Given(Encoder):
    """Stands for an encoder whose embeddings are given."""

    def __init__(self, modality: Modality) -> None:
        self.modality, self.name, self.dim = modality, f"given:{modality}", DIM  # type: ignore[misc]
        self._fingerprint = f"given {modality}"

    def _embed(self, items):
        return torch.stack([vector(*item) for item in items])


@cache
def recognizer() -> Recognizer:
    """Trained on 12 products, 12 rows each; validated on 6 each."""
    train = rows(*zip(*[(n, d) for n in range(TRAINED) for d in range(12)], strict=True))
    val = rows(*zip(*[(n, 100 + d) for n in range(TRAINED) for d in range(6)], strict=True))
    config = TrainConfig(strategy="concatenation", modalities=INPUTS, max_epochs=20)
    head = fit(train, val, {"product": TRAINED, "kind": TRAINED // 4}, config).head.eval()
    certainty = Certainty.fit(head, train, val).with_matching(head, train, val)
    names = Vocabulary(tuple(f"{number:02}" for number in range(TRAINED)))
    kinds = Vocabulary(tuple("abc"))
    encoders = {m: Given(m) for m in INPUTS}
    return Recognizer(encoders, head, "concatenation", {"product": names, "kind": kinds}, certainty)  # type: ignore[arg-type]


class InMemory:
    """The part of a catalogue that a shelf reads; a view's source names its vector."""

    def __init__(self, products: Sequence[CatalogueProduct], vectors: Mapping[str, torch.Tensor]) -> None:
        self.kept, self.known, self.version = list(products), vectors, 1

    def products(self):
        return self.kept

    def counts(self):
        return Counter(view.modality for view in self.views())

    def views(self):
        return [view for product in self.kept for view in product.views]

    def embed(self, encoders, store=None, progress=None):
        return []

    def vectors(self, encoder):
        own = [view for view in self.views() if view.modality == encoder.modality]
        found = [self.known[view.id] for view in own]
        stacked = torch.stack(found).numpy() if found else torch.zeros(0, encoder.dim).numpy()
        return SimpleNamespace(
            views=tuple(view.id for view in own), products=tuple(view.product for view in own), vectors=stacked
        )


def shelf(*enrolled: tuple[int, str, Sequence[tuple[Modality, int]]], **labels: str) -> Shelf:
    """Products by number and name, each with views (input, draw)."""
    products, vectors = [], {}
    for number, name, shown in enrolled:
        views = tuple(View(f"{name} {m} {draw}", name, m, "") for m, draw in shown)
        vectors |= {f"{name} {m} {draw}": vector(number, m, draw) for m, draw in shown}
        products.append(CatalogueProduct(name, name, labels, views=views))
    return Shelf.of(recognizer(), InMemory(products, vectors))  # type: ignore[arg-type]
