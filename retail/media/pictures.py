"""Photos of any origin to upright RGB pictures of a bounded size.

In: a path, the bytes of a file or an `Upload`. Out: `PIL.Image`; else there is a `MediaError`.
"""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from retail.media.files import MediaError, read_limited, reason
from retail.schema import MediaSource, Upload

if TYPE_CHECKING:
    from PIL import Image

MAX_PIXELS = 50_000_000  # a phone takes 12 to 48 million; a bomb of 160 KB can claim 169
LONGEST_SIDE = 1024  # far above what any encoder looks at
IMAGE_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")  # JPEG includes the phones' MPO


def picture_of(source: MediaSource) -> Image.Image:
    """What `decode_image` gives; an upload was decoded when it came. Raises MediaError."""
    return source.decoded if isinstance(source, Upload) else decode_image(source)


def decode_image(source: Path | bytes) -> Image.Image:
    """An upright RGB picture of at most 1024 px a side; transparent parts become white. Raises MediaError."""
    from PIL import Image, ImageOps

    name, content = read_limited(source, "a photo (JPEG, PNG or WEBP)")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            Image.init()  # else formats beyond the most common are unknown
            picture = Image.open(io.BytesIO(content), formats=IMAGE_FORMATS)
            width, height = picture.size
            if width * height > MAX_PIXELS:
                megapixels = width * height / 1e6
                raise MediaError(
                    f"{name} has {megapixels:.0f} megapixels, but at most {MAX_PIXELS // 10**6} are allowed; "
                    "make it smaller."
                )
            picture.draft("RGB", (LONGEST_SIDE, LONGEST_SIDE))
            picture.load()
            upright = ImageOps.exif_transpose(picture)
            upright.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.BICUBIC)
            return _on_white(upright)
    except MediaError:
        raise
    except Exception as error:  # Pillow raises whatever its parsers do: OSError, ValueError, SyntaxError, struct.error
        raise MediaError(f"{name} is not a usable photo: {reason(content, error)}; save it again as JPEG.") from None


def small_copy(picture: Image.Image, box: tuple[int, int]) -> bytes:
    """A JPEG of a picture that fits into (width, height) px; none is made larger."""
    small = picture.copy()
    small.thumbnail(box)
    stream = io.BytesIO()
    small.save(stream, "JPEG", quality=80)
    return stream.getvalue()


def _on_white(picture: Image.Image) -> Image.Image:
    from PIL import Image

    if picture.mode in ("I", "I;16", "I;16B", "I;16L", "F"):
        values = np.asarray(picture, dtype=np.float32)
        span = float(values.max() - values.min()) or 1.0
        picture = Image.fromarray((255 * (values - values.min()) / span).astype(np.uint8))
    if "A" in picture.getbands() or "transparency" in picture.info:
        layer = picture.convert("RGBA")
        white = Image.new("RGBA", layer.size, "white")
        return Image.alpha_composite(white, layer).convert("RGB")
    return picture.convert("RGB")
