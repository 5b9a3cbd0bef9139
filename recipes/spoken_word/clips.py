"""The spoken clips on disk: synthesised once in parts, kept, and read as one array.

In: words and voices. Out: `Clips`. Each part is one file, so that a stopped run resumes where it was.
"""

from __future__ import annotations

import ctypes
import os
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from recipes.spoken_word.accents import ACCENTED
from recipes.spoken_word.people import PICO, RHVOICE, VALIDATION_PEOPLE
from recipes.spoken_word.voices import VALIDATION_VARIANTS, VARIANTS, Voice, espeak_voice, speak
from recipes.spoken_word.words import Spoken
from retail.files import whole_file
from retail.media import SAMPLE_RATE_HZ
from retail.schema import UserError

ESPEAK_PASSES = 20
SPEEDS = {  # of the other voices, one pass each; isolated words are said slowly
    ("flite", "rms"): (0.75, 1.0),
    ("flite", "kal16"): (0.75, 1.0),
    ("festival", "kal"): (0.85,),
    ("festival", "ked"): (0.75, 1.0),
}
SPEEDS |= {("festival", name): (0.92,) for name in ACCENTED}
SPEEDS |= {("rhvoice", name): (0.85,) for name in RHVOICE} | {("rhvoice", "clb"): (0.75,)}
SPEEDS |= {("pico", name): (0.85,) for name in PICO}
SLICE = 750  # words a part
ATTEMPTS = 5
LONGEST_SECONDS = 2.5


@dataclass(frozen=True)
class Part:
    """The file stem of one part, and which voice says a word in it."""

    name: str
    engine: str
    voice: str = ""
    speed: float = 1.0

    def voice_for(self, rng: random.Random, variants: list[str]) -> Voice:
        """The voice for the next word: random for espeak, else the named one at about its speed."""
        if self.engine == "espeak":
            return espeak_voice(rng, variants)
        speed = self.speed * rng.uniform(0.92, 1.08)
        if self.voice in ACCENTED:
            return Voice(self.engine, self.voice, speed, pitch=rng.uniform(25, 70), pitch_range=rng.uniform(0, 100))
        if self.engine in ("rhvoice", "pico"):
            return Voice(self.engine, self.voice, speed, pitch=rng.uniform(30, 70))
        return Voice(self.engine, self.voice, speed)


@dataclass(frozen=True)
class Clips:
    """All samples end to end: clip i is `samples[start[i]:start[i + 1]]` and says `words[label[i]]`."""

    samples: np.ndarray  # (S,) int16
    start: np.ndarray  # (N + 1,) int64
    label: np.ndarray  # (N,) int32
    source: np.ndarray  # (N,) int8, index into `sources`
    sources: list[str]

    def __len__(self) -> int:
        return len(self.label)

    def clip(self, place: int) -> np.ndarray:
        """(S,) int16"""
        return self.samples[self.start[place] : self.start[place + 1]]


def parts() -> list[Part]:
    """Every rendition of the vocabulary."""
    found = [Part(f"espeak-{place:02}", "espeak") for place in range(ESPEAK_PASSES)]
    for (engine, voice), speeds in SPEEDS.items():
        found += [Part(f"{engine}-{voice}-{place}", engine, voice, speed) for place, speed in enumerate(speeds)]
    return found


def synthesise(
    folder: Path,
    words: list[Spoken],
    wanted: list[Part],
    variants: list[str] = VARIANTS,
    say: Callable[..., None] = print,
) -> Clips:
    """Speaks every word in every part, what is already on disk excepted, and reads the result."""
    folder.mkdir(parents=True, exist_ok=True)
    jobs = [(part, first) for part in wanted for first in range(0, len(words), SLICE)]
    missing = [(part, first) for part, first in jobs if not _file(folder, part, first).exists()]
    with ThreadPoolExecutor(max_workers=len(os.sched_getaffinity(0))) as pool:
        running = [
            pool.submit(_speak_apart, _file(folder, part, first), words[first : first + SLICE], first, part, variants)
            for part, first in missing
        ]
        for done, job in enumerate(as_completed(running), start=1):
            job.result()
            say(f"synthesised {done} of {len(missing)} parts")
    return _read(folder, jobs)


def validation_parts() -> list[Part]:
    """Eight renditions in variants that training never hears."""
    return [Part(f"validation-{place}", "espeak") for place in range(8)]


def validation_clips(folder: Path, words: list[Spoken]) -> Clips:
    """The held-out words in the held-out variants."""
    return synthesise(folder, words, validation_parts(), VALIDATION_VARIANTS, say=lambda _: None)


def validation_people(folder: Path, words: list[Spoken]) -> Clips:
    """The held-out words as said by the voices of held-out people, one `source` each."""
    wanted = [Part(f"rhvoice-{name}", "rhvoice", name, 0.85) for name in VALIDATION_PEOPLE]
    return synthesise(folder, words, wanted, say=lambda _: None)


def _file(folder: Path, part: Part, first: int) -> Path:
    return folder / f"{part.name}-{first:05}.npz"


def _speak_apart(file: Path, words: list[Spoken], first: int, part: Part, variants: list[str]) -> None:
    """In a process of its own, because a synthesizer's library may crash; then the next draw is tried.

    Whether the file is there tells: the exit code of a process that another thread started meanwhile can be lost, and
    then a finished part would be drawn again, another one than the seed's.
    """
    context = get_context("forkserver")  # a fork of this process would inherit a library in the middle of its work
    context.set_forkserver_preload([__name__])
    for attempt in range(ATTEMPTS):
        process = context.Process(target=_speak_part, args=(file, words, first, part, variants, attempt))
        process.start()
        process.join()
        if file.exists():
            return
    raise UserError(f"The synthesizer {part.engine} failed {ATTEMPTS} times on {file.stem}; see its message above.")


def _speak_part(file: Path, words: list[Spoken], first: int, part: Part, variants: list[str], attempt: int = 0) -> None:
    rng = random.Random(f"{part.name} {first} {attempt}")
    ctypes.CDLL(None).srand(rng.randrange(1 << 30))  # espeak-ng draws its breath noise from the C library
    clips = list(speak((word.text, part.voice_for(rng, variants)) for word in words))
    longest = int(LONGEST_SECONDS * SAMPLE_RATE_HZ)
    clips = [clip[:longest] for clip in clips]
    with whole_file(file) as partial, partial.open("wb") as out:
        np.savez(
            out,
            samples=np.concatenate(clips),
            lengths=np.array([len(clip) for clip in clips]),
            label=np.arange(first, first + len(words)),
        )


def _read(folder: Path, jobs: list[tuple[Part, int]]) -> Clips:
    sources = sorted({_source(part) for part, _ in jobs})
    lengths, label, source = [], [], []
    for part, first in jobs:
        with np.load(_file(folder, part, first)) as data:
            lengths.append(data["lengths"])
            label.append(data["label"])
            source.append(np.full(len(data["label"]), sources.index(_source(part))))
    start = np.concatenate([[0], np.cumsum(np.concatenate(lengths))]).astype(np.int64)
    samples = np.empty(start[-1], np.int16)  # filled part by part: twice these gigabytes may not fit
    end = 0
    for part, first in jobs:
        with np.load(_file(folder, part, first)) as data:
            piece = data["samples"]
        samples[end : end + len(piece)] = piece
        end += len(piece)
    return Clips(
        samples, start, np.concatenate(label).astype(np.int32), np.concatenate(source).astype(np.int8), sources
    )


def _source(part: Part) -> str:
    return part.voice or part.engine
