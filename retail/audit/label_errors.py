"""Labels that are probably wrong: models that never saw the row are sure that it is something else.

In: `Audited` with embeddings. Out: `LabelError`s, the surest first, each with its nearest rows of either label.

The idea is confident learning (Northcutt, Jiang & Chuang 2021, "Confident Learning: Estimating Uncertainty in Dataset
Labels", https://doi.org/10.1613/jair.1.12125). What we changed: a label is listed by its margin, not by a threshold for
each class. Both were measured; with cleanlab's rules as well the list is worse (benchmarks/label_errors.md).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from retail.audit.answers import features_of, out_of_fold, unit
from retail.audit.finding import Audited

LEAST_ROWS = 5  # of a class: with fewer, some fold has never seen it and calls every row of it wrong
# By so much another class must be more probable: the best mean F1 on fashion, grocery and the demo, 5 % of the labels
# being flipped.
LEAST_MARGIN = 0.5
SHOWN = 3  # nearest rows of either label


@dataclass(frozen=True)
class LabelError:
    """One label that is probably wrong; `like_given` and `like_suggested` name the nearest rows that have either."""

    row: str
    task: str
    given: str
    suggested: str
    probability: float  # of the suggested label
    given_probability: float
    like_given: tuple[str, ...] = ()
    like_suggested: tuple[str, ...] = ()


@dataclass(frozen=True)
class Judged:
    """Label errors, how many labels could be judged, and how many could not because their class is too rare."""

    errors: list[LabelError]
    judged: int = 0
    too_rare: int = 0


def label_errors(data: Audited, done: Callable[[], None] = lambda: None) -> Judged:
    """Every task by itself; rows without a label, or without any embedding, are left out."""
    features, present = features_of(data)
    errors: list[LabelError] = []
    judged = too_rare = 0
    for task in data.tasks:
        labels = data.labels(task).astype(str)
        asked = (labels != "") & present
        names, counts = np.unique(labels[asked], return_counts=True)
        known = np.flatnonzero(asked & np.isin(labels, names[counts >= LEAST_ROWS]))
        too_rare += int(asked.sum()) - len(known)
        judged += len(known)
        errors += _of_task(data, task, features, labels, known)
        done()
    return Judged(sorted(errors, key=lambda error: error.given_probability - error.probability), judged, too_rare)


def listed(probs: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Places of the labels to doubt, from answers (N, C) and the labels as they are (N,)."""
    own = probs[np.arange(len(target)), target]
    return np.flatnonzero(probs.max(1) - own > LEAST_MARGIN)


def _of_task(data: Audited, task: str, features: np.ndarray, labels: np.ndarray, known: np.ndarray) -> list[LabelError]:
    classes, target = np.unique(labels[known], return_inverse=True)
    probs = out_of_fold(features[known], target, data.groups[known].astype(str), len(classes))
    if probs is None:
        return []
    rows, errors = unit(features[known]), []
    for place in listed(probs, target).tolist():
        own, best = int(target[place]), int(probs[place].argmax())
        alike = rows @ rows[place]
        alike[place] = -np.inf
        of_given, of_best = (_nearest(alike, np.flatnonzero(target == c)) for c in (own, best))
        errors.append(
            LabelError(
                row=data.products[known[place]].id,
                task=task,
                given=str(classes[own]),
                suggested=str(classes[best]),
                probability=round(float(probs[place, best]), 4),
                given_probability=round(float(probs[place, own]), 4),
                like_given=data.ids(known[of_given[of_given != place]]),
                like_suggested=data.ids(known[of_best]),
            )
        )
    return errors


def _nearest(alike: np.ndarray, places: np.ndarray) -> np.ndarray:
    """The most similar of these places, the nearest first."""
    return places[np.argsort(-alike[places], kind="stable")[:SHOWN]]
