"""Which products of a data set somebody wants to look at: by words, class, split, inputs and problems.

In: a `Manifest` and a `Wish`. Out: the products that fit, in the order of the table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from retail.dataset.manifest import Manifest
from retail.schema import Modality, Product

Standing = Literal["problem", "unlabelled", "decided"]


@dataclass(frozen=True)
class Wish:
    """What is looked for; what is empty narrows nothing down."""

    words: str = ""  # each has to occur in the product's id, description or labels
    labels: Mapping[str, str] = field(default_factory=dict)  # column -> class
    split: str = ""
    has: tuple[Modality, ...] = ()
    lacks: tuple[Modality, ...] = ()
    standing: Standing | None = None


@dataclass
class Finder:
    """A data set that is searched again and again: what a search compares is put together once."""

    manifest: Manifest

    @cached_property
    def texts(self) -> list[str]:
        """What words are looked for in, of every product."""
        return [" ".join((one.id, one.text, *one.labels.values())).casefold() for one in self.manifest.products]

    @cached_property
    def with_problem(self) -> set[str]:
        """Ids of usable products in whose row something is wrong, such as a photo that is gone."""
        lines = {problem.line for problem in self.manifest.problems}
        return {name for name, line in self.manifest.lines.items() if line in lines}

    def find(self, wish: Wish) -> list[Product]:
        """The products that fit all that is wished."""
        products: Sequence[Product] = self.manifest.products
        if words := wish.words.casefold().split():
            pairs = zip(products, self.texts, strict=True)
            products = [product for product, text in pairs if all(word in text for word in words)]
        return [product for product in products if self._fits(product, wish)]

    def _fits(self, product: Product, wish: Wish) -> bool:
        inputs = product.modalities
        return (
            wish.split in ("", product.split)
            and all(product.labels.get(column) == label for column, label in wish.labels.items())
            and all(modality in inputs for modality in wish.has)
            and not any(modality in inputs for modality in wish.lacks)
            and (wish.standing is None or self._stands(product, wish.standing))
        )

    def _stands(self, product: Product, standing: Standing) -> bool:
        if standing == "problem":
            return product.id in self.with_problem
        if standing == "unlabelled":
            return not all(product.labels.get(task) for task in self.manifest.tasks)
        return product.id in self.manifest.decided
