"""Rows that have nearly the same photo, recording or sentence: the one search that leaks and duplicates share.

In: `Audited` and which rows to compare with which. Out: `Alike`s, each with its similarity.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from retail.audit.finding import Audited
from retail.audit.media_facts import mirrored
from retail.media import clean_text

# Calibrated on 2,925 shop photos: coded again or halved in size a photo stays within 0.004 of itself (root mean square
# of 16 × 16 thumbnails), and no two different products come nearer than 0.022.
SAME_THUMBNAIL = 0.012
# Cosine of standardised embeddings: mirrored copies reach 0.93 and crops 0.91 (medians), different products hardly.
LOOK_ALIKE = 0.9
# Correlation of sound fingerprints: no two different clips of 2,900 exceed 0.92.
SAME_SOUND, SAME_SECONDS = 0.97, 0.02
LEAST_WORDS = 5  # "Nike" may stand on many products; a sentence may not
NEAR_TEXT = 0.9  # share of common words (Jaccard)
BLOCK = 256  # rows compared at a time
MOST_PARTNERS = 10  # of a row: a picture that a thousand rows share would give half a million pairs

Kind = Literal["same photo", "same picture", "look-alike photo", "same sound", "same text", "same code"]
Blocks = Iterator[tuple[np.ndarray, np.ndarray]]
# (row of each item (I,), which items are usable (I,) bool) -> (ours, theirs), places of items to compare.
Sides = Callable[[np.ndarray, np.ndarray], Blocks]


@dataclass(frozen=True)
class Alike:
    """Two places of the N rows; `similarity` is 1 for the same."""

    row: int
    other: int
    kind: Kind
    similarity: float


def across_splits(data: Audited) -> Sides:
    """Held-out rows against those that training or choosing has seen."""
    splits = np.array([product.split for product in data.products])

    def sides(rows: np.ndarray, usable: np.ndarray) -> Blocks:
        own = splits[rows]
        for held, seen in (("val", ("train",)), ("test", ("train", "val"))):
            theirs = np.flatnonzero(usable & np.isin(own, seen))
            ours = np.flatnonzero(usable & (own == held))
            if len(theirs):
                yield from ((ours[start : start + BLOCK], theirs) for start in range(0, len(ours), BLOCK))

    return sides


def everywhere(rows: np.ndarray, usable: np.ndarray) -> Blocks:
    """Every item against every other."""
    places = np.flatnonzero(usable)
    yield from ((places[start : start + BLOCK], places) for start in range(0, len(places), BLOCK))


def same_photos(data: Audited, sides: Sides) -> list[Alike]:
    """Any photo of one row against any of another, also mirrored."""
    owners = np.array([row for row, facts in enumerate(data.facts) for _ in facts.thumbnails], dtype=int)
    if not len(owners):
        return []
    photos = np.stack([thumbnail for facts in data.facts for thumbnail in facts.thumbnails])
    found: list[Alike] = []
    for ours, theirs in sides(owners, np.ones(len(owners), dtype=bool)):
        for turned in (photos[ours], mirrored(photos[ours])):
            # |a - b|² by its binomial formula: no (N, M, 768) array.
            squared = (turned**2).sum(1)[:, None] + (photos[theirs] ** 2).sum(1) - 2 * turned @ photos[theirs].T
            distance = np.sqrt(np.clip(squared, 0, None) / photos.shape[1])
            found += _partners(1 - distance, 1 - SAME_THUMBNAIL, owners[ours], owners[theirs], "same photo")
    return found


def look_alikes(data: Audited, sides: Sides, least: float = LOOK_ALIKE) -> list[Alike]:
    """Photos whose standardised embeddings point the same way."""
    if "image" not in data.embeddings or not data.present["image"].any():
        return []
    rows, present = data.embeddings["image"], data.present["image"]
    # Standardised as in `evaluation.folds.look_alikes`, which groups rows within training.
    standard = (rows - rows[present].mean(0)) / rows[present].std(0).clip(1e-4)
    standard = standard / np.linalg.norm(standard, axis=1, keepdims=True).clip(1e-12)
    found: list[Alike] = []
    for ours, theirs in sides(np.arange(len(rows)), present):
        found += _partners(standard[ours] @ standard[theirs].T, least, ours, theirs, "look-alike photo")
    return found


def same_sounds(data: Audited, sides: Sides) -> list[Alike]:
    """Clips of one length with one fingerprint, or with the same bytes."""
    usable = np.array([facts.fingerprint is not None for facts in data.facts])
    if not usable.any():
        return []
    size = next(facts.fingerprint.shape[0] for facts in data.facts if facts.fingerprint is not None)
    prints = np.stack([np.zeros(size) if f.fingerprint is None else f.fingerprint for f in data.facts])
    seconds = np.array([facts.seconds for facts in data.facts])
    hashes = np.array([facts.sound_hash for facts in data.facts])
    found: list[Alike] = []
    for ours, theirs in sides(np.arange(len(usable)), usable):
        alike = prints[ours] @ prints[theirs].T
        longer = np.abs(np.log(np.maximum(seconds[ours], 1e-3)[:, None] / np.maximum(seconds[theirs], 1e-3)))
        alike = np.where(longer <= SAME_SECONDS, alike, 0.0)
        alike[hashes[ours][:, None] == hashes[theirs]] = 1.0
        found += _partners(alike, SAME_SOUND, ours, theirs, "same sound")
    return found


def same_texts(data: Audited, sides: Sides, fits: Callable[[int, int], bool] = lambda row, other: True) -> list[Alike]:
    """Descriptions that share nine tenths of their words, each row with its best partners that fit."""
    texts = [clean_text(product.text).casefold() for product in data.products]
    words = [frozenset(text.split()) for text in texts]
    usable = np.array([len(text.split()) >= LEAST_WORDS for text in texts])
    found: list[Alike] = []
    indexed, having = np.empty(0, dtype=int), dict[str, set[int]]()
    for ours, theirs in sides(np.arange(len(texts)), usable):
        if theirs is not indexed:  # blocks of one side follow one another
            indexed, having = theirs, {}
            for row in theirs.tolist():
                for word in words[row]:
                    having.setdefault(word, set()).add(row)
        for row in ours.tolist():
            # Two sets that share nine tenths share at least one of the row's two rarest words.
            rare = sorted(words[row], key=lambda word: len(having.get(word, ())))[: len(words[row]) // 10 + 1]
            near = {o for word in rare for o in having.get(word, ()) if o != row and fits(row, o)}
            scored = {other: len(words[row] & words[other]) / len(words[row] | words[other]) for other in near}
            best = sorted(scored, key=lambda other: -scored[other])[:MOST_PARTNERS]
            found += [Alike(row, o, "same text", scored[o]) for o in best if scored[o] >= NEAR_TEXT]
    return found


def _partners(alike: np.ndarray, least: float, ours: np.ndarray, theirs: np.ndarray, kind: Kind) -> list[Alike]:
    """Each row's best partners among other rows, where they are near enough; `alike` is (N_ours, N_theirs)."""
    alike = np.where(ours[:, None] == theirs, -np.inf, alike)
    near = (alike >= least).sum(1)
    found = []
    for place in np.flatnonzero(near).tolist():
        best = np.argsort(-alike[place], kind="stable")[: min(int(near[place]), MOST_PARTNERS)]
        found += [Alike(int(ours[place]), int(theirs[o]), kind, float(alike[place, o])) for o in best.tolist()]
    return found
