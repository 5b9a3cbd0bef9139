"""The rows of a results file that are read off the chosen models: calibration, sets, attribution, cascade, hierarchy.

In: what `chosen` worked out, or JSON. Out: frozen models.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from pydantic import Field

from retail.comparison.result_rows import Figure, Inputs, OfModel, Row, if_known
from retail.metrics.calibration import kept_promise
from retail.schema import Modality

STORED_DIGITS = 6  # of a confidence: enough to tell apart what a head tells apart


def _key(name: str) -> Any:
    """A field whose key in the file is a word of Python."""
    return Field(validation_alias=name, serialization_alias=name)


class ReliabilityBin(Row):
    """The answers whose confidence lies between `low` and `high`; an empty bin has neither mean."""

    low: float = _key("from")
    high: float = _key("to")
    n: int
    confidence: float | None
    accuracy: float | None


class CoveragePoint(Row):
    """Accuracy when only the most confident share of the rows is answered, which takes at least `threshold`."""

    coverage: float
    threshold: float
    accuracy: float


class Threshold(Row):
    """The confidence from which on validation reaches a target accuracy, and the result on the test rows."""

    wished: float
    threshold: float | None  # None: nothing reaches it
    coverage: float
    accuracy: float | None  # None: no test row is that sure


class Judged(Row):
    """Confidence and correctness of each labelled row of one split, so that any wish can be asked of it later."""

    confidence: tuple[float, ...]
    correct: tuple[int, ...]

    @classmethod
    def of(cls, confidence: np.ndarray, correct: np.ndarray) -> Judged:
        """(N,) arrays, confidences rounded."""
        rounded = np.round(confidence, STORED_DIGITS)
        return cls(confidence=tuple(rounded.tolist()), correct=tuple(correct.astype(int).tolist()))

    @property
    def arrays(self) -> tuple[np.ndarray, np.ndarray]:
        """(N,) float and (N,) bool."""
        return np.array(self.confidence, dtype=float), np.array(self.correct, dtype=bool)


class JudgedSplits(Row):
    """Both splits of a `Calibration`."""

    val: Judged
    test: Judged


class Calibration(OfModel):
    """Does 80 % sure mean right 8 times in 10? Before and after the temperature, first seed."""

    temperature: float
    n: int
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
        """What validation gives for any target accuracy."""
        found = kept_promise(self.judged.val.arrays, self.judged.test.arrays, wished)
        return Threshold(**vars(found))


class Conformal(OfModel):
    """Sets of answers that promise to hold the right one; `lowest_by_chance` is the least coverage chance explains."""

    promised: float
    least_probability: float
    n: int
    coverage: Figure
    size: Figure
    single: Figure
    lowest_by_chance: Figure


class Attribution(OfModel):
    """What each input adds to the probability of one class, mean over its test rows (exact Shapley values)."""

    label: str = _key("class")
    n: int
    decides: Modality | None
    audio: float | None = if_known()
    image: float | None = if_known()
    text: float | None = if_known()

    @property
    def parts(self) -> dict[Modality, float]:
        """{input: what it adds}, for the inputs that the model takes."""
        found: dict[Modality, float | None] = {"audio": self.audio, "image": self.image, "text": self.text}
        return {modality: part for modality, part in found.items() if part is not None}


class Cascade(OfModel):
    """One input first, `then` all of these for the share that is unsure; `val_accuracy` is what rows are chosen by."""

    then: Inputs
    share: float
    threshold: float
    asked: float
    accuracy: float
    kept: float
    n: int
    val_accuracy: float


class HierarchyParent(Row):
    """The coarser task of a `Hierarchy`."""

    task: str
    separate_accuracy: Figure
    consistent_accuracy: Figure
    accuracy_when_open: float | None


class Hierarchy(Row):
    """A task within others: answered one by one, answered together, and left open where it is unsure."""

    child: str
    n: int
    contradictions: float
    separate_accuracy: Figure
    consistent_accuracy: Figure
    risk: float
    threshold: float
    answered: float
    error: float | None
    parents: tuple[HierarchyParent, ...]

    @property
    def tasks(self) -> tuple[str, ...]:
        """The child, then its parents."""
        return self.child, *(parent.task for parent in self.parents)
