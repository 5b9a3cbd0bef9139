"""What was in the data and was not used, or was read otherwise than it is written: how much, and what to do.

In: counts and names. Out: a `Remark`, the same for the command line and the Data page.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

Kind = Literal[
    "columns", "tables", "files", "rows", "photos", "labels", "characters", "seconds", "language", "cells", "addresses"
]
Item = TypeVar("Item")
Key = TypeVar("Key", bound=Hashable)
SHOWN = 5  # names that a sentence gives
LONGEST_NAME = 120  # letters of one of them
MOST_COLUMNS = 20  # of a table that are named where one is missing
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


def as_said(name: str) -> str:
    """A name as a sentence shows it: the start of a very long one."""
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"


def columns_said(header: Sequence[str]) -> str:
    """The columns that there are, for a sentence about one that there is not."""
    more = len(header) - MOST_COLUMNS
    return ", ".join(map(as_said, header[:MOST_COLUMNS])) + (f" and {more:,} more" if more > 0 else "")


def few(names: Collection[str]) -> str:
    """The first names, and how many more there are."""
    shown = ", ".join(f"'{as_said(name)}'" for name in list(names)[:SHOWN])
    more = len(names) - SHOWN
    return f"{shown} and {more:,} more" if more > 0 else shown
