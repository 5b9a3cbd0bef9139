"""What was in the data and was not used, or was read otherwise than it is written: how much, and what to do.

In: counts and names. Out: a `Remark`, the same for the command line and the Data page.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Hashable, Iterable
from dataclasses import dataclass
from typing import Literal, TypeVar

Kind = Literal[
    "columns", "tables", "files", "rows", "photos", "labels", "characters", "seconds", "language", "cells", "addresses"
]
Item = TypeVar("Item")
Key = TypeVar("Key", bound=Hashable)
SHOWN = 5  # names that a sentence gives
MOST_OF_A_KIND = 20  # sentences listed, of those that say the same of other rows
VARYING = re.compile(r"(?<!\w)'[^']*'|\"[^\"]*\"|^product .*?: |\d[\d.,:e+-]*")  # what differs from row to row


@dataclass(frozen=True)
class Remark:
    """How many of a kind, and one sentence with the remedy."""

    kind: Kind
    count: int
    sentence: str

    def __str__(self) -> str:
        return self.sentence


def by_key(items: Iterable[Item], key: Callable[[Item], Key]) -> dict[Key, list[Item]]:
    """The items of each key, keys in the order in which they come."""
    found: dict[Key, list[Item]] = {}
    for item in items:
        found.setdefault(key(item), []).append(item)
    return found


def kind_of(sentence: str) -> str:
    """What a sentence has in common with those that say the same of other rows."""
    return VARYING.sub("", sentence)


def few_of_each(sentences: Iterable[str]) -> list[str]:
    """Of sentences that differ only in numbers and in what they quote the first twenty, and how many more there are."""
    found = []
    for alike in by_key(sentences, kind_of).values():
        found += alike[:MOST_OF_A_KIND]
        if (more := len(alike) - MOST_OF_A_KIND) > 0:
            found.append(f"… and {more:,} more of this kind.")
    return found


def few(names: Collection[str]) -> str:
    """The first names, and how many more there are."""
    shown = ", ".join(f"'{name}'" for name in list(names)[:SHOWN])
    more = len(names) - SHOWN
    return f"{shown} and {more:,} more" if more > 0 else shown
