"""What was in the data and was not used, or was read otherwise than it is written: how much, and what to do.

In: counts and names. Out: a `Remark`, the same for the command line and the Data page.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "columns", "tables", "files", "rows", "photos", "labels", "characters", "seconds", "language", "cells", "addresses"
]
SHOWN = 5  # names that a sentence gives


@dataclass(frozen=True)
class Remark:
    """How many of a kind, and one sentence with the remedy."""

    kind: Kind
    count: int
    sentence: str

    def __str__(self) -> str:
        return self.sentence


def few(names: Collection[str]) -> str:
    """The first names, and how many more there are."""
    shown = ", ".join(f"'{name}'" for name in list(names)[:SHOWN])
    more = len(names) - SHOWN
    return f"{shown} and {more:,} more" if more > 0 else shown
