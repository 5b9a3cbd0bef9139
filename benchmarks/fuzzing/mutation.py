"""Bytes changed as damage and attackers change them, and a target that does so with seeds.

In: seeds, a random generator, words of the format. Out: other bytes; the same generator gives the same ones.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

from benchmarks.fuzzing.attempts import given

NUMBERS = (0, 1, 2, 7, 8, 16, 63, 64, 127, 128, 255, 256, 1023, 4096, 0x7FFF, 0x8000, 0xFFFF, 0x10000, 0xFFFFFF)
NUMBERS += (0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)
ROOM = 2**16  # bytes by which an input may grow
MOST_CHANGES = 8


def _flipped(content: bytearray, rng: random.Random) -> None:
    for _ in range(rng.choice((1, 1, 2, 8))):
        content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)


def _set(content: bytearray, rng: random.Random) -> None:
    content[rng.randrange(len(content))] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))


def _number(content: bytearray, rng: random.Random) -> None:
    width = rng.choice((1, 2, 4, 4, 8))
    place = rng.randrange(max(len(content) - width, 1))
    value = rng.choice((*NUMBERS, rng.getrandbits(31), len(content))) % (1 << 8 * width)
    content[place : place + width] = value.to_bytes(width, rng.choice(("little", "big")))


def _cut(content: bytearray, rng: random.Random) -> None:
    start = rng.randrange(len(content))
    del content[start : start + rng.choice((1, 2, 4, 16, rng.randrange(1, len(content) + 1)))]


def _ended(content: bytearray, rng: random.Random) -> None:
    del content[rng.randrange(len(content)) :]


def _doubled(content: bytearray, rng: random.Random) -> None:
    start = rng.randrange(len(content))
    piece = content[start : start + rng.choice((1, 2, 4, 16, 64, 512))]
    times = rng.choice((1, 1, 1, 2, 8, 64, 1024))
    content[start:start] = (piece * times)[:ROOM]


def _inserted(content: bytearray, rng: random.Random) -> None:
    place = rng.randrange(len(content) + 1)
    content[place:place] = rng.randbytes(rng.choice((1, 2, 4, 16, 256)))


def _moved(content: bytearray, rng: random.Random) -> None:
    start, stop = sorted(rng.randrange(len(content)) for _ in range(2))
    piece = content[start:stop]
    del content[start:stop]
    place = rng.randrange(len(content) + 1)
    content[place:place] = piece


CHANGES = (_flipped, _flipped, _set, _set, _number, _number, _number, _cut, _ended, _doubled, _inserted, _moved)


def mutated(content: bytes, rng: random.Random, others: Sequence[bytes] = (), words: Sequence[bytes] = ()) -> bytes:
    """One to eight changes, few more often than many; never more than 64 KB longer than it was."""
    changed, most = bytearray(content), len(content) + ROOM
    for _ in range(min(1 + int(rng.expovariate(0.6)), MOST_CHANGES)):
        kind = rng.random()
        if not changed or (words and kind < 0.25):
            place = rng.randrange(len(changed) + 1)
            changed[place : place + rng.choice((0, 0, 1, 4))] = rng.choice(words or (b"\0",))
        elif others and kind > 0.95:
            other = rng.choice(others)
            changed[rng.randrange(len(changed)) :] = other[rng.randrange(len(other) or 1) :]
        else:
            rng.choice(CHANGES)(changed, rng)
        del changed[most:]
    return bytes(changed)


@dataclass(frozen=True)
class Mutated:
    """A reader of bytes, with seeds to change and words that its format knows.

    `mend` makes a changed input whole again in one way, such as right checksums, so that it gets past the first look;
    half of the inputs pass through it.
    """

    read: Callable[[bytes], object]
    seeds: Callable[[], Sequence[bytes]]
    words: tuple[bytes, ...] = ()
    mend: Callable[[bytes, random.Random], bytes] | None = None

    def __call__(self, rng: random.Random) -> None:
        """Makes one input and reads it."""
        seeds = _seeds(self.seeds)
        content = mutated(rng.choice(seeds), rng, seeds, self.words)
        if self.mend and rng.random() < 0.5:
            content = self.mend(content, rng)
        self.read(given(content))


@cache
def _seeds(make: Callable[[], Sequence[bytes]]) -> Sequence[bytes]:
    return make()
