"""Groups of rows that are probably one product, within and across splits, with the evidence for it.

In: `Audited`. Out: `DuplicateGroup`s, those whose labels contradict one another first.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from retail.audit.alike import Alike, everywhere, look_alikes, same_photos, same_sounds, same_texts
from retail.audit.finding import Audited
from retail.audit.registration import Picture, picture, registered
from retail.dataset.row_decisions import RowDecision
from retail.media import MediaError, clean_text
from retail.schema import Product

# Cosine of embeddings from which photos are laid over each other, which takes some milliseconds a pair. Where no words
# agree, more is asked: of 120 changed grocery photos none falls below it, and of other pairs two thirds do.
LOOK_ALIKE, LOOK_ALIKE_ALONE = 0.6, 0.7
COMMON_WORDS = 0.5  # without so many in common (Jaccard) the descriptions say that these are two products
# Correlation of the best crop: best mean F1 of 0.97 to 0.995 on fashion, grocery and the demo. The fashion set decides:
# below it list one article in two colours on the same model in the same pose.
SAME_PICTURE = 0.993
LARGEST_GROUP = 20  # more rows than these share a placeholder, not a product
ARTICLE_CODE = re.compile(r"(?<!\d)(?:\d{8}|\d{12,14})(?!\d)")  # EAN-8, UPC, EAN-13, GTIN-14


@dataclass(frozen=True)
class Evidence:
    """Why two rows are probably one product; `similarity` is 1 for the same."""

    row: str
    other: str
    reason: str
    similarity: float


@dataclass(frozen=True)
class DuplicateGroup:
    """Rows that are probably one product; the first has the most inputs and would stay.

    `conflicts` names the tasks of which the rows have different labels.
    """

    rows: tuple[str, ...]
    splits: tuple[str, ...]
    conflicts: tuple[str, ...]
    evidence: tuple[Evidence, ...]


def duplicate_groups(data: Audited, decided: Mapping[str, RowDecision] | None = None) -> list[DuplicateGroup]:
    """Pairs that are `decided` to be different products bind nothing together."""
    apart = {frozenset((name, other)) for name, one in (decided or {}).items() for other in one.apart_from}
    ids = [product.id for product in data.products]
    pairs = {pair: found for pair, found in _pairs(data).items() if frozenset(ids[row] for row in pair) not in apart}
    groups = [rows for rows in _components(pairs) if len(rows) <= LARGEST_GROUP]
    return sorted((_group(data, rows, pairs) for rows in groups), key=lambda group: (not group.conflicts, group.rows))


def _pairs(data: Audited) -> dict[tuple[int, int], list[Alike]]:
    """Pairs of rows for which the evidence is enough."""
    words = [frozenset(clean_text(product.text).casefold().split()) for product in data.products]
    by_pair: dict[tuple[int, int], dict[str, Alike]] = defaultdict(dict)
    searches = (
        same_photos(data, everywhere),
        _same_pictures(data, words),
        same_texts(data, everywhere),
        same_sounds(data, everywhere),
        _same_codes(words),
    )
    for one in (one for search in searches for one in search):
        by_pair[min(one.row, one.other), max(one.row, one.other)][one.kind] = one
    return {
        pair: list(found.values())
        for pair, found in by_pair.items()
        if _is_enough({kind: one.similarity for kind, one in found.items()}, pair, words, data)
    }


def _is_enough(found: Mapping[str, float], pair: tuple[int, int], words: list[frozenset[str]], data: Audited) -> bool:
    """One sure sign; where no photo could tell, the same words or the same recording."""
    if {"same photo", "same picture", "same code"} & set(found):
        return True
    one, other = pair
    both = set(data.products[one].modalities) & set(data.products[other].modalities)
    if any(data.products[row].images for row in pair):  # a sentence may fit many products; the photo would tell
        return False
    return found.get("same text", 0) == 1 if "text" in both else "same sound" in found


def _same_pictures(data: Audited, words: list[frozenset[str]]) -> Iterable[Alike]:
    """Photos that look alike to the encoder and lie on each other, crop on whole."""
    small: dict[int, Picture | None] = {}
    candidates = {
        (min(one.row, one.other), max(one.row, one.other)): one.similarity
        for one in look_alikes(data, everywhere, LOOK_ALIKE)
    }
    for pair, similarity in candidates.items():
        ours, theirs = (words[row] for row in pair)
        worded = bool(ours and theirs)
        if _common(ours, theirs) < COMMON_WORDS if worded else similarity < LOOK_ALIKE_ALONE:
            continue
        for row in pair:
            if row not in small:
                small[row] = _picture(data.products[row])
        one, other = (small[row] for row in pair)
        if one and other and (found := registered(one, other)) >= SAME_PICTURE:
            yield Alike(*pair, "same picture", found)


def _picture(product: Product) -> Picture | None:
    try:
        return picture(product.images[0])
    except (MediaError, IndexError):
        return None


def _common(one: frozenset[str], other: frozenset[str]) -> float:
    return len(one & other) / max(1, len(one | other))


def _same_codes(words: list[frozenset[str]]) -> Iterable[Alike]:
    """Rows whose descriptions bear one article number, with a check digit that fits."""
    having: dict[str, list[int]] = defaultdict(list)
    for row, own in enumerate(words):
        for code in {code for word in own for code in ARTICLE_CODE.findall(word) if _is_article_code(code)}:
            having[code.lstrip("0")].append(row)
    for rows in having.values():
        yield from (Alike(row, rows[0], "same code", 1.0) for row in rows[1:])


def _is_article_code(code: str) -> bool:
    """Whether the last digit is the check digit of the others (GS1)."""
    digits = [int(digit) for digit in reversed(code)]
    return any(digits) and sum(digits[::2] + [3 * digit for digit in digits[1::2]]) % 10 == 0


def _components(pairs: Iterable[tuple[int, int]]) -> list[list[int]]:
    """Rows that hang together, each group in the order of the rows."""
    parent: dict[int, int] = {}

    def root(row: int) -> int:
        parent.setdefault(row, row)
        while parent[row] != row:
            parent[row] = row = parent[parent[row]]
        return row

    for one, other in pairs:
        first, second = sorted((root(one), root(other)))
        parent[second] = first
    groups: dict[int, list[int]] = defaultdict(list)
    for row in sorted(parent):
        groups[root(row)].append(row)
    return list(groups.values())


def _group(data: Audited, rows: list[int], pairs: Mapping[tuple[int, int], list[Alike]]) -> DuplicateGroup:
    products = [data.products[row] for row in rows]
    first = max(products, key=lambda product: len(product.modalities))  # of equals the first in the table
    ids = [first.id, *(product.id for product in products if product is not first)]
    labels = {task: {product.labels.get(task) for product in products} - {"", None} for task in data.tasks}
    inside = set(rows)
    evidence = [
        Evidence(data.products[row].id, data.products[other].id, one.kind, round(min(one.similarity, 1.0), 3))
        for (row, other), found in pairs.items()
        if row in inside and other in inside
        for one in found
    ]
    return DuplicateGroup(
        rows=tuple(ids),
        splits=tuple(np.unique([product.split for product in products]).tolist()),
        conflicts=tuple(task for task, own in labels.items() if len(own) > 1),
        evidence=tuple(evidence),
    )
