"""Untrusted bytes or files to what encoders take: an RGB picture, clean text, a mono 16 kHz waveform.

In: a path, the bytes of a file or an `Upload`. Out: `PIL.Image`, `str` or float32 `(S,)`. Else there is a `MediaError`.
"""

from __future__ import annotations

from retail.media.apart import (
    decode_audio,
    decode_image,
    picture_of,
    seconds_unread,
    unread_sentence,
    waveform_of,
)
from retail.media.files import MediaError, content_hash, content_of
from retail.media.pictures import LONGEST_SIDE, small_copy
from retail.media.sound import SAMPLE_RATE_HZ
from retail.media.text import MAX_TEXT_CHARACTERS, characters_unread, clean_text

__all__ = [
    "LONGEST_SIDE",
    "MAX_TEXT_CHARACTERS",
    "SAMPLE_RATE_HZ",
    "MediaError",
    "characters_unread",
    "clean_text",
    "content_hash",
    "content_of",
    "decode_audio",
    "decode_image",
    "picture_of",
    "seconds_unread",
    "small_copy",
    "unread_sentence",
    "waveform_of",
]
