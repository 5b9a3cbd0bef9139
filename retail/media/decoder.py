"""Decodes photos and sounds in a process of its own, which `apart.py` asks.

In: what is wanted of a file, its name and its bytes. Out: pixels, samples or a figure as bytes, or the refusal.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from retail.media.files import MediaError
from retail.media.pictures import decode_picture
from retail.media.sound import decode_sound, unread_seconds


def answer(facts: Mapping[str, Any], content: bytes) -> tuple[dict[str, Any], bytes]:
    """One file; a refusal is a fact too."""
    try:
        if facts["wanted"] == "picture":
            picture = decode_picture(facts["name"], content, facts["longest_side"])
            return {"resolution": picture.size}, picture.tobytes()
        if facts["wanted"] == "unread":
            return {"seconds": unread_seconds(content)}, b""
        samples, rate_hz = decode_sound(facts["name"], content)
        return {"rate_hz": rate_hz}, samples.tobytes()
    except MediaError as refusal:
        return {"refusal": str(refusal)}, b""
