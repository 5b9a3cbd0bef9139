"""Photos of any origin to upright RGB pictures of a bounded size, in the colours that screens and encoders expect.

In: the bytes of a file. Out: `PIL.Image`; else there is a `MediaError`.
"""

from __future__ import annotations

import io
import math
import re
import warnings
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from retail.media.colours import in_srgb
from retail.media.damage import why_of
from retail.media.files import MediaError
from retail.outside import reading
from retail.outside.limits import MAX_JPEG_PIXELS, MAX_PIXELS

if TYPE_CHECKING:
    from PIL import Image

LONGEST_SIDE = 1024  # far above what any encoder looks at
IMAGE_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF")  # JPEG includes the phones' MPO
# What is transparent becomes white, unless almost nothing of the product could then be told from it.
BACKGROUND, OTHER_BACKGROUND = (255, 255, 255), (128, 128, 128)
SEEN_FROM = 24  # steps of 255 from white in any channel: below, eyes and JPEG alike take it for white
LEAST_SEEN = 0.1  # of the product; a white carton with a small print is lost on white


def decode_picture(name: str, content: bytes, longest_side: int = LONGEST_SIDE) -> Image.Image:
    """An upright sRGB picture of at most 1024 px a side, or another longest side. Raises MediaError.

    Transparent parts become white, or grey where a white product would be lost.
    """
    from PIL import Image, ImageOps

    with reading(name, "photo", "save it again as JPEG", MediaError, why_of(content, "picture")):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            picture = _open(name, content, longest_side)
            profile = picture.info.get("icc_profile")
            picture.load()
            ImageOps.exif_transpose(picture, in_place=True)
            picture.thumbnail((longest_side, longest_side), Image.Resampling.BICUBIC)
            return _opaque(in_srgb(_eight_bit(picture), profile))
    raise AssertionError  # `reading` lets nothing end without a picture


def small_copy(picture: Image.Image, box: tuple[int, int]) -> bytes:
    """A JPEG of a picture that fits into (width, height) px; none is made larger."""
    small = picture.copy()
    small.thumbnail(box)
    stream = io.BytesIO()
    small.save(stream, "JPEG", quality=80)
    return stream.getvalue()


def _open(name: str, content: bytes, longest_side: int) -> Image.Image:
    """The picture with only its header read, as small as its decoder can make it, and not too large to be decoded."""
    from PIL import Image, JpegImagePlugin

    Image.init()  # else formats beyond the most common are unknown
    formats = (*IMAGE_FORMATS, _heif()) if content[4:8] == b"ftyp" else IMAGE_FORMATS
    try:
        picture: Image.Image = Image.open(io.BytesIO(content), formats=formats)
    except Image.DecompressionBombError as error:
        if not content.startswith(b"\xff\xd8"):
            claimed = re.search(r"\((\d+) pixels\)", str(error))
            raise _too_large(name, int(claimed[1]) if claimed else 2 * MAX_PIXELS, MAX_PIXELS) from None
        picture = JpegImagePlugin.jpeg_factory(io.BytesIO(content))  # Pillow's limit knows nothing of `draft`
    pixels = picture.width * picture.height
    if isinstance(picture, JpegImagePlugin.JpegImageFile):
        _check_jpeg(name, content, picture, pixels)
        picture.draft("RGB", (longest_side, longest_side))
    if picture.width * picture.height > MAX_PIXELS:
        raise _too_large(name, pixels, MAX_PIXELS)
    return picture


def _check_jpeg(name: str, content: bytes, picture: Image.Image, pixels: int) -> None:
    if pixels > MAX_JPEG_PIXELS:
        raise _too_large(name, pixels, MAX_JPEG_PIXELS, "of a JPEG ")
    if picture.info.get("progressive") or not _in_one_scan(content):
        parts = [across * down for _, across, down, _ in picture.layer]  # type: ignore[attr-defined]
        # The decoder holds every coefficient, two bytes each, until the last scan: as many as a whole picture's bytes.
        most = int(3 * MAX_PIXELS * max(parts) / sum(parts))
        if pixels > most:
            raise _too_large(name, pixels, most, "of a progressive JPEG ", "save it as a baseline JPEG, or ")


def _in_one_scan(content: bytes) -> bool:
    """Whether a JPEG's first scan holds all of its components, so that it can be decoded row by row."""
    place, components = 2, 0
    while place + 5 < len(content) and content[place] == 0xFF:
        marker, length = content[place + 1], int.from_bytes(content[place + 2 : place + 4], "big")
        if marker == 0xFF:  # a filling byte
            place += 1
            continue
        if marker == 0xDA:  # start of scan
            return content[place + 4] >= components
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC) and place + 9 < len(content):  # start of frame
            components = content[place + 9]
        place += 2 + length
    return False


def _too_large(name: str, pixels: int, most: int, kind: str = "", remedy: str = "") -> MediaError:
    has, allowed = math.ceil(pixels / 1e5) / 10, math.floor(most / 1e5) / 10  # never the same figure
    return MediaError(
        f"{name} has {has:.1f} megapixels, but at most {allowed:.1f} {kind}are allowed; {remedy}make it smaller."
    )


@cache
def _heif() -> str:
    """The name of the phones' HEIC and HEIF among Pillow's formats, once they are added there."""
    import pillow_heif

    pillow_heif.register_heif_opener(thumbnails=False, depth_images=False, aux_images=False)
    return "HEIF"


def _eight_bit(picture: Image.Image) -> Image.Image:
    from PIL import Image

    if picture.mode in ("I", "I;16", "I;16B", "I;16L", "F"):
        values = np.asarray(picture, dtype=np.float32)
        span = float(values.max() - values.min()) or 1.0
        picture = Image.fromarray((255 * (values - values.min()) / span).astype(np.uint8))
    if "A" in picture.getbands() or "transparency" in picture.info:
        return picture.convert("RGBA")
    return picture if picture.mode in ("CMYK", "L") else picture.convert("RGB")


def _opaque(picture: Image.Image) -> Image.Image:
    """On white, or on grey where most of what is not transparent is white itself."""
    from PIL import Image

    if picture.mode != "RGBA":
        return picture.convert("RGB")
    on_white = Image.alpha_composite(Image.new("RGBA", picture.size, BACKGROUND), picture).convert("RGB")
    opacity = np.asarray(picture.getchannel("A"), dtype=np.float32)
    seen = np.asarray(on_white).min(2) <= 255 - SEEN_FROM
    if not opacity.any() or (opacity * seen).sum() >= LEAST_SEEN * opacity.sum():
        return on_white
    return Image.alpha_composite(Image.new("RGBA", picture.size, OTHER_BACKGROUND), picture).convert("RGB")
