"""The rows of a results file that are read off the chosen models: calibration, sets, attribution, cascade, hierarchy.

In: what `chosen` worked out, or JSON. Out: records.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from pydantic import Field

from retail.comparison.result_rows import Inputs, OfModel, if_known
from retail.files.record import Count, Figure, Number, Record, Share
from retail.metrics.promises import Likeness, kept, rows_needed, thresholds
from retail.schema import Modality

STORED_DIGITS = 6  # of a confidence: enough to tell apart what a head tells apart


def _key(name: str) -> Any:
    """A field whose key in the file is a word of Python."""
    return Field(validation_alias=name, serialization_alias=name)


class ReliabilityBin(Record):
    """The answers whose confidence lies between `low` and `high`; an empty bin has neither mean."""

    low: Share = _key("from")
    high: Share = _key("to")
    n: Count
    confidence: Number | None
    accuracy: Number | None


class CoveragePoint(Record):
    """Accuracy when only the most confident share of the rows is answered, which takes at least `threshold`."""

    coverage: Number
    threshold: Number
    accuracy: Number


class Threshold(Record):
    """The confidence from which on a target accuracy is promised by validation, and the result on the test rows."""

    wished: Number
    threshold: Number | None  # None: nothing can be promised
    coverage: Number
    accuracy: Number | None  # None: no test row is that sure
    needed: Count | None = None  # so many validation rows would do where there is no threshold; None: no number would


class Judged(Record):
    """Confidence, correctness and group of each labelled row of a split, so that any wish can be asked of it later."""

    confidence: tuple[Share, ...]
    correct: tuple[Count, ...]
    groups: tuple[Count, ...] | None = None  # rows of one number are alike; None where each row is its own

    @classmethod
    def of(cls, confidence: np.ndarray, correct: np.ndarray, groups: np.ndarray | None = None) -> Judged:
        """(N,) arrays, confidences rounded; the groups' names become numbers."""
        rounded = np.round(confidence, STORED_DIGITS)
        numbers = None if groups is None else np.unique(groups.astype(str), return_inverse=True)[1].tolist()
        return cls(confidence=tuple(rounded.tolist()), correct=tuple(correct.astype(int).tolist()), groups=numbers)

    @property
    def arrays(self) -> tuple[np.ndarray, np.ndarray]:
        """(N,) float and (N,) bool."""
        return np.array(self.confidence, dtype=float), np.array(self.correct, dtype=bool)


class JudgedSplits(Record):
    """Both splits of a `Calibration`."""

    val: Judged
    test: Judged

    def threshold_for(self, wished: float) -> Threshold:
        """What validation promises for any target accuracy, and the result on the test rows."""
        answers = self.val.arrays
        groups = None if self.val.groups is None else np.array(self.val.groups)
        alike = 1.0 if groups is None else Likeness.of(answers[1], groups).after()
        (threshold,) = thresholds(*answers, (wished,), groups, alike)
        found = kept(float(threshold), *self.test.arrays, wished)
        (needed,) = rows_needed(*answers, (wished,), groups, alike) if found.threshold is None else (math.nan,)
        return Threshold(
            wished=wished,
            threshold=found.threshold,
            coverage=found.coverage,
            accuracy=found.accuracy,
            needed=None if math.isnan(needed) else int(needed),
        )


class Calibration(OfModel):
    """Does 80 % sure mean right 8 times in 10? Before and after the temperature, first seed."""

    temperature: Number
    n: Count
    ece_before: Figure
    brier_before: Figure
    reliability_before: tuple[ReliabilityBin, ...]
    ece_after: Figure
    brier_after: Figure
    reliability_after: tuple[ReliabilityBin, ...]
    coverage: tuple[CoveragePoint, ...]
    thresholds: tuple[Threshold, ...]
    judged: JudgedSplits

    def threshold_for(self, wished: float) -> Threshold:
        """What validation promises for any target accuracy."""
        return self.judged.threshold_for(wished)


class Conformal(OfModel):
    """Sets of answers that promise to hold the right one; `lowest_by_chance` is the least coverage chance explains."""

    promised: Number
    least_probability: Number
    n: Count
    coverage: Figure
    size: Figure
    single: Figure
    lowest_by_chance: Figure


class Attribution(OfModel):
    """What each input adds to the probability of one class, mean over its test rows (exact Shapley values)."""

    label: str = _key("class")
    n: Count
    decides: Modality | None
    audio: Number | None = if_known()
    image: Number | None = if_known()
    text: Number | None = if_known()

    @property
    def parts(self) -> dict[Modality, float]:
        """{input: what it adds}, for the inputs that the model takes."""
        found: dict[Modality, Number | None] = {"audio": self.audio, "image": self.image, "text": self.text}
        return {modality: part for modality, part in found.items() if part is not None}


class Cascade(OfModel):
    """One input first, `then` all of these for the share that is unsure; `val_accuracy` is what rows are chosen by."""

    then: Inputs
    share: Number
    threshold: Number
    asked: Number
    accuracy: Number
    kept: Number
    n: Count
    val_accuracy: Number


class HierarchyParent(Record):
    """The coarser task of a `Hierarchy`."""

    task: str
    separate_accuracy: Figure
    consistent_accuracy: Figure
    accuracy_when_open: Number | None


class Hierarchy(Record):
    """A task within others: answered one by one, answered together, and left open where it is unsure."""

    child: str
    n: Count
    contradictions: Number
    separate_accuracy: Figure
    consistent_accuracy: Figure
    risk: Number
    threshold: Number
    answered: Number
    error: Number | None
    parents: tuple[HierarchyParent, ...]

    @property
    def tasks(self) -> tuple[str, ...]:
        """The child, then its parents."""
        return self.child, *(parent.task for parent in self.parents)
