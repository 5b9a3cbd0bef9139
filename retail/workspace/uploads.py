"""Uploads at the door: what cannot be used is refused with a reason, what is large is kept small.

In: name and bytes of an upload. Out: bytes that decode to the very same picture or sound, or a `MediaError`.
"""

from __future__ import annotations

import io

from retail.media import SAMPLE_RATE_HZ, MediaError, decode_audio, decode_image

MAX_UPLOAD_MB = 20
# A larger upload is replaced by what the encoders see of it, so that a session holds no raw files of 20 MB.
KEPT_BYTES = 2**20
# What browsers can be shown; 16-bit grey, LAB and numbers as pixels decode, but cannot be drawn as they came.
DRAWN_MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK")


def take_photo(name: str, content: bytes) -> bytes:
    """The photo as it came, or, where it is large or cannot be drawn, a lossless copy of at most 1024 px a side."""
    try:
        _check_size(content)
        picture = decode_image(content)
    except MediaError as error:
        raise MediaError(_named(name, error)) from None
    drawn = _drawn(content)
    if drawn and len(content) <= KEPT_BYTES:
        return content
    stream = io.BytesIO()
    picture.save(stream, "PNG", compress_level=1)
    copy = stream.getvalue()
    return min(copy, content, key=len) if drawn else copy


def take_sound(name: str, content: bytes) -> bytes:
    """The clip as it came, or, where it is large, its first 10 s as 16 kHz mono samples that lose nothing."""
    import soundfile

    try:
        _check_size(content)
        samples = decode_audio(content)
    except MediaError as error:
        raise MediaError(_named(name, error)) from None
    if len(content) <= KEPT_BYTES:
        return content
    stream = io.BytesIO()
    soundfile.write(stream, samples, SAMPLE_RATE_HZ, format="WAV", subtype="FLOAT")
    return stream.getvalue()


def _drawn(photo: bytes) -> bool:
    from PIL import Image

    with Image.open(io.BytesIO(photo)) as picture:
        return picture.mode in DRAWN_MODES


def _check_size(content: bytes) -> None:
    if len(content) > MAX_UPLOAD_MB * 2**20:
        size = len(content) / 2**20
        raise MediaError(f"The upload is {size:.0f} MB, but the limit is {MAX_UPLOAD_MB} MB; make it smaller.")


def _named(name: str, error: MediaError) -> str:
    return str(error).replace("The upload", f"'{name}'", 1)
