"""Products of a catalogue that bear a code which was read from a photo.

In: a catalogue's products and `Code`s. Out: which of them have it in a field for codes (EAN, GTIN, UPC, SKU, barcode).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Self

from retail.catalogue.evidence import code_words
from retail.catalogue.record import CODE_FIELDS, CatalogueProduct
from retail.media.codes import Code
from retail.media.gtin import cell_keys, code_key

# Of the names in CODE_FIELDS the one that also ends "postal code" and "colour code": it counts alone.
ALONE = "code"
_WORDS = re.compile(r"[^\W\d_]+")


@dataclass(frozen=True)
class CodeMatch:
    """A code, and the products whose field holds it."""

    code: Code
    products: tuple[CatalogueProduct, ...] = ()
    field: str = ""  # as the catalogue's table calls it

    @property
    def sentence(self) -> str:
        """'Barcode 4006381333931 read from the photo: Stabilo Boss (EAN).'"""
        said = code_words(self.code)
        if not self.products:
            return f"{said}; no product of the catalogue has it."
        first, *others = self.products
        more = f" and {len(others)} more" if others else ""
        return f"{said}: {first.title}{more} ({self.field})."


@dataclass(frozen=True)
class CodeIndex:
    """Which products have which code; a product's id and the field's name under each key."""

    places: dict[str, list[tuple[str, str]]] = field(default_factory=dict)

    @classmethod
    def of(cls, products: Iterable[CatalogueProduct]) -> Self:
        """From the code fields of all products."""
        places: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
        for product in products:
            for name, cell in product.fields.items():
                for key in cell_keys(cell) if is_code_field(name) else ():
                    places[key].append((product.id, name))
        return cls(dict(places))

    def find(self, code: Code) -> list[tuple[str, str]]:
        """(product's id, field's name) of each that has it."""
        return self.places.get(code_key(code.text), [])


def is_code_field(name: str) -> bool:
    """Whether a field by this name holds codes: 'EAN', 'ean_code', 'GTIN-13', 'Item SKU', but not 'postal code'."""
    words = [word.casefold() for word in _WORDS.findall(name)]
    return words == [ALONE] or any(word in CODE_FIELDS and word != ALONE for word in words)


def match_codes(codes: Sequence[Code], products: Iterable[CatalogueProduct]) -> list[CodeMatch]:
    """What each code says of these products."""
    known = {product.id: product for product in products}
    index = CodeIndex.of(known.values())
    return [_matched(code, index, known) for code in codes]


def _matched(code: Code, index: CodeIndex, known: dict[str, CatalogueProduct]) -> CodeMatch:
    found = index.find(code)
    ids = dict.fromkeys(product_id for product_id, _ in found)
    return CodeMatch(code, tuple(known[product_id] for product_id in ids), found[0][1] if found else "")
