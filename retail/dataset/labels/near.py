"""Labels that may be one: a typing error, a plural, other accents, spaces or word order. Offered, never joined.

In: labels with their counts. Out: pairs, each with the reason. Every reason is a sketch that both labels share, so that
20,000 labels take a pass each and not 200 million comparisons.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from retail.dataset.labels.spelling import is_number, label_key

MOST_PAIRS = 50
LEAST_LETTERS, LEAST_WORD = 5, 4  # a letter more or less says nothing in "S" and "XS", "tin" and "tea"
MOST_CHARACTERS = 60  # longer ones are sentences, and each would make as many variants
LEAST_SOLID = 3  # "A-" is not "A"
WORD = re.compile(r"(?:[^\W_]|[+#])+")
GAP = re.compile(r"(?<!\d)[^\w+#]+|[^\w+#]+(?!\d)|_+")
BETWEEN_NUMBERS = re.compile(r"(?<=\d)[^\w+#]+(?=\d)")
LONG_WORD = re.compile(rf"[^\W\d_]{{{LEAST_WORD},}}")
MARKS = re.compile("[\u0300-\u036f]+")  # of Latin, Greek and Cyrillic; others make another letter of one
LETTERS = str.maketrans("ıøłđ", "iold")
ORDER = "the same labels in another order"


@dataclass(frozen=True)
class Near:
    """Two labels that may be one; `kept` is the more common one."""

    written: str
    kept: str
    written_cells: int
    kept_cells: int
    reason: str


def near_pairs(counts: Mapping[str, int], lists: Mapping[str, Sequence[str]]) -> tuple[Near, ...]:
    """At most 50 pairs, those with the most cells first; `lists` are labels that combine others, with their parts."""
    names = sorted(counts, key=lambda name: (-counts[name], len(name), name))
    keys = {name: label_key(name) for name in names if name not in lists}
    words = {name: key for name, key in keys.items() if not is_number(key)}
    pairs: dict[tuple[str, str], str] = {}  # (written, kept) -> the first reason that was found
    for reason, sketch in SKETCHES.items():
        for pair in _alike({name: sketch(key) for name, key in words.items()}):
            pairs.setdefault(pair, reason)
    for pair in _one_letter(words):
        pairs.setdefault(pair, "one letter")
    combined = {name: "|".join(sorted(map(label_key, lists[name]))) for name in names if name in lists}
    pairs |= dict.fromkeys(_alike(combined), ORDER)
    found = [Near(a, b, counts[a], counts[b], reason) for (a, b), reason in pairs.items()]
    found.sort(key=lambda near: (-near.kept_cells - near.written_cells, near.kept, near.written))
    return tuple(found[:MOST_PAIRS])


def _alike(sketches: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Each label with the most common one of the same sketch."""
    first: dict[str, str] = {}
    for name, sketch in sketches.items():
        if sketch:
            kept = first.setdefault(sketch, name)
            if kept != name:
                yield name, kept


def _one_letter(keys: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Labels that differ in one letter, or in two that changed places: both leave the same when one is taken out."""
    met: dict[int, str] = {}
    for name, key in keys.items():
        first = {met.setdefault(variant, name) for variant in (hash(key), *_variants(key))}
        yield from ((name, other) for other in sorted(first) if _differ_little(key, keys[other]))


def _variants(key: str) -> Iterator[int]:
    """Hashes of the label with one letter of a long word taken out; digits stay."""
    if len(key) <= MOST_CHARACTERS and sum(map(str.isalpha, key)) >= LEAST_LETTERS:
        for word in LONG_WORD.finditer(key):
            for place in range(*word.span()):
                yield hash(key[:place] + key[place + 1 :])


def _differ_little(one: str, other: str) -> bool:
    places = [place for place, (a, b) in enumerate(zip(one, other, strict=False)) if a != b]
    if len(one) != len(other):
        short, long = sorted((one, other), key=len)
        place = places[0] if places else len(short)
        return long[:place] + long[place + 1 :] == short
    swapped = len(places) == 2 and places[1] == places[0] + 1
    return len(places) == 1 or (swapped and one[places[0]] == other[places[1]] and one[places[1]] == other[places[0]])


def _plain(key: str) -> str:
    """Without accents, the dotless i as i."""
    marked = unicodedata.normalize("NFD", key.translate(LETTERS))
    return MARKS.sub("", marked)


def _solid(key: str) -> str:
    """Without spaces and punctuation, but for a gap between two numbers and for + and #, which tell classes apart."""
    solid = GAP.sub("", BETWEEN_NUMBERS.sub(" ", _plain(key)))
    return solid if len(solid) >= LEAST_SOLID else ""


def _ordered(key: str) -> str:
    """Its words in the order of the alphabet; numbers stay in theirs."""
    words = WORD.findall(_plain(key))
    return " ".join([*sorted(word for word in words if word.isalpha()), *(w for w in words if not w.isalpha())])


def _singular(key: str) -> str:
    return " ".join(map(_one_of, WORD.findall(_plain(key))))


def _one_of(word: str) -> str:
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 4 and word.endswith(("ches", "shes", "sses", "xes", "zes", "oes")):
        return word[:-2]
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")) else word


SKETCHES: dict[str, Callable[[str], str]] = {
    "accents": _plain,
    "spaces or punctuation": _solid,
    "word order": _ordered,
    "singular and plural": _singular,
}
