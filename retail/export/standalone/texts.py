"""A description as the network takes it.

In: plain text; tags of HTML are to be taken out before. Out: word pieces; of a long text those of each sentence.
"""

from __future__ import annotations

import re
import unicodedata
from html import unescape
from html.entities import html5
from typing import Any

import numpy as np
from tokenizers import Tokenizer

SENTENCE_END = re.compile(r"\n|(?<=[.!?\u2026])\s+|(?<=[\u3002\uff01\uff1f])\s*")
ENTITY = re.compile(r"&(?:amp;)*(#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")


class WordPieces:
    """A tokenizer with what `recogniser.json` says of it."""

    def __init__(self, file: str, facts: dict[str, Any]) -> None:
        self._tokenizer, self._facts = Tokenizer.from_file(file), facts
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        self._room = facts["longest"] - self._tokenizer.num_special_tokens_to_add(False)

    def of(self, text: str) -> list[dict[str, np.ndarray]]:
        """What the graph takes, one for each piece of the text; none for a text without words."""
        text = tidy(text, self._facts["most_characters"])
        if not text:
            return []
        pieces = [text] if self._length(text) <= self._room else self._cut(text)
        return [self._inputs(piece) for piece in pieces]

    def _inputs(self, piece: str) -> dict[str, np.ndarray]:
        self._tokenizer.enable_truncation(self._facts["longest"])
        found = self._tokenizer.encode(piece)
        self._tokenizer.no_truncation()
        rows = {"input_ids": found.ids, "attention_mask": found.attention_mask, "token_type_ids": found.type_ids}
        return {name: np.array([rows[name]], dtype=np.int64) for name in self._facts["inputs"]}

    def _length(self, text: str) -> int:
        return len(self._tokenizer.encode(text, add_special_tokens=False).ids)

    def _cut(self, text: str) -> list[str]:
        pieces: list[str] = []
        for sentence in filter(None, SENTENCE_END.split(text)):
            pieces += [sentence] if self._length(sentence) <= self._room else self._windows(sentence)
        return pieces

    def _windows(self, sentence: str) -> list[str]:
        windows: list[list[str]] = [[]]
        used = 0
        for word in sentence.split():
            length = self._length(word)
            if used + length > self._room and windows[-1]:
                windows.append([])
                used = 0
            windows[-1].append(word)
            used += length
        return [" ".join(window) for window in windows]


def tidy(text: str, most: int) -> str:
    """Composed, entities decoded, no control characters, single spaces."""
    for _ in range(3):
        text = ENTITY.sub(_decoded, text)
    composed = unicodedata.normalize("NFC", text)
    kinds = [(char, unicodedata.category(char)) for char in composed]
    text = "".join(" " if kind.startswith("C") else char for char, kind in kinds if kind != "Cf")
    return re.sub(r"\s+", " ", text).strip()[:most].rstrip()


def _decoded(entity: re.Match[str]) -> str:
    name = entity[1]
    return unescape(f"&{name};") if name.startswith("#") else html5.get(f"{name};", entity[0])
