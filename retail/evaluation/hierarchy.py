"""Where one task is the parent of another (category, product), answers that never contradict each other.

In: training labels and each task's probabilities. Out: consistent answers, and "an apple, variety unsure" where the
child's answer would be wrong too often. Backing off to a parent is Deng et al., Hedging Your Bets, 2012.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from retail.evaluation.subsets import TaskAnswers
from retail.metrics.calibration import threshold_for
from retail.schema import Prediction, Vocabulary
from retail.wording import task_words

# Share of wrong child answers that is tolerated before the parent answers instead.
RISK = 0.05
# With fewer rows a class, a column that never varies within it may do so by chance.
ROWS_A_CLASS = 3

ParentMap = np.ndarray  # (C_child,) index of each child class's parent class


@dataclass(frozen=True)
class ParentScores:
    """The parent answered by itself, with its child, and where the child is left open (None: nowhere)."""

    task: str
    separate_accuracy: float
    consistent_accuracy: float
    accuracy_when_open: float | None


@dataclass(frozen=True)
class HierarchyScores:
    """How often separate answers contradict, what consistency costs or brings, and what backing off leaves."""

    child: str
    n: int
    contradictions: float
    separate_accuracy: float
    consistent_accuracy: float
    risk: float
    threshold: float
    answered: float
    error: float | None  # None: the child is left open throughout
    parents: list[ParentScores]


def parents_of(targets: Mapping[str, np.ndarray], sizes: Mapping[str, int]) -> dict[str, dict[str, ParentMap]]:
    """{child: {parent: map}} for each pair of tasks where a class of the first always has one class of the second."""
    found: dict[str, dict[str, ParentMap]] = {}
    for child in targets:
        for parent in targets:
            if sizes[child] > sizes[parent]:
                mapping = _mapping(targets[child], targets[parent], sizes[child])
                if mapping is not None:
                    found.setdefault(child, {})[parent] = mapping
    return found


def _mapping(child: np.ndarray, parent: np.ndarray, classes: int) -> ParentMap | None:
    known = (child >= 0) & (parent >= 0)
    pairs = np.unique(np.stack([child[known], parent[known]], axis=1), axis=0)  # (K, 2), sorted by child
    if known.sum() < ROWS_A_CLASS * classes or not np.array_equal(pairs[:, 0], np.arange(classes)):
        return None
    return pairs[:, 1]


def contradictions(
    answer: Prediction, parents: Mapping[str, Mapping[str, ParentMap]], vocabularies: Mapping[str, Vocabulary]
) -> list[str]:
    """A sentence for each pair of tasks whose answers cannot both be right; a class nobody trained contradicts none."""
    found = []
    for child, maps in parents.items():
        best = answer.best(child)[0] if child in answer.probs else ""
        place = vocabularies[child].index(best)
        for parent, mapping in maps.items() if place >= 0 else ():
            implied = vocabularies[parent].classes[int(mapping[place])]
            if parent in answer.probs and implied != (said := answer.best(parent)[0]):
                found.append(
                    f"The answers contradict each other: as {task_words(child)}, {best} belongs to {implied}, but as "
                    f"{task_words(parent)} the model says {said}. One of the two is wrong."
                )
    return found


def joint(child: np.ndarray, parents: Mapping[str, np.ndarray], maps: Mapping[str, ParentMap]) -> np.ndarray:
    """(N, C_child) child probabilities, each weighted by what the parent tasks think of its parents, summing to 1."""
    log = np.log(np.maximum(child, 1e-12))
    for parent, mapping in maps.items():
        log = log + np.log(np.maximum(parents[parent][:, mapping], 1e-12))
    weights = np.exp(log - log.max(1, keepdims=True))
    return weights / weights.sum(1, keepdims=True)


def parent_probs(joint_probs: np.ndarray, mapping: ParentMap) -> np.ndarray:
    """(N, C_parent): each parent class has the probability of its children."""
    sums = np.zeros((len(joint_probs), int(mapping.max()) + 1))
    np.add.at(sums.T, mapping, joint_probs.T)
    return sums


def decide(joint_probs: np.ndarray, maps: Mapping[str, ParentMap], threshold: float) -> dict[str, np.ndarray]:
    """{"child": (N,), parent: (N,)} class indices that fit together; the child is -1 where it is left open.

    A child that is sure enough brings its own parents; otherwise each parent is the one with the likeliest children.
    """
    best = joint_probs.argmax(1)
    sure = joint_probs.max(1) >= threshold
    answers = {parent: np.where(sure, m[best], parent_probs(joint_probs, m).argmax(1)) for parent, m in maps.items()}
    return {"child": np.where(sure, best, -1), **answers}


def hierarchy_row(child: str, answers: Mapping[str, TaskAnswers], maps: Mapping[str, ParentMap]) -> HierarchyScores:
    """What `child` and its parents reach when they are answered together, on test rows."""
    own = answers[child]
    val, test = (
        joint(probs[answers[child].inputs], {p: _full(answers[p], split) for p in maps}, maps)
        for split, probs in (("val", own.val), ("test", own.test))
    )
    known_val = own.val_target >= 0
    right = val.argmax(1) == own.val_target
    threshold = threshold_for(val[known_val].max(1), right[known_val], 1 - RISK)
    threshold = 1.1 if threshold is None else threshold  # never sure enough
    separate = own.test[own.inputs].argmax(1)
    contradicts = np.any([_full(answers[p], "test").argmax(1) != m[separate] for p, m in maps.items()], axis=0)
    known = own.test_target >= 0
    answer = decide(test, maps, threshold)
    sure = (answer["child"] >= 0) & known
    return HierarchyScores(
        child=child,
        n=int(known.sum()),
        contradictions=float(contradicts.mean()),
        separate_accuracy=_share(separate == own.test_target, known),
        consistent_accuracy=_share(test.argmax(1) == own.test_target, known),
        risk=RISK,
        threshold=threshold,
        answered=float(sure.sum() / max(known.sum(), 1)),
        error=1 - _share(answer["child"] == own.test_target, sure) if sure.any() else None,
        parents=[_parent_row(p, answers[p], answer) for p in maps],
    )


def _parent_row(parent: str, theirs: TaskAnswers, answer: Mapping[str, np.ndarray]) -> ParentScores:
    known = theirs.test_target >= 0
    backed_off = known & (answer["child"] < 0)
    right = answer[parent] == theirs.test_target
    return ParentScores(
        task=parent,
        separate_accuracy=_share(_full(theirs, "test").argmax(1) == theirs.test_target, known),
        consistent_accuracy=_share(right, known),
        accuracy_when_open=_share(right, backed_off) if backed_off.any() else None,
    )


def _full(answers: TaskAnswers, split: str) -> np.ndarray:
    return (answers.val if split == "val" else answers.test)[answers.inputs]


def _share(right: np.ndarray, rows: np.ndarray) -> float:
    return float(right[rows].mean()) if rows.any() else float("nan")
