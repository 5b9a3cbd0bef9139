"""Who says which name: the plan of the catalogue's clips, and how they are spoken and written.

In: the products. Out: `SpokenRow`s, a row of the table each, and Ogg Opus files. Every name is said by two voices and
every everyday name by two others; a category with no product of that name ("apple") is said once for all its products.
All four are voices that the sound encoder was trained on. One that neither it nor the catalogue has heard says the
examples.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from recipes.groceries.products import Grocery
from recipes.spoken_word.voices import Voice, speak
from retail.media import SAMPLE_RATE_HZ

SPEED = 0.9  # names on their own are said slowly
NAME_VOICES = {"m3": Voice("espeak", "gmw/en+m3", SPEED), "edward": Voice("espeak", "gmw/en-US+edward", SPEED)}
EVERYDAY_VOICES = {"f2": Voice("espeak", "gmw/en-US+f2", SPEED), "rms": Voice("flite", "rms", SPEED)}
VOICES = NAME_VOICES | EVERYDAY_VOICES
CATEGORY_VOICE = "rms"
EXAMPLE_VOICE = Voice("espeak", "gmw/en-GB-x-gbcwmd+linda", SPEED)
PEAK = 0.7  # of full scale: as loud as a person who speaks up
EDGE_SECONDS = 0.1  # silence before and after, as a recording has it


@dataclass(frozen=True)
class SpokenRow:
    """One row of the catalogue's table: a clip, and the words that it brings along."""

    id: str
    product: Grocery
    voice: str
    words: str
    text: str

    @property
    def file(self) -> str:
        """Its clip, beside the table; rows that say the same share one."""
        return f"audio/{self.words.lower().replace(' ', '_')}_{self.voice}.ogg"


def plan(products: Sequence[Grocery]) -> list[SpokenRow]:
    """Four or five rows a product; its name, description, everyday name and category stand in the text of one each."""
    called = {words for product in products for words in (product.name.lower(), product.everyday)}
    rows = []
    for product in products:
        other = product.everyday if product.everyday != product.name.lower() else ""
        texts = iter((product.name, product.description, other, ""))
        said = [(voice, product.name, next(texts)) for voice in NAME_VOICES]
        said += [(voice, product.everyday, next(texts)) for voice in EVERYDAY_VOICES]
        if (category := product.category.lower()) not in called:
            said.append((CATEGORY_VOICE, category, category))
        rows += [SpokenRow(f"{product.key}_{place}", product, *row) for place, row in enumerate(said, start=1)]
    return rows


def say(words: Iterable[str], voice: Voice) -> list[np.ndarray]:
    """Clips (S,) between -1 and 1, equally loud."""
    ctypes.CDLL(None).srand(0)  # espeak-ng draws its breath noise from the C library
    edge = np.zeros(int(EDGE_SECONDS * SAMPLE_RATE_HZ), np.float32)
    clips = []
    for samples in speak([(text, voice) for text in words]):
        wave = samples.astype(np.float32)
        clips.append(np.concatenate([edge, PEAK * wave / max(1.0, float(np.abs(wave).max())), edge]))
    return clips


def write(clip: np.ndarray, target: Path) -> None:
    """One Ogg Opus file."""
    target.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(target, clip, SAMPLE_RATE_HZ, format="OGG", subtype="OPUS")
