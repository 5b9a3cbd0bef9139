"""Texts that are longer than a network reads at once: cut into sentences, whose embeddings are averaged.

In: clean texts and a tokenizer. Out: pieces that fit, and the means of their embeddings.
"""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from retail.encoders import Encoder

SENTENCE_END = re.compile(r"\n|(?<=[.!?\u2026])\s+|(?<=[\u3002\uff01\uff1f])\s*")

# Batches that a text network's graph is made and compared with.
PROBES = (["oat drink", "a carton of oat drink"], ["tea"], ["green tea", "", "oat drink, 1 l, from fields nearby"])


class ReadsInPieces(Encoder):
    """A text encoder with a tokenizer; subclasses say how many word pieces they read at once."""

    _tokenizer: Any

    @property
    @abstractmethod
    def _room(self) -> int:
        """Word pieces that fit beside the marks around a text."""

    def pieces(self, item: str) -> list[str]:
        """The text itself where it is read at once, else its sentences; what exceeds even that is cut between words."""
        fits = self._is_short(item) or self._lengths([item])[0] <= self._room
        return [item] if fits else self._cut(item)

    def embed_prepared(self, items: Sequence[Any]) -> Tensor:
        """N texts -> (N, D); a sentence that many of them share is read once."""
        if all(map(self._is_short, items)):
            return super().embed_prepared(items)
        lengths = self._lengths(items)
        if all(length <= self._room for length in lengths):
            return super().embed_prepared(items)
        pieces = [self._cut(item) if n > self._room else [item] for item, n in zip(items, lengths, strict=True)]
        places = {piece: place for place, piece in enumerate(dict.fromkeys(piece for own in pieces for piece in own))}
        embeddings = super().embed_prepared(list(places))
        order = torch.tensor([places[piece] for own in pieces for piece in own])
        return mean_of_pieces(embeddings[order], torch.tensor([len(own) for own in pieces]))

    def _is_short(self, item: str) -> bool:
        """Whether it fits for sure: no word piece is shorter than a byte, but for a mark at the start."""
        return len(item.encode("utf-8", "replace")) < self._room

    def _length(self, item: str) -> int:
        return len(item)

    def _lengths(self, texts: Sequence[str]) -> list[int]:
        """Word pieces of each text."""
        if not texts:
            return []
        options: dict[str, Any] = {"add_special_tokens": False, "truncation": False, "padding": False, "verbose": False}
        return [len(ids) for ids in self._tokenizer(list(texts), **options)["input_ids"]]

    def _cut(self, text: str) -> list[str]:
        sentences = sentences_of(text)
        pieces = []
        for sentence, length in zip(sentences, self._lengths(sentences), strict=True):
            pieces += [sentence] if length <= self._room else self._windows(sentence)
        return pieces

    def _windows(self, sentence: str) -> list[str]:
        """As many words together as are read at once; a single word that is longer is cut off."""
        words = sentence.split()
        windows: list[list[str]] = [[]]
        used = 0
        for word, length in zip(words, self._lengths(words), strict=True):
            if used + length > self._room and windows[-1]:
                windows.append([])
                used = 0
            windows[-1].append(word)
            used += length
        return [" ".join(window) for window in windows]


def mean_of_pieces(embeddings: Tensor, counts: Tensor) -> Tensor:
    """(P, D) of all pieces in order, (B,) pieces of each text -> (B, D)

    Not of unit length again: so what all texts have in common, such as terms of delivery, adds the same to each of
    them, and a head's standardising takes it away.
    """
    owners = torch.arange(len(counts)).repeat_interleave(counts)  # (P,)
    sums = embeddings.new_zeros(len(counts), embeddings.shape[1]).index_add(0, owners, embeddings)
    return sums / counts[:, None]


def sentences_of(text: str) -> list[str]:
    """The lines of a clean text, and the sentences of each line."""
    return [sentence for sentence in SENTENCE_END.split(text) if sentence]
