"""Which products a model mixes up, which single input would have been right, and which classes fusion helps.

In: `Results`, which hold a prediction for each test row. Out: counts, row numbers and gains.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from retail.comparison.results import Results

Pair = tuple[int, int]  # (true class, answered class)
Counts = Counter[Pair]  # cells that hold a product: of 3,000 classes nearly all cells are empty


@dataclass(frozen=True)
class ClassGain:
    """One class's accuracy beside that of the single input that is best over all, means over seeds."""

    label: str
    n: int
    accuracy: float
    single: str
    single_accuracy: float
    gain: float


def seeds_of(results: Results, model: str) -> list[str]:
    """The seeds whose predictions are stored, in the order of the run."""
    return list(results.predictions.models[model])


def answers(results: Results, task: str, model: str, seed: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Target (-1 = no label), answer and confidence of every test row, (N,) each."""
    rows = results.predictions.models[model][seed][task]
    target = np.array(results.predictions.targets[task], dtype=int)
    return target, np.array(rows.preds, dtype=int), np.array(rows.confidence, dtype=float)


def confusion(results: Results, task: str, model: str, seed: str) -> Counts:
    """Labelled test rows of each cell of the confusion matrix."""
    target, preds, _ = answers(results, task, model, seed)
    return Counter(zip(target[target >= 0].tolist(), preds[target >= 0].tolist(), strict=True))


def right(counts: Mapping[Pair, int]) -> int:
    """How many of the counted rows were answered correctly."""
    return sum(count for (true, said), count in counts.items() if true == said)


def rows_in(results: Results, task: str, model: str, seed: str, pair: Pair) -> list[int]:
    """The test rows of one cell of the confusion matrix, the most confident answer first."""
    target, preds, confidence = answers(results, task, model, seed)
    inside = np.flatnonzero((target == pair[0]) & (preds == pair[1]))
    return inside[np.argsort(-confidence[inside], kind="stable")].tolist()


def pairs(counts: Mapping[Pair, int]) -> list[Pair]:
    """Every cell that holds a product: the most common mistakes first, then right answers by class."""
    mistakes = sorted((pair for pair in counts if pair[0] != pair[1]), key=lambda pair: (-counts[pair], pair))
    return mistakes + sorted(pair for pair in counts if pair[0] == pair[1])


def by_mistakes(counts: Mapping[Pair, int], classes: int) -> list[int]:
    """All classes, those with the most mistakes from or to them first."""
    errors = Counter(dict.fromkeys(range(classes), 0))
    for pair, count in counts.items():
        if pair[0] != pair[1]:
            errors.update(dict.fromkeys(pair, count))
    return sorted(errors, key=lambda place: (-errors[place], place))


def single_inputs(results: Results) -> list[str]:
    """The single-input baselines whose predictions are stored."""
    stored = results.predictions.models
    return [model.model for model in results.models if model.kind == "single" and model.model in stored]


def saved_by(results: Results, task: str, seed: str, row: int) -> list[str]:
    """The single-input baselines of that seed that were right on one test row."""
    target = results.predictions.targets[task][row]
    stored = results.predictions.models
    singles = [name for name in single_inputs(results) if seed in stored[name]]
    return [name for name in singles if stored[name][seed][task].preds[row] == target]


def class_gains(results: Results, task: str, model: str) -> list[ClassGain]:
    """Per class the model's accuracy minus that of the single input that is best over all, means over seeds.

    The best single input is the one that `differences` is paired against, the best on these test rows.
    """
    correct = {name: _correct(results, task, name) for name in {model, *single_inputs(results)}}
    target = np.array(results.predictions.targets[task], dtype=int)
    labelled = target >= 0
    if not labelled.any() or not single_inputs(results):
        return []
    best = max(single_inputs(results), key=lambda name: correct[name][labelled].mean())
    rows = []
    for place in np.unique(target[labelled]).tolist():
        own = target == place
        mine, theirs = float(correct[model][own].mean()), float(correct[best][own].mean())
        rows.append(ClassGain(results.tasks[task][place], int(own.sum()), mine, best, theirs, mine - theirs))
    return sorted(rows, key=lambda row: -row.gain)


def _correct(results: Results, task: str, model: str) -> np.ndarray:
    """(N,) share of seeds that were right on each row."""
    found = [answers(results, task, model, seed)[:2] for seed in seeds_of(results, model)]
    return np.mean([target == preds for target, preds in found], axis=0)
