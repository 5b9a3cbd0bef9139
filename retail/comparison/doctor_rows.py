"""What the fusion doctor measures and says: its part of a results file, and its own file.

In: measurements, or JSON. Out: records.
"""

from __future__ import annotations

from typing import Literal

from retail.comparison.result_rows import Accuracy
from retail.files.record import Count, Figure, Number, Record
from retail.schema import Modality

HeadName = Literal["as they are", "standardised"]


class InputNorm(Record):
    """Length of one input's embeddings, spread of their features, and the share of training rows that have it."""

    input: Modality
    features: Count
    length: Number
    spread: Number
    given: Number


class _OfInput(Record):
    task: str
    input: Modality
    n: Count
    commonest: Number  # share of the most common class


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
    disputed: Count
    overruled: Figure  # where it is wrong and another input right, how often its error wins
    overrulable: Count


class Complementarity(Record):
    """How often all, exactly one or none of the single inputs is right; `oracle`: at least one of them."""

    task: str
    n: Count
    best: Modality
    best_accuracy: Figure
    fusion: Figure
    model: str
    all_right: Figure
    exactly_one: Figure
    none_right: Figure
    oracle: Figure
    oracle_by_luck: Figure


class Concatenation(Record):
    """A plain linear head on embeddings side by side, against the best input alone; `gain` is over "as they are"."""

    task: str
    head: HeadName
    best: Modality
    best_accuracy: Figure
    n: Count
    accuracy: Figure
    difference: Figure
    low: Figure
    high: Figure
    gain: Figure
    gain_low: Figure


class Finding(Record):
    """One sentence and its remedy; the task is "" where it concerns all."""

    task: str
    kind: str
    sentence: str
    remedy: str


class Measurements(Record):
    """Everything that the doctor measured."""

    norms: tuple[InputNorm, ...]
    inputs: tuple[InputReading, ...]
    complementarity: tuple[Complementarity, ...]
    concatenation: tuple[Concatenation, ...]


class Diagnosis(Measurements):
    """The measurements and what follows from them."""

    findings: tuple[Finding, ...]
