"""Article numbers: when two ways of writing a code mean the same article.

In: what a barcode says, or the cell of a table. Out: keys that are equal for the same article.

EAN-8, UPC-A, EAN-13 and GTIN-14 are one number of 14 digits with zeros in front (GS1 General Specifications). A GTIN-14
that begins with 1 to 8 is a case of several pieces and so another article.

>>> code_key("0 36000 29145 2") == code_key("0036000291452")
True
>>> code_key("sku-42 A") == code_key("SKU42a")
True
"""

from __future__ import annotations

import re
import unicodedata

LONGEST_CELL = 2_000  # characters of a cell that are looked at
GAPS = "[\\s_\u00ad\u2010-\u2015\u2212-]+"  # spaces and hyphens, for a regular expression here and in the database
_WHOLE_NUMBER = re.compile(r"(\d+)\.0+")  # how a spreadsheet writes a number that it took for a decimal
# A GTIN as GS1 writes it within more: "(01)09506000134352(10)AB1", or in a web address as ".../01/09506000134352".
_WITHIN = re.compile(r"^\(01\)(\d{14})(?!\d)|^https?://[^?#]*?/01/(\d{14})(?![\d])", re.IGNORECASE | re.ASCII)


def has_right_check_digit(digits: str) -> bool:
    """Whether the last digit follows from the others, weighted 3, 1, 3, … from the right."""
    values = [int(digit) for digit in reversed(digits)]
    return (values[0] + 3 * sum(values[1::2]) + sum(values[2::2])) % 10 == 0


def gtin_of(text: str) -> str:
    """The 14 digits of an article number, "" for what is none.

    Zeros that a spreadsheet took from the front do not matter, for the check digit is right without them.
    """
    if within := _WITHIN.match(text.strip()):
        digits = within[1] or within[2]
    else:
        digits = _plain(text)
    numeric = digits.isascii() and digits.isdigit()
    if not numeric or not 8 <= len(digits) <= 14 or not digits.strip("0") or not has_right_check_digit(digits):
        return ""
    return digits.zfill(14)


def code_key(text: str) -> str:
    """Equal for texts that mean the same code: case, spaces, hyphens and leading zeros of an article number aside."""
    return gtin_of(text) or _plain(text)


def cell_keys(cell: str) -> set[str]:
    """The keys of a table's cell, which may list several codes with ',', ';' or '|' between them."""
    keys = {code_key(part) for part in re.split(r"[,;|\n]", cell[:LONGEST_CELL])}
    return keys - {""}


def _plain(text: str) -> str:
    """Without case, spaces and hyphens."""
    composed = unicodedata.normalize("NFKC", text).strip()
    if whole := _WHOLE_NUMBER.fullmatch(composed):
        composed = whole[1]
    return re.sub(GAPS, "", composed).casefold()
