"""The photo first; ask for words or voice only when unsure: what accuracy is kept for how many questions?

In: one model's answers with one input and with more, on validation and test rows. Out: rows from never to always.
The threshold of each row comes from validation, so the share that is really asked on test is reported beside it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from retail.evaluation.answers import Subset, TaskAnswers, judged
from retail.schema import Modality

SHARES = tuple(share / 10 for share in range(11))
# What a merchandiser would not notice: a cascade this close to always asking has kept the accuracy.
TOLERATED_LOSS = 0.005


def first_input(answers: TaskAnswers) -> Modality:
    """The photo, which every shopper can take; without photos the input that validation finds most accurate."""
    if "image" in answers.inputs:
        return "image"
    return max(answers.inputs, key=lambda name: judged(answers.val[name,], answers.val_target)[1].mean())


def second_steps(answers: TaskAnswers) -> list[Subset]:
    """The first input with each other one, and with all."""
    first = first_input(answers)
    return [subset for subset in answers.test if first in subset and len(subset) > 1]


def cascade(answers: TaskAnswers, then: Subset) -> list[dict[str, Any]]:
    """One row per share: the threshold, the share asked on test, the accuracy and the part of it that is kept."""
    first = (first_input(answers),)
    unsure, _ = judged(answers.val[first], answers.val_target)
    confidence, alone = judged(answers.test[first], answers.test_target)
    _, together = judged(answers.test[then], answers.test_target)
    if not len(unsure) or not len(confidence):
        return []
    rows = []
    for share in SHARES:
        threshold = float(np.quantile(unsure, share)) if share < 1 else 1.0
        asked = confidence < threshold if share < 1 else np.ones(len(confidence), dtype=bool)
        accuracy = float(np.where(asked, together, alone).mean())
        row = {"share": share, "threshold": threshold, "asked": float(asked.mean()), "accuracy": accuracy}
        rows.append(row | {"kept": accuracy / max(float(together.mean()), 1e-12), "n": len(asked)})
    return rows


def cheapest(rows: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """The row with the fewest questions that loses at most a tolerated half point against always asking."""
    return next(row for row in rows if row["accuracy"] >= rows[-1]["accuracy"] - TOLERATED_LOSS)
