"""The same photo, sound or description on both sides of a split.

In: `Audited`. Out: findings of the kind "near-duplicates": test and validation rows with their copies in training.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from retail.audit.alike import Alike, across_splits, look_alikes, same_photos, same_sounds, same_texts
from retail.audit.finding import Audited, Finding, Severity
from retail.schema import Modality
from retail.wording import INPUT_WORDS, percent


def near_duplicates(data: Audited) -> list[Finding]:
    """One finding for each input of which copies cross a split."""
    sides = across_splits(data)

    def equally_labelled(row: int, other: int) -> bool:
        """Products may share a sentence; it gives an answer away only where they are of the same classes."""
        ours, theirs = data.products[row].labels, data.products[other].labels
        return all(ours.get(task, "") == theirs.get(task, "") for task in data.tasks)

    searches: tuple[tuple[Modality, str, Sequence[Alike]], ...] = (
        ("image", "the same picture as", same_photos(data, sides)),
        ("image", "almost the same picture as", look_alikes(data, sides)),
        ("audio", "the same recording as", same_sounds(data, sides)),
        ("text", "the same sentence as", same_texts(data, sides, equally_labelled)),
    )
    found = [_finding(data, modality, word, nearest(pairs)) for modality, word, pairs in searches if pairs]
    photos = [finding for finding in found if "picture" in finding.sentence]
    if len(photos) == 2 and set(photos[1].rows) <= set(photos[0].rows):
        found.remove(photos[1])
    return found


def nearest(pairs: Sequence[Alike]) -> dict[int, int]:
    """Each row's most similar partner; of equals the first one that was found."""
    best: dict[int, Alike] = {}
    for pair in pairs:
        if pair.row not in best or pair.similarity > best[pair.row].similarity:
            best[pair.row] = pair
    return {row: pair.other for row, pair in best.items()}


def _finding(data: Audited, modality: Modality, word: str, partner: dict[int, int]) -> Finding:
    splits = np.array([product.split for product in data.products], dtype=object)
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
