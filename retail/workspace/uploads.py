"""Uploads at the door: what cannot be used is refused with a reason, what is large is kept small.

In: name and bytes of an upload. Out: an `Upload`, decoded here once and for all, or a `MediaError`.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import TypeVar

from retail.media import (
    LONGEST_SIDE,
    SAMPLE_RATE_HZ,
    MediaError,
    content_hash,
    decode_audio,
    decode_image,
    small_copy,
)
from retail.media.codes import code_copy
from retail.outside.limits import MAX_FILE_BYTES
from retail.schema import Upload

MAX_UPLOAD_MB = MAX_FILE_BYTES // 2**20
# A larger upload is replaced by what the encoders see of it, so that a session holds no raw files of 100 MB. A phone's
# photo of 12 megapixels has 3 to 6 MB and stays as it came: small barcodes can be read from it, and to pack it anew
# took as long as decoding it.
KEPT_PHOTO_BYTES = 8 * 2**20
KEPT_CLIP_BYTES = 2**20
THUMBNAIL_PX = 130  # as wide as the page shows it

Decoded = TypeVar("Decoded")


def take_photo(name: str, content: bytes) -> Upload:
    """The photo as it came, or, where it is large, a lossless copy of at most 1024 px a side, if that is smaller.

    Beside such a copy a larger grey one is kept, for codes to be read from.
    """
    picture = _decoded(name, content, decode_image)
    kept, detail = content, b""
    if len(content) > KEPT_PHOTO_BYTES:
        stream = io.BytesIO()
        picture.save(stream, "PNG", compress_level=1)
        kept, detail = min(stream.getvalue(), content, key=len), code_copy(content)
    thumbnail = small_copy(picture, (THUMBNAIL_PX, LONGEST_SIDE))
    return Upload(name, kept, content_hash(content), picture, thumbnail, detail)


def take_sound(name: str, content: bytes) -> Upload:
    """The clip as it came, or, where it is large, its first 60 s as 16 kHz mono samples, if those are smaller."""
    import soundfile

    samples = _decoded(name, content, decode_audio)
    kept = content
    if len(content) > KEPT_CLIP_BYTES:
        stream = io.BytesIO()
        soundfile.write(stream, samples, SAMPLE_RATE_HZ, format="WAV", subtype="FLOAT")
        kept = min(stream.getvalue(), content, key=len)
    return Upload(name, kept, content_hash(content), samples)


def _decoded(name: str, content: bytes, decode: Callable[[bytes], Decoded]) -> Decoded:
    """What an upload of allowed size holds; a refusal calls it by its name."""
    try:
        if len(content) > MAX_UPLOAD_MB * 2**20:
            size = len(content) / 2**20
            raise MediaError(f"The upload is {size:.0f} MB, but the limit is {MAX_UPLOAD_MB} MB; make it smaller.")
        return decode(content)
    except MediaError as error:
        raise MediaError(str(error).replace("The upload", f"'{name}'", 1)) from None
