"""A WAV whose header was never finished, as streaming recorders and pipes leave it, with the sizes that it has.

In: the bytes of any sound file. Out: the same bytes, or those of a WAV whose samples are read to the end.
"""

from __future__ import annotations

import struct

CHUNK = 8  # bytes of a chunk's name and size


def finished(content: bytes) -> bytes:
    """A WAV with its sizes corrected where they are unknown or larger than the file; anything else as it came."""
    place = _samples_at(content)
    if place is None:
        return content
    claimed, there = _size(content, place - 4), len(content) - place
    whole = _size(content, 4) == len(content) - CHUNK  # then a size of 0 is meant: the clip is empty
    if 0 < claimed <= there or there == 0 or (claimed == 0 and whole):
        return content
    head = bytearray(content[:place])
    struct.pack_into("<I", head, 4, len(content) - CHUNK)
    struct.pack_into("<I", head, place - 4, there)
    return bytes(head) + content[place:]


def _size(content: bytes, place: int) -> int:
    return int.from_bytes(content[place : place + 4], "little")


def _samples_at(content: bytes) -> int | None:
    """Where the samples of a WAV start; None for another file."""
    if content[:4] != b"RIFF" or content[8:12] != b"WAVE":
        return None
    place = 12
    while place + CHUNK <= len(content):
        name, size = content[place : place + 4], _size(content, place + 4)
        if name == b"data":
            return place + CHUNK
        place += CHUNK + size + size % 2
    return None
