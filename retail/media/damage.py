"""Why a photo or a sound cannot be used, in words for people; what its decoder said stays in the log.

In: the bytes of a file and what decoders raised. Out: half a sentence, such as "the file is cut off".
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Literal

CUT_OFF = "the file is cut off"
UNKNOWN = "its format is not known"
# How a file begins, and what it is then, whatever it is called.
BEGINNINGS = (
    (rb"\xff\xd8\xff", "a JPEG picture"),
    (rb"\x89PNG", "a PNG picture"),
    (rb"GIF8", "a GIF picture"),
    (rb"RIFF....WEBP", "a WEBP picture"),
    (rb"RIFF....WAVE", "a WAV sound"),
    (rb"OggS", "an Ogg sound"),
    (rb"fLaC", "a FLAC sound"),
    (rb"ID3|\xff[\xe2\xe3\xf2\xf3\xfa\xfb]", "an MP3 sound"),
    (rb"%PDF", "a PDF"),
    (rb"PK\x03\x04", "a ZIP or an Office document"),
    (rb"\x1f\x8b|Rar!|7z\xbc\xaf", "a packed file"),
    (rb"8BPS", "a Photoshop document"),
    (rb"\s*(<\?xml[^>]*>\s*)?(<!--[^>]*>\s*)?(<!DOCTYPE svg|<svg)", "an SVG drawing"),
    (rb"\s*<\?xml", "an XML document"),
    (rb"\s*[\[{]\s*\"", "a JSON document"),
)
FOREIGN = re.compile(r"cannot identify|Format not recognised|unknown format", re.IGNORECASE)
ENDED = re.compile(r"truncated|not enough (image )?data|cut|EOF|end of (file|data)|premature|incomplete", re.IGNORECASE)
UNUSUAL = re.compile(r"not supported|unsupported|not implemented|unknown (compression|pixel mode)", re.IGNORECASE)
CODECS = re.compile(r"decoder .* not available", re.IGNORECASE)


class Unusable(ValueError):
    """Why a file cannot be used, already in words for people."""


def looks_like_html(content: bytes) -> bool:
    """Whether a web page was saved in place of the file."""
    start = content[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return start.startswith((b"<!doctype html", b"<html", b"<head", b"<script", b"<body"))


def why_of(content: bytes, kind: Literal["picture", "sound"]) -> Callable[[BaseException], str]:
    """Says of what decoders of such a file raise what the matter is."""

    def why(error: BaseException) -> str:
        said = f"{error} {error.__cause__ or ''}"
        if looks_like_html(content):
            return "it is a web page (HTML)"
        what = what_it_is(content)
        if what and kind not in what:
            return f"it is {what}"
        if isinstance(error, Unusable):
            return str(error)
        if FOREIGN.search(said) and not what:
            return UNKNOWN
        if ENDED.search(said):
            return CUT_OFF
        if UNUSUAL.search(said) or CODECS.search(said) or isinstance(error, NotImplementedError):
            return "it is saved in a way that is not read here"
        return f"its {kind} data are damaged"

    return why


def what_it_is(content: bytes) -> str:
    """What a file is by its beginning, "" where nobody knows."""
    return next((what for start, what in BEGINNINGS if re.match(start, content[:512], re.DOTALL)), "")
