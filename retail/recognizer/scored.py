"""What a model card reads of the scores that `retail.evaluation`, a later room, finds of a recogniser.

In: nothing. Out: protocols that its records keep.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from retail.schema import Subset


class Wish(Protocol):
    """What came of a wished accuracy."""

    @property
    def coverage(self) -> float: ...
    @property
    def accuracy(self) -> float | None: ...


class Figure(Protocol):
    """How right the answers to one question are with these inputs."""

    @property
    def task(self) -> str: ...
    @property
    def modalities(self) -> Subset: ...
    @property
    def n(self) -> int: ...
    @property
    def accuracy(self) -> float: ...
    @property
    def accuracy_low(self) -> float: ...
    @property
    def accuracy_high(self) -> float: ...
    @property
    def ece(self) -> float: ...


class SubsetFigure(Figure, Protocol):
    """The same of the rows that have all of these inputs, and what became of promises."""

    @property
    def unknown(self) -> float | None: ...
    def promise(self, wished: float) -> Wish | None: ...


class Rows(Protocol):
    """Which rows were scored."""

    @property
    def name(self) -> str: ...
    @property
    def split(self) -> str: ...
    @property
    def sentence(self) -> str: ...


class Judged(Protocol):
    """A recogniser's `Scores`; `bundle` is its description of itself."""

    @property
    def bundle(self) -> Mapping[str, Any]: ...
    @property
    def data(self) -> Rows: ...
    @property
    def scores(self) -> Sequence[Figure]: ...
    @property
    def subset_certainty(self) -> Sequence[SubsetFigure]: ...
