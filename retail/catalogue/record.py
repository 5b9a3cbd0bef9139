"""What a catalogue keeps of a product: its names, the labels and fields it came with, and what shows it.

In: plain values. Out: `CatalogueProduct` and its `View`s. Imports no torch and no database.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from retail.schema import MediaSource, Modality, Product, title_of

# Where a view came from: a table, somebody who added it by hand, an answer that somebody confirmed or corrected.
Origin = Literal["import", "enrolled", "correction"]
CODE_FIELDS = ("ean", "gtin", "upc", "sku", "barcode", "code")  # fields, in lower case, that a printed code may equal


@dataclass(frozen=True)
class View:
    """One photo, description or clip of a product; `source` is a file of the catalogue or of the data, or words."""

    id: str
    product: str
    modality: Modality
    source: MediaSource | str
    origin: Origin = "enrolled"
    added: float = 0.0  # seconds since 1970


@dataclass(frozen=True)
class CatalogueProduct:
    """A known product. `labels` answer a recogniser's questions; `fields` are all else that its table says."""

    id: str
    name: str  # "" for an example that has labels alone
    labels: Mapping[str, str] = field(default_factory=dict)  # task -> class
    fields: Mapping[str, str] = field(default_factory=dict)  # such as SKU, EAN, price
    views: tuple[View, ...] = ()

    @property
    def title(self) -> str:
        """What people read: its name, or its labels, each once, or its id."""
        return title_of(self.name, self.labels, self.id)

    def as_product(self) -> Product:
        """The same as one product with all its photos, its words joined, and its first clip."""
        return Product(
            id=self.id,
            images=tuple(self._files("image")),
            text="\n".join(view.source for view in self.views if isinstance(view.source, str)),
            audio=next(iter(self._files("audio")), None),
            labels=dict(self.labels),
        )

    def _files(self, modality: Modality) -> list[MediaSource]:
        return [view.source for view in self.views if view.modality == modality and not isinstance(view.source, str)]
