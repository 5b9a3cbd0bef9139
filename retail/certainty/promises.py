"""Sure enough: for each task and subset of the inputs the confidence from which on answers are as right as wished.

In: calibrated validation rows. Out: `Promises`: thresholds for every wish, how many rows would do where none can be
promised, and how answers as sure as this did before.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from retail.certainty.calibration import Calibration
from retail.certainty.judged import JudgedRows
from retail.metrics.promises import WISHES, Likeness, rows_needed, thresholds
from retail.schema import Subset

ROWS_A_BIN = 20  # fewer answers do not say how often such answers are right
MOST_BINS = 10


@dataclass(frozen=True, eq=False)
class TrackRecord:
    """Validation answers in bins of rising confidence: from where on, how many, how many of them right."""

    start: np.ndarray  # (B,) ascending, the first at 0
    n: np.ndarray  # (B,)
    right: np.ndarray  # (B,)

    @classmethod
    def of(cls, confidence: np.ndarray, correct: np.ndarray) -> TrackRecord:
        """Bins of equal size."""
        bins = max(1, min(MOST_BINS, len(confidence) // ROWS_A_BIN))
        parts = np.array_split(np.argsort(confidence, kind="stable"), bins)
        start = [0.0, *(float(confidence[part[0]]) for part in parts[1:])]
        return cls(np.array(start), *(np.array([f(part) for part in parts]) for f in (len, lambda p: correct[p].sum())))

    def like(self, confidence: float) -> tuple[int, int]:
        """Of how many validation answers as sure as this how many were right."""
        place = int(np.searchsorted(self.start, confidence, side="right")) - 1
        return int(self.n[place]), int(self.right[place])


@dataclass(frozen=True, eq=False)
class Promises:
    """Empty where nobody could fit any."""

    # (W,) for `WISHES`, NaN where nothing can be promised
    thresholds: Mapping[tuple[str, Subset], np.ndarray] = field(default_factory=dict)
    records: Mapping[tuple[str, Subset], TrackRecord] = field(default_factory=dict)
    # (W,) validation rows that would do, where nothing can be promised; NaN where it can, or no number would
    needed: Mapping[tuple[str, Subset], np.ndarray] = field(default_factory=dict)

    @classmethod
    def fit(cls, calibration: Calibration, rows: Mapping[Subset, JudgedRows]) -> Promises:
        """On the rows of each subset that have a label; how alike the rows of a group are is told by a whole task."""
        found, records, needed = {}, {}, {}
        for task in {task: None for judged in rows.values() for task in judged.logits}:
            answers = {subset: _answers(calibration, task, subset, judged) for subset, judged in rows.items()}
            answers = {subset: own for subset, own in answers.items() if len(own.correct)}
            alike = Likeness.pooled(
                Likeness.of(own.correct, own.groups) for own in answers.values() if own.groups is not None
            ).after()
            for subset, own in answers.items():
                key = task, subset
                found[key] = thresholds(own.confidence, own.correct, WISHES, own.groups, alike)
                records[key] = TrackRecord.of(own.confidence, own.correct)
                missing = np.isnan(found[key])
                needed[key] = np.full(len(WISHES), np.nan)
                needed[key][missing] = rows_needed(
                    own.confidence, own.correct, np.array(WISHES)[missing].tolist(), own.groups, alike
                )
        return cls(found, records, needed)

    def threshold(self, task: str, subset: Subset, wished: float) -> float:
        """From this confidence on the wish is promised; NaN where it cannot be."""
        found = self.thresholds.get((task, subset))
        return float("nan") if found is None else float(found[wish_place(wished)])

    def rows_needed(self, task: str, subset: Subset, wished: float) -> int | None:
        """About how many validation rows would do where it cannot be promised; None: no number in reach, or it can."""
        found = self.needed.get((task, subset))
        return None if found is None or np.isnan(rows := found[wish_place(wished)]) else int(rows)

    def like(self, task: str, subset: Subset, confidence: float) -> tuple[int, int] | None:
        """Validation answers to these inputs as sure as this, and how many were right; None without any."""
        record = self.records.get((task, subset))
        return None if record is None else record.like(confidence)


@dataclass(frozen=True, eq=False)
class _Answers:
    confidence: np.ndarray  # (N,)
    correct: np.ndarray  # (N,) bool
    groups: np.ndarray | None  # (N,) of str


def _answers(calibration: Calibration, task: str, subset: Subset, judged: JudgedRows) -> _Answers:
    logits, target, groups = judged.labelled(task)
    best = calibration.probs(task, subset, logits).max(1)
    return _Answers(best.values.numpy().astype(float), (best.indices == target).numpy(), groups)


def wish_place(wished: float) -> int:
    """Of the least strict wish that is at least this one."""
    return int(np.searchsorted(np.array(WISHES), wished - 1e-9))
