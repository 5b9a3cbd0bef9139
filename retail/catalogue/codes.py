"""Products of a catalogue that bear a code which was read from a photo.

In: a catalogue and `Code`s. Out: which products have them in a field for codes (EAN, GTIN, UPC, SKU, barcode).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from retail.catalogue.evidence import code_words
from retail.catalogue.record import CODE_FIELDS, CatalogueProduct
from retail.media.codes import Code, codes_match
from retail.media.gtin import code_key

if TYPE_CHECKING:
    from retail.catalogue.database import Catalogue

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


def match_codes(codes: Sequence[Code], catalogue: Catalogue) -> list[CodeMatch]:
    """What each code says: the products that have it, whichever way their table writes it."""
    fields = [name for name in catalogue.field_names() if is_code_field(name)]
    return [_matched(code, catalogue, fields) for code in codes]


def is_code_field(name: str) -> bool:
    """Whether a field by this name holds codes: 'EAN', 'ean_code', 'GTIN-13', 'Item SKU', but not 'postal code'."""
    words = [word.casefold() for word in _WORDS.findall(name)]
    return words == [ALONE] or any(word in CODE_FIELDS and word != ALONE for word in words)


def _matched(code: Code, catalogue: Catalogue, fields: Sequence[str]) -> CodeMatch:
    key = code_key(code.text)
    part = key.lstrip("0") if code.gtin else key  # however many zeros stand in front
    found = [
        (product, name) for product, name, cell in catalogue.cells_holding(part, fields) if codes_match(code, cell)
    ]
    products = catalogue.products(list(dict.fromkeys(product for product, _ in found))) if found else []
    return CodeMatch(code, tuple(products), found[0][1] if found else "")
