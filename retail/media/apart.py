"""Photos and sounds from wherever they come: what strangers sent is decoded in a process that may die of it.

In: a path, the bytes of a file or an `Upload`. Out: a picture, a waveform, or a `MediaError`.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from retail.files import home
from retail.media.files import MediaError, read_limited
from retail.media.pictures import LONGEST_SIDE, decode_picture
from retail.media.sound import as_waveform, decode_sound, unread_seconds
from retail.outside.helper import Died, helpers_of
from retail.outside.limits import DECODE_MEMORY_BYTES, DECODE_SECONDS, MAX_CLIP_SECONDS
from retail.schema import MediaSource, Upload

if TYPE_CHECKING:
    from PIL import Image

DECODER = "retail.media.decoder"
A_PHOTO = "a photo (JPEG, PNG, WEBP, AVIF or HEIC)"
A_SOUND = "a sound clip (wav, mp3, ogg, flac, opus, m4a or webm)"


def picture_of(source: MediaSource) -> Image.Image:
    """What `decode_image` gives; an upload was decoded when it came. Raises MediaError."""
    return source.decoded if isinstance(source, Upload) else decode_image(source)


def waveform_of(source: MediaSource) -> np.ndarray:
    """What `decode_audio` gives; an upload was decoded when it came. Raises MediaError."""
    return source.decoded if isinstance(source, Upload) else decode_audio(source)


def decode_image(source: Path | bytes, longest_side: int = LONGEST_SIDE) -> Image.Image:
    """An upright sRGB picture of at most 1024 px a side, or another longest side. Raises MediaError."""
    name, content = read_limited(source, A_PHOTO)
    if not is_strangers(source):
        return decode_picture(name, content, longest_side)
    from PIL import Image

    facts, pixels = _asked(name, "photo", content, wanted="picture", longest_side=longest_side)
    return Image.frombytes("RGB", tuple(facts["resolution"]), pixels)


def decode_audio(source: Path | bytes) -> np.ndarray:
    """The first 60 s as float32 mono at 16 kHz, finite, at least 0.1 s long. Raises MediaError."""
    name, content = read_limited(source, A_SOUND)
    if not is_strangers(source):
        return as_waveform(*decode_sound(name, content))
    facts, samples = _asked(name, "sound clip", content, wanted="sound")
    return as_waveform(np.frombuffer(bytearray(samples), np.float32), facts["rate_hz"])


def seconds_unread(source: Path | bytes) -> float:
    """How much of a clip lies behind the 60 s that are read, as its header says; 0.0 where that cannot be told."""
    try:
        name, content = read_limited(source, A_SOUND)
        if not is_strangers(source):
            return unread_seconds(content)
        facts, _ = _asked(name, "sound clip", content, wanted="unread")
        return float(facts["seconds"])
    except MediaError:  # what cannot be opened is refused elsewhere
        return 0.0


def unread_sentence(name: str, source: Path | bytes) -> str:
    """What to tell about a clip that is longer than what is read, "" for all others."""
    unread = seconds_unread(source)
    if unread < 0.5:
        return ""
    return (
        f"{name!r} lasts {MAX_CLIP_SECONDS + unread:.0f} s, of which only the first {MAX_CLIP_SECONDS} are read; "
        "cut it to the part that counts."
    )


def is_strangers(source: Path | bytes) -> bool:
    """Whether a file was sent, fetched or unpacked, rather than lying in a folder of this machine's user."""
    if isinstance(source, bytes):
        return True
    path, kept = os.path.abspath(source), home()
    return any(path.startswith(top + os.sep) for top in {os.path.abspath(kept), os.path.realpath(kept)})


def _asked(name: str, kind: str, content: bytes, **facts: Any) -> tuple[dict[str, Any], bytes]:
    """What the other process says of a file; raises MediaError for what it refuses, and when it dies of it."""
    helpers = helpers_of(DECODER, DECODE_SECONDS, DECODE_MEMORY_BYTES)
    try:
        said, decoded = helpers.ask({"name": name, **facts}, content)
    except Died as death:
        how = f"takes over {death.seconds:g} s to decode" if death.seconds else "is damaged so that its decoder breaks"
        raise MediaError(f"{name} {how}; save it again, or give another {kind}.") from death
    except OSError as error:
        why = error.strerror or "no reason given"
        raise MediaError(
            f"{name} cannot be decoded now, for no process could be started for it ({why}); close other programs and "
            "try again."
        ) from error
    if "refusal" in said:
        raise MediaError(said["refusal"])
    return said, decoded
