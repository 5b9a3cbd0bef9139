"""Barcodes and QR codes in a photo, read by ZXing-C++.

In: an RGB picture. Out: `Code`s, the largest first. What a code says is text of a stranger: it is compared and shown,
never opened and never made a link.
"""

from __future__ import annotations

import io
import math
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from retail.media.apart import decode_image
from retail.media.gtin import cell_keys, code_key, gtin_of, has_right_check_digit
from retail.outside.limits import MAX_CODE_CHARACTERS, MAX_CODES
from retail.schema import MediaSource, Upload

if TYPE_CHECKING:
    from PIL import Image

# Pixels of the longest side that codes are looked for in: twice what encoders see, for the narrowest bar on a pack
# is some 0.33 mm wide. One look at the hardest made-up picture takes 0.6 s (`benchmarks/evidence.md`).
CODE_SIDE = 2048
COPY_QUALITY = 92  # of a JPEG; edges between bars stay sharp
SMALLEST_SIDE = 8  # pixels; no code is smaller, and the reader need not see it
# What stands on goods and their boxes. Not UPC-E, which pieces of slanted EAN-13 codes are taken for, and of ITF only
# ITF-14, for plain ITF has no check digit.
FORMATS = "EAN13,EAN8,UPCA,ITF14,Code128,Code39,DataBar,QRCode,DataMatrix"
# A barcode is found where its lines stand upright or lie, give or take 20 degrees, the others once the picture
# is turned; turning blurs, and 6 of 60 were misread at 2 pixels a bar, so two turns have to agree.
TURNS = (40, 50)
# Pixels of the narrowest bar of an EAN code. Below, some are misread with a right check digit; `benchmarks/evidence.md`
# has what both of these keep out.
LEAST_BAR = 1.4
BARS = {"EAN-13": 95, "EAN-8": 67, "UPC-A": 95}
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
    """A photo in the size that codes are looked for in. Raises MediaError."""
    return decode_image((source.detail or source.content) if isinstance(source, Upload) else source, CODE_SIDE)


def code_copy(content: bytes) -> bytes:
    """A grey JPEG of a photo in that size, for codes to be read from later. Raises MediaError."""
    stream = io.BytesIO()
    decode_image(content, CODE_SIDE).convert("L").save(stream, "JPEG", quality=COPY_QUALITY)
    return stream.getvalue()


def read_codes(picture: Image.Image) -> tuple[Code, ...]:
    """Every code in a picture, at most 20, each text once, the largest first; none where nothing can be read."""
    if min(picture.size) < SMALLEST_SIDE:
        return ()
    small = picture.convert("L")
    small.thumbnail((CODE_SIDE, CODE_SIDE))
    found = _found(small, 0) or _slanted(small)
    codes: dict[tuple[str, str], Code] = {}
    for one in sorted(found, key=lambda one: one.area, reverse=True):
        code = one.as_code(small.size)
        if code.text and len(codes) < MAX_CODES:
            codes.setdefault((code.format, code.text), code)
    return tuple(codes.values())


def codes_match(code: Code, cell: str) -> bool:
    """Whether a cell of an EAN, SKU or like column holds this code, whichever way it is written there."""
    return code_key(code.text) in cell_keys(cell)


@dataclass(frozen=True)
class Found:
    """A code as the reader gives it, with its corners in pixels of the picture before it was turned."""

    format: str
    text: str
    corners: tuple[Point, ...]

    @property
    def area(self) -> float:
        """In pixels."""
        turned = [*self.corners[1:], self.corners[0]]
        return abs(sum(x * down - across * y for (x, y), (across, down) in zip(self.corners, turned, strict=True))) / 2

    @property
    def bar(self) -> float:
        """Pixels of the narrowest bar, as far as that can be told."""
        return math.dist(*self.corners[:2]) / BARS[self.format] if self.format in BARS else math.inf

    def as_code(self, size: tuple[int, int]) -> Code:
        """What is kept of it, in a picture of this size."""
        kinds = map(unicodedata.category, self.text[:MAX_CODE_CHARACTERS])
        text = "".join(sign for sign, kind in zip(self.text, kinds, strict=False) if not kind.startswith("C")).strip()
        digits = text.removeprefix("(01)")
        numeric = digits.isascii() and digits.isdigit() and len(digits) in (8, 12, 13, 14)
        place = tuple((x / size[0], y / size[1]) for x, y in self.corners)
        return Code(self.format, text, has_right_check_digit(digits) if numeric else None, place)


def _slanted(picture: Image.Image) -> list[Found]:
    """What is read alike in both turns."""
    first, second = (_found(picture, degrees) for degrees in TURNS)
    agreed = {(one.format, one.text) for one in second}
    return [one for one in first if (one.format, one.text) in agreed]


def _found(picture: Image.Image, degrees: int) -> list[Found]:
    """What is read once the picture is turned, but for codes that are too small to be sure of."""
    import zxingcpp
    from PIL.Image import Resampling

    turned = picture.rotate(degrees, Resampling.BICUBIC, expand=True, fillcolor=255) if degrees else picture
    formats = zxingcpp.barcode_formats_from_str(FORMATS)
    try:
        read = zxingcpp.read_barcodes(np.ascontiguousarray(turned), formats=formats)
    except (RuntimeError, ValueError, UnicodeDecodeError):  # what the reader's own exceptions become
        return []
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))

    def back(at: Any) -> Point:
        across, down = at.x - turned.width / 2, at.y - turned.height / 2
        return across * cosine - down * sine + picture.width / 2, across * sine + down * cosine + picture.height / 2

    found = []
    for one in read:
        corners = one.position
        order = (corners.top_left, corners.top_right, corners.bottom_right, corners.bottom_left)
        found.append(Found(str(one.format), one.text, tuple(map(back, order))))
    return [one for one in found if one.bar >= LEAST_BAR]
