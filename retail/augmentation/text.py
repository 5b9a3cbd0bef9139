"""Descriptions: words left out and letters mistyped.

In: a clean text and a seed. Out: a text with at least one of its words. Word dropout: Iyyer et al. 2015; typing
noise: Belinkov and Bisk 2018 (arxiv.org/abs/1711.02173), of whose kinds we take swaps, neighbouring keys, lost and
doubled letters.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from retail.config import FinetuneConfig

KEYBOARD = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
KINDS = ("swap", "neighbour", "lose", "double")


def augmented_text(text: str, seed: Sequence[int], config: FinetuneConfig) -> str:
    """A text as somebody in a hurry may have typed it; the same seed gives the same one."""
    rng = np.random.default_rng(seed)
    words = drop_words(text.split(), config.word_dropout, rng)
    return " ".join(mistype(word, config.typos, rng) for word in words)


def drop_words(words: Sequence[str], chance: float, rng: np.random.Generator) -> list[str]:
    """Leaves each word out with the given chance; one word always stays."""
    if not words:
        return []
    draws = rng.random(len(words))
    spared = int(draws.argmax())
    return [word for place, word in enumerate(words) if draws[place] >= chance or place == spared]


def mistype(word: str, chance: float, rng: np.random.Generator) -> str:
    """Each letter becomes a typo with the given chance; a word never vanishes, and digits stay."""
    letters = list(word)
    for place in np.flatnonzero(rng.random(len(word)) < chance).tolist():
        if word[place].isalpha():
            _mistype_letter(letters, word, place, KINDS[int(rng.integers(len(KINDS)))], rng)
    return "".join(letters) or word


def _mistype_letter(letters: list[str], word: str, place: int, kind: str, rng: np.random.Generator) -> None:
    if kind == "swap" and place + 1 < len(letters):
        letters[place], letters[place + 1] = letters[place + 1], letters[place]
    elif kind == "neighbour" and (keys := _neighbours(word[place])):
        letters[place] = keys[int(rng.integers(len(keys)))]
    elif kind == "lose":
        letters[place] = ""
    elif kind == "double":
        letters[place] *= 2


def _neighbours(letter: str) -> str:
    """The keys left and right of a letter on its row; "" for a letter that is not on the keyboard."""
    for row in KEYBOARD:
        if (place := row.find(letter.lower())) >= 0:
            keys = row[max(0, place - 1) : place] + row[place + 1 : place + 2]
            return keys.upper() if letter.isupper() else keys
    return ""
