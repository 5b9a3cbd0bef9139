"""Cells that hold several labels, such as "organic|vegan", told from names that hold such a sign themselves.

In: the cells of a column with how often each occurs. Out: which of them are lists, and of what.

A sign in a cell proves nothing: "Tops, Tees & Blouses" and "Rock/Pop" are classes. Cells are lists where their parts
recur, alone or in other company, and stand now here, now there: in "Milk, large" and "Tea, small", or in a path of
categories, every part keeps its place.
"""

from __future__ import annotations

import ast
import json
import re
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from retail.dataset.labels.spelling import cleaned, label_key

Parts = dict[str, tuple[str, ...]]  # cell -> its labels
LIST = "[ ]"  # as JSON or Python write one
MOST_EXAMPLES = 3
MOST_LIST_CHARACTERS = 2_000


class Proof(NamedTuple):
    """What it takes to believe that a sign separates labels; the commoner it is within names, the more."""

    combinations: int  # so many different ones at least
    recurring: float  # share of the rows with the sign whose parts all occur elsewhere too
    moving: float  # share of the parts, the first of each cell aside, that stand in other places too
    label: re.Pattern[str]  # what a label looks like, where names have the sign too


ANY = re.compile(r".+")
WORDS = re.compile(r"[^\W\d_]\S*(?: \S+){0,4}")  # not the "1 l" of "Milk, 1 l", nor the 5 of "1,5"
LONG_WORDS = re.compile(r"[^\W\d_]{2,}\S*(?: \S+){0,4}")  # nor "w/o" and "S/M"
PROOFS = {
    "|": Proof(1, 0.5, 0.25, ANY),
    ";": Proof(1, 0.5, 0.25, ANY),
    ",": Proof(1, 0.7, 0.25, WORDS),
    "/": Proof(3, 0.9, 0.5, LONG_WORDS),
    "+": Proof(3, 0.9, 0.5, LONG_WORDS),
}


@dataclass(frozen=True)
class Several:
    """The cells of a column that hold lists of labels."""

    separators: Mapping[str, int]  # sign, or `LIST`, -> how many cells
    cells: int  # with two labels or more
    labels: tuple[str, ...]
    examples: tuple[str, ...]
    parts: Mapping[str, tuple[str, ...]] = field(repr=False)  # cell -> its labels, as written but cleaned

    @property
    def joined_by(self) -> str:
        """How the labels are joined, as a sentence says it."""
        words = [
            (count, "as a list [ ]" if sign == LIST else f"by {sign!r}") for sign, count in self.separators.items()
        ]
        words.sort(reverse=True)
        if len(words) == 1:
            return words[0][1]
        *most, last = [f"{word} ({count:,})" for count, word in words]
        return f"{', '.join(most)} and {last}"


def find_several(counts: Mapping[str, int], decided: bool = False) -> Several | None:
    """The lists among the cells, None without any.

    Where somebody `decided` that there are lists and nothing proves it, the first sign that occurs separates them.
    """
    lists = {cell: parts for cell in counts if (parts := _listed(cell))}
    splits: dict[str, Parts] = {LIST: lists} if any(len(parts) > 1 for parts in lists.values()) else {}
    known: Parts = dict(lists) if splits else {}
    alone = {label_key(cell) for cell in counts} if any(map(_has_sign, counts)) else set()
    for sign, proof in PROOFS.items():
        found = {c: parts for c in counts if sign in c and c not in known and (parts := _split(c, sign, proof))}
        if found and _proved(found, known, counts, alone, proof):
            splits[sign] = found
            known |= found
    if decided and not splits:
        splits, known = _first_sign(counts)
    return _several(splits, known, counts) if splits else None


def _several(
    splits: Mapping[str, Mapping[str, tuple[str, ...]]], parts: Mapping[str, tuple[str, ...]], counts: Mapping[str, int]
) -> Several:
    held = {sign: sum(counts[c] for c, found in cells.items() if len(found) > 1) for sign, cells in splits.items()}
    combined = sorted((cell for cell in parts if len(parts[cell]) > 1), key=lambda cell: (-counts[cell], cell))
    labels = {label_key(label): label for cell in sorted(parts, reverse=True) for label in parts[cell]}
    return Several(held, sum(held.values()), tuple(sorted(labels.values())), tuple(combined[:MOST_EXAMPLES]), parts)


def _proved(
    found: Mapping[str, tuple[str, ...]],
    known: Mapping[str, tuple[str, ...]],
    counts: Mapping[str, int],
    alone: set[str],
    proof: Proof,
) -> bool:
    keys = {cell: [label_key(part) for part in parts] for cell, parts in {**known, **found}.items()}
    cells: Counter[str] = Counter(alone)
    places: defaultdict[str, set[int]] = defaultdict(set, {key: {0} for key in alone})
    for held in keys.values():
        cells.update(set(held))
        for place, key in enumerate(held):
            places[key].add(place)
    rows = sum(counts[cell] for cell in found)
    recurring = sum(counts[cell] for cell in found if all(cells[key] > 1 for key in keys[cell]))
    later = [key for cell in found for key in keys[cell][1:]]
    moving = sum(len(places[key]) > 1 for key in later)
    return (
        len({frozenset(held) for held in keys.values() if len(held) > 1}) >= proof.combinations
        and recurring >= proof.recurring * rows
        and moving >= proof.moving * len(later)
    )


def _first_sign(
    counts: Mapping[str, int],
) -> tuple[dict[str, Parts], Parts]:
    for sign, proof in PROOFS.items():
        if found := {cell: parts for cell in counts if (parts := _split(cell, sign, proof._replace(label=ANY)))}:
            return {sign: found}, found
    return {}, {}


def _has_sign(cell: str) -> bool:
    return any(sign in cell for sign in PROOFS)


def _split(cell: str, sign: str, proof: Proof) -> tuple[str, ...]:
    """The labels of a cell, () where the sign does not separate any."""
    text = cleaned(cell)  # "&amp;" holds no semicolon that separates
    parts = tuple(part for piece in text.split(sign) if (part := piece.strip()))
    if len(parts) < 2:
        return ()
    is_path = proof.label is LONG_WORDS and len(parts) <= text.count(sign)
    return parts if not is_path and all(map(proof.label.fullmatch, parts)) else ()


def _listed(cell: str) -> tuple[str, ...]:
    """The labels of a cell that is a list as JSON or Python write it, () for any other."""
    text = cell.strip()
    if not (text.startswith("[") and text.endswith("]")) or len(text) > MOST_LIST_CHARACTERS:
        return ()
    for read in (json.loads, ast.literal_eval):
        try:
            values = read(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
        if isinstance(values, list) and all(isinstance(value, str | int | float) for value in values):
            return tuple(label for value in values if (label := cleaned(str(value))))
    return ()
