"""The same photo, sound or description on both sides of a split.

In: `Audited`. Out: findings of the kind "near-duplicates": test and validation rows with their copies in training.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from retail.audit.finding import Audited, Finding, Severity
from retail.audit.media_facts import mirrored
from retail.media import clean_text
from retail.schema import Modality
from retail.wording import INPUT_WORDS, percent

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

Pair = tuple[int, int]


def near_duplicates(data: Audited) -> list[Finding]:
    """One finding for each input of which copies cross a split."""
    splits = np.array([product.split for product in data.products], dtype=object)
    found = []
    for modality, word, pairs in (
        ("image", "the same picture as", _same_photos(data, splits)),
        ("image", "almost the same picture as", _look_alikes(data, splits)),
        ("audio", "the same recording as", _same_sounds(data, splits)),
        ("text", "the same sentence as", _same_texts(data, splits)),
    ):
        if pairs:
            found.append(_finding(data, splits, modality, word, dict(pairs)))  # type: ignore[arg-type]
    photos = [finding for finding in found if "picture" in finding.sentence]
    if len(photos) == 2 and set(photos[1].rows) <= set(photos[0].rows):
        found.remove(photos[1])
    return found


def _finding(data: Audited, splits: np.ndarray, modality: Modality, word: str, partner: dict[int, int]) -> Finding:
    held = sorted(partner)
    n_test, n_val = (int((splits == name).sum()) for name in ("test", "val"))
    test = [row for row in held if splits[row] == "test"]
    share = len(test) / max(1, n_test)
    row = test[0] if test else held[0]
    sentence = (
        f"{len(test)} of {n_test} test products ({percent(share)}) and {len(held) - len(test)} of {n_val} validation "
        f"products have {word} a product of another split ({INPUT_WORDS[modality]} of {data.products[row].id} and "
        f"{data.products[partner[row]].id}). Put such products into one split: give them one "
        "name in a group column."
    )
    sure: Severity = "warning" if modality == "text" or "almost" in word else "leak"
    weaker: Severity = "note" if sure == "warning" else "warning"
    severity = sure if share >= 0.01 else weaker
    twins = data.ids(np.array([partner[row] for row in held]))
    return Finding("near-duplicates", severity, sentence, data.ids(np.array(held)), twins=twins)


def _across(splits: np.ndarray, usable: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """(held-out rows, rows that training or choosing has seen), blocks of them; places among N."""
    for held, seen in (("val", ("train",)), ("test", ("train", "val"))):
        theirs = np.flatnonzero(usable & np.isin(splits.astype(str), seen))
        ours = np.flatnonzero(usable & (splits == held))
        if len(theirs):
            yield from ((ours[start : start + BLOCK], theirs) for start in range(0, len(ours), BLOCK))


def _same_photos(data: Audited, splits: np.ndarray) -> list[Pair]:
    owners = np.array([row for row, facts in enumerate(data.facts) for _ in facts.thumbnails], dtype=int)
    if not len(owners):
        return []
    photos = np.stack([thumbnail for facts in data.facts for thumbnail in facts.thumbnails])
    pairs: list[Pair] = []
    for ours, theirs in _across(splits[owners], np.ones(len(owners), dtype=bool)):
        for turned in (photos[ours], mirrored(photos[ours])):
            # |a - b|² by its binomial formula: no (N, M, 768) array.
            squared = (turned**2).sum(1)[:, None] + (photos[theirs] ** 2).sum(1) - 2 * turned @ photos[theirs].T
            distance = np.sqrt(np.clip(squared, 0, None) / photos.shape[1])
            pairs += _nearest(-distance, -SAME_THUMBNAIL, owners[ours], owners[theirs])
    return pairs


def _look_alikes(data: Audited, splits: np.ndarray) -> list[Pair]:
    if "image" not in data.embeddings or not data.present["image"].any():
        return []
    rows, present = data.embeddings["image"], data.present["image"]
    # Standardised as in `evaluation.folds.look_alikes`, which groups rows within training.
    standard = (rows - rows[present].mean(0)) / rows[present].std(0).clip(1e-4)
    standard = standard / np.linalg.norm(standard, axis=1, keepdims=True).clip(1e-12)
    pairs: list[Pair] = []
    for ours, theirs in _across(splits, present):
        pairs += _nearest(standard[ours] @ standard[theirs].T, LOOK_ALIKE, ours, theirs)
    return pairs


def _same_sounds(data: Audited, splits: np.ndarray) -> list[Pair]:
    usable = np.array([facts.fingerprint is not None for facts in data.facts])
    if not usable.any():
        return []
    size = next(facts.fingerprint.shape[0] for facts in data.facts if facts.fingerprint is not None)
    prints = np.stack([np.zeros(size) if f.fingerprint is None else f.fingerprint for f in data.facts])
    seconds = np.array([facts.seconds for facts in data.facts])
    hashes = np.array([facts.sound_hash for facts in data.facts])
    pairs: list[Pair] = []
    for ours, theirs in _across(splits, usable):
        alike = prints[ours] @ prints[theirs].T
        longer = np.abs(np.log(np.maximum(seconds[ours], 1e-3)[:, None] / np.maximum(seconds[theirs], 1e-3)))
        alike = np.where(longer <= SAME_SECONDS, alike, 0.0)
        alike[hashes[ours][:, None] == hashes[theirs]] = 1.0
        pairs += _nearest(alike, SAME_SOUND, ours, theirs)
    return pairs


def _same_texts(data: Audited, splits: np.ndarray) -> list[Pair]:
    texts = [clean_text(product.text).casefold() for product in data.products]
    words = [frozenset(text.split()) for text in texts]
    usable = np.array([len(text.split()) >= LEAST_WORDS for text in texts])
    pairs: list[Pair] = []
    for ours, theirs in _across(splits, usable):
        having: dict[str, set[int]] = {}
        for row in theirs.tolist():
            for word in words[row]:
                having.setdefault(word, set()).add(row)
        for row in ours.tolist():
            # Two sets that share nine tenths share at least one of the row's two rarest words.
            rare = sorted(words[row], key=lambda word: len(having.get(word, ())))[: len(words[row]) // 10 + 1]
            near = {o for word in rare for o in having.get(word, ()) if _equally_labelled(data, row, o)}
            scored = {other: len(words[row] & words[other]) / len(words[row] | words[other]) for other in near}
            if scored and max(scored.values()) >= NEAR_TEXT:
                pairs.append((row, max(scored, key=scored.__getitem__)))
    return pairs


def _equally_labelled(data: Audited, row: int, other: int) -> bool:
    """Two products may share one sentence; it gives an answer away only where they are of the same classes."""
    ours, theirs = data.products[row].labels, data.products[other].labels
    return all(ours.get(task, "") == theirs.get(task, "") for task in data.tasks)


def _nearest(alike: np.ndarray, least: float, ours: np.ndarray, theirs: np.ndarray) -> list[Pair]:
    """Each row's nearest partner, where it is near enough."""
    best = alike.argmax(1)
    return [
        (int(ours[place]), int(theirs[best[place]])) for place in range(len(ours)) if alike[place, best[place]] >= least
    ]
