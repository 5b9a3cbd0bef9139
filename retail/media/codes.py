"""Barcodes and QR codes in a photo, read by ZXing-C++.

In: an RGB picture. Out: `Code`s, the largest first. What a code says is text of a stranger: it is compared and shown,
never opened and never made a link.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from retail.media.gtin import cell_keys, code_key, gtin_of, has_right_check_digit
from retail.media.pictures import decode_image
from retail.schema import MediaSource, Upload

if TYPE_CHECKING:
    from PIL import Image

# Pixels of the longest side that codes are looked for in: twice what encoders see, for a bar of a pack's barcode is
# about 0.33 mm wide. At this size the worst made-up picture of `benchmarks/evidence.py` takes some 0.6 s.
CODE_SIDE = 2048
MOST_CODES = 20  # of one photo
MOST_CHARACTERS = 500  # of one code; a QR code may hold 4,296
SMALLEST_SIDE = 8  # pixels; no code is smaller, and the reader need not see it
# What stands on goods and their boxes. Others, such as plain ITF, are read by mistake in patterns of lines.
FORMATS = "EANUPC,ITF14,Code128,Code39,DataBar,QRCode,DataMatrix"
MATRIX = ("QR Code", "Data Matrix")

Point = tuple[float, float]


@dataclass(frozen=True)
class Code:
    """One code that was read.

    `check_digit` says whether that of an article number is right, None for a text that is no such number. `place` has
    the four corners as shares of the photo's width and height.
    """

    format: str  # "EAN-13"
    text: str
    check_digit: bool | None
    place: tuple[Point, ...]

    @property
    def gtin(self) -> str:
        """The article number it bears, as 14 digits, "" for none."""
        return gtin_of(self.text)

    @property
    def title(self) -> str:
        """'Barcode 4006381333931'"""
        return f"{self.format if self.format in MATRIX else 'Barcode'} {self.text}"


def code_picture(source: MediaSource) -> Image.Image:
    """A photo in the size that codes are looked for in, as far as it was kept so large. Raises MediaError."""
    return decode_image(source.content if isinstance(source, Upload) else source, CODE_SIDE)


def read_codes(picture: Image.Image) -> tuple[Code, ...]:
    """Every code in a picture, at most 20, each text once, the largest first; none where nothing can be read."""
    import zxingcpp

    if min(picture.size) < SMALLEST_SIDE:
        return ()
    small = picture.convert("L")
    small.thumbnail((CODE_SIDE, CODE_SIDE))
    formats = zxingcpp.barcode_formats_from_str(FORMATS)
    try:
        found = zxingcpp.read_barcodes(np.ascontiguousarray(small), formats=formats)
    except (RuntimeError, ValueError, UnicodeDecodeError):  # what the reader's own exceptions become
        return ()
    codes: dict[tuple[str, str], Code] = {}
    for one in sorted(found, key=_area, reverse=True):
        code = _code(one, small.size)
        if code.text and len(codes) < MOST_CODES:
            codes.setdefault((code.format, code.text), code)
    return tuple(codes.values())


def codes_match(code: Code, cell: str) -> bool:
    """Whether a cell of an EAN, SKU or like column holds this code, whichever way it is written there."""
    return code_key(code.text) in cell_keys(cell)


def _code(found: Any, size: tuple[int, int]) -> Code:
    kinds = map(unicodedata.category, found.text[:MOST_CHARACTERS])
    text = "".join(sign for sign, kind in zip(found.text, kinds, strict=False) if not kind.startswith("C")).strip()
    digits = text.removeprefix("(01)")
    numeric = digits.isascii() and digits.isdigit() and len(digits) in (8, 12, 13, 14)
    place = tuple((corner.x / size[0], corner.y / size[1]) for corner in _corners(found))
    return Code(str(found.format), text, has_right_check_digit(digits) if numeric else None, place)


def _corners(found: Any) -> tuple[Any, ...]:
    at = found.position
    return at.top_left, at.top_right, at.bottom_right, at.bottom_left


def _area(found: Any) -> float:
    corners = [(corner.x, corner.y) for corner in _corners(found)]
    turned = [*corners[1:], corners[0]]
    return abs(sum(x * next_y - next_x * y for (x, y), (next_x, next_y) in zip(corners, turned, strict=True))) / 2
