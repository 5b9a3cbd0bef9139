"""The photo first; ask for words or voice only when unsure: what accuracy is kept for how many questions?

In: one model's answers with one input and with more, on validation and test rows. Out: rows from never to always.
The threshold of each row and the choice among rows come from validation; what is reported is what test makes of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np

from retail.evaluation.subsets import Subset, TaskAnswers, judged
from retail.schema import Modality

SHARES = tuple(share / 10 for share in range(11))
# What a merchandiser would not notice: a cascade this close to always asking has kept the accuracy.
TOLERATED_LOSS = 0.005


@dataclass(frozen=True)
class Step:
    """What asking the unsure `share` makes of the test rows; `val_accuracy` is what it reaches on validation."""

    share: float
    threshold: float
    asked: float
    accuracy: float
    kept: float
    n: int
    val_accuracy: float


class Judged(Protocol):
    """What has an accuracy on validation to be chosen by."""

    @property
    def val_accuracy(self) -> float:
        """Share of validation rows that are right."""


Row = TypeVar("Row", bound=Judged)


def first_input(answers: TaskAnswers) -> Modality:
    """The photo, which every shopper can take; without photos the input that validation finds most accurate."""
    if "image" in answers.inputs:
        return "image"
    return max(answers.inputs, key=lambda name: judged(answers.val[name,], answers.val_target)[1].mean())


def second_steps(answers: TaskAnswers) -> list[Subset]:
    """The first input with each other one, and with all."""
    first = first_input(answers)
    return [subset for subset in answers.test if first in subset and len(subset) > 1]


def cascade(answers: TaskAnswers, then: Subset) -> list[Step]:
    """One row per share: the threshold, the share asked on test, the accuracy and the part of it that is kept."""
    first = (first_input(answers),)
    unsure, val_alone = judged(answers.val[first], answers.val_target)
    _, val_together = judged(answers.val[then], answers.val_target)
    confidence, alone = judged(answers.test[first], answers.test_target)
    _, together = judged(answers.test[then], answers.test_target)
    if not len(unsure) or not len(confidence):
        return []
    rows = []
    for share in SHARES:
        threshold = float(np.quantile(unsure, share)) if 0 < share < 1 else share
        asked, val_asked = ((sure < threshold) | (share == 1) for sure in (confidence, unsure))
        accuracy = float(np.where(asked, together, alone).mean())
        kept = accuracy / max(float(together.mean()), 1e-12)
        val_accuracy = float(np.where(val_asked, val_together, val_alone).mean())
        rows.append(Step(share, threshold, float(asked.mean()), accuracy, kept, len(asked), val_accuracy))
    return rows


def cheapest(rows: Sequence[Row]) -> Row:
    """The row with the fewest questions that on validation loses at most half a point against always asking."""
    return next(row for row in rows if row.val_accuracy >= rows[-1].val_accuracy - TOLERATED_LOSS)
