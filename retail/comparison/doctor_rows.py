"""What the fusion doctor measures and says: its part of a results file, and its own file.

In: measurements, or JSON. Out: frozen models.
"""

from __future__ import annotations

from typing import Literal

from retail.comparison.result_rows import Accuracy, Figure, Row
from retail.schema import Modality

HeadName = Literal["as they are", "standardised"]


class InputNorm(Row):
    """Length of one input's embeddings, spread of their features, and the share of training rows that have it."""

    input: Modality
    features: int
    length: float
    spread: float
    given: float


class _OfInput(Row):
    task: str
    input: Modality
    n: int
    commonest: float  # share of the most common class


class InputReading(Accuracy, _OfInput):
    """One input alone, within the fused model, and by class means; how far the fused answer follows it."""

    within: Figure  # accuracy of the fused model given this input alone
    lag: Figure
    lag_low: Figure
    prototypes: Figure
    unread: Figure
    unread_low: Figure
    only_right: Figure
    followed: Figure  # where inputs disagree, how often the fused answer is this input's
    disputed: int
    overruled: Figure  # where it is wrong and another input right, how often its error wins
    overrulable: int


class Complementarity(Row):
    """How often all, exactly one or none of the single inputs is right; `oracle`: at least one of them."""

    task: str
    n: int
    best: Modality
    best_accuracy: Figure
    fusion: Figure
    model: str
    all_right: Figure
    exactly_one: Figure
    none_right: Figure
    oracle: Figure
    oracle_by_luck: Figure


class Concatenation(Row):
    """A plain linear head on embeddings side by side, against the best input alone; `gain` is over "as they are"."""

    task: str
    head: HeadName
    best: Modality
    best_accuracy: Figure
    n: int
    accuracy: Figure
    difference: Figure
    low: Figure
    high: Figure
    gain: Figure
    gain_low: Figure


class Finding(Row):
    """One sentence and its remedy; the task is "" where it concerns all."""

    task: str
    kind: str
    sentence: str
    remedy: str


class Measurements(Row):
    """Everything that the doctor measured."""

    norms: tuple[InputNorm, ...]
    inputs: tuple[InputReading, ...]
    complementarity: tuple[Complementarity, ...]
    concatenation: tuple[Concatenation, ...]


class Diagnosis(Measurements):
    """The measurements and what follows from them."""

    findings: tuple[Finding, ...]
