"""The files that the cells of a large table name, without a path for each: most lie below one folder, as it is written.

In: names and paths. Out: the same, one after the other.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

HOLD_NAMES = type(Path())  # paths that are nothing but their letters


def is_below(path: object, folder: str, name: str) -> bool:
    """Whether this is the path of `name` below `folder`, letter by letter."""
    return type(path) is HOLD_NAMES and str(path) == f"{folder}{os.sep}{name}"


class NamedFiles(Sequence[tuple[str, Path]]):
    """Pairs of a name and its path; of a path below `folder` only the name is kept."""

    def __init__(self, folder: str) -> None:
        self._front = f"{folder}{os.sep}"
        self._names: list[str] = []
        self._elsewhere: dict[int, Path] = {}

    def add(self, name: str, path: Path) -> None:
        """One more."""
        if str(path) != self._front + name:
            self._elsewhere[len(self._names)] = path
        self._names.append(name)

    def clear(self) -> None:
        """Without any."""
        self._names.clear()
        self._elsewhere.clear()

    @property
    def paths(self) -> Iterator[str]:
        """Every path as it is written."""
        for place, name in enumerate(self._names):
            yield str(self._elsewhere[place]) if place in self._elsewhere else self._front + name

    def __len__(self) -> int:
        return len(self._names)

    def __getitem__(self, place: Any) -> Any:
        if isinstance(place, slice):
            return [self[own] for own in range(*place.indices(len(self)))]
        own = range(len(self))[place]
        return self._names[own], self._elsewhere.get(own) or Path(self._front + self._names[own])
