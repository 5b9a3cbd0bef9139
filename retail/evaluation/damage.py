"""Damage as it happens to photos, descriptions and sound clips, at graded strengths.

In: decoded media, a strength and a seeded generator. Out: the same item, damaged; equal seeds, equal damage.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image, ImageFilter

from retail.augmentation.text import mistype
from retail.evaluation.foreign_words import in_german, in_greek_letters
from retail.schema import Modality

GREY = (127, 127, 127)


@dataclass(frozen=True)
class Damage:
    """One way to spoil an input; a higher place in `strengths` is worse. `measure` says what a strength counts."""

    name: str
    modality: Modality
    measure: str
    strengths: tuple[float, ...]
    spoil: Callable[[Any, float, np.random.Generator], Any]
    note: str = ""


def blurred(photo: Image.Image, share: float, rng: np.random.Generator) -> Image.Image:
    """A Gaussian whose deviation is this share of the shorter side."""
    return photo.filter(ImageFilter.GaussianBlur(share * min(photo.size)))


def noisy(photo: Image.Image, deviation: float, rng: np.random.Generator) -> Image.Image:
    """Gaussian noise on every value, of this deviation where white is 1."""
    pixels = np.asarray(photo, dtype=np.float32) / 255
    spoilt = (pixels + rng.normal(0, deviation, pixels.shape)).clip(0, 1)
    return Image.fromarray((255 * spoilt).round().astype(np.uint8))


def occluded(photo: Image.Image, share: float, rng: np.random.Generator) -> Image.Image:
    """A grey rectangle of the photo's proportions over this share of its area, anywhere in it."""
    width, height = (max(1, round(side * share**0.5)) for side in photo.size)
    left, top = (int(rng.integers(full - part + 1)) for full, part in zip(photo.size, (width, height), strict=True))
    spoilt = photo.copy()
    spoilt.paste(GREY, (left, top, left + width, top + height))
    return spoilt


def darkened(photo: Image.Image, light: float, rng: np.random.Generator) -> Image.Image:
    """This share of the light is left; what was faint becomes black, as eight bits have it."""
    return photo.point(lambda value: int(value * light))


def mistyped(text: str, chance: float, rng: np.random.Generator) -> str:
    """Each letter becomes a typo with this chance."""
    return " ".join(mistype(word, chance, rng) for word in text.split())


def truncated(text: str, kept: float, rng: np.random.Generator) -> str:
    """The first words, this share of them, at least one."""
    words = text.split()
    return " ".join(words[: max(1, round(kept * len(words)))])


def in_noise(clip: np.ndarray, ratio_db: float, rng: np.random.Generator) -> np.ndarray:
    """White noise, `ratio_db` below the clip's mean power."""
    power = float(np.mean(np.square(clip, dtype=np.float64)))
    noise = rng.normal(0, (power / 10 ** (ratio_db / 10)) ** 0.5, len(clip))
    return (clip + noise).astype(np.float32)


def clipped(clip: np.ndarray, limit: float, rng: np.random.Generator) -> np.ndarray:
    """Cut off at this share of the peak and made as loud as before: too loud for its microphone."""
    peak = float(np.abs(clip).max())
    edge = max(limit * peak, 1e-9)
    return (np.clip(clip, -edge, edge) * (peak / edge)).astype(np.float32)


DAMAGES: tuple[Damage, ...] = (
    Damage("blur", "image", "deviation, share of the shorter side", (0.005, 0.01, 0.02, 0.05), blurred),
    Damage("noise", "image", "deviation, white is 1", (0.05, 0.1, 0.2, 0.4), noisy),
    Damage("occlusion", "image", "share of the area covered", (0.1, 0.25, 0.5, 0.75), occluded),
    Damage("darkness", "image", "share of the light left", (0.5, 0.25, 0.1, 0.05), darkened),
    Damage("typos", "text", "chance per letter", (0.05, 0.1, 0.2, 0.4), mistyped),
    Damage("truncation", "text", "share of the words kept", (0.75, 0.5, 0.25), truncated),
    Damage(
        "German words",
        "text",
        "share of the words asked for",
        (0.25, 0.5, 1.0),
        in_german,
        "Word for word by a small built-in list, not a translation; words that it lacks, such as brands, stay.",
    ),
    Damage(
        "Greek letters",
        "text",
        "share of the words",
        (0.25, 0.5, 1.0),
        in_greek_letters,
        "The same words in letters of another alphabet, not another language.",
    ),
    Damage("noise", "audio", "decibels above white noise", (20.0, 10.0, 5.0, 0.0), in_noise),
    Damage("clipping", "audio", "share of the peak kept", (0.5, 0.25, 0.1, 0.05), clipped),
)
