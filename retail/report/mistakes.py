"""Which products a model mixes up, which single input would have been right, and which classes fusion helps.

In: `Results`, which hold a prediction for each test row. Out: counts, row numbers and gains.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from retail.comparison.results import Results

Pair = tuple[int, int]  # (true class, answered class)


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


def confusion(results: Results, task: str, model: str, seed: str) -> np.ndarray:
    """(C, C) counts of labelled test rows: true class × answered class."""
    target, preds, _ = answers(results, task, model, seed)
    classes = len(results.tasks[task])
    counts = np.zeros((classes, classes), dtype=int)
    np.add.at(counts, (target[target >= 0], preds[target >= 0]), 1)
    return counts


def rows_in(results: Results, task: str, model: str, seed: str, pair: Pair) -> list[int]:
    """The test rows of one cell of the confusion matrix, the most confident answer first."""
    target, preds, confidence = answers(results, task, model, seed)
    inside = np.flatnonzero((target == pair[0]) & (preds == pair[1]))
    return inside[np.argsort(-confidence[inside], kind="stable")].tolist()


def pairs(counts: np.ndarray) -> list[Pair]:
    """Every cell that holds a product: the most common mistakes first, then right answers by class."""
    wrong = counts.copy()
    np.fill_diagonal(wrong, 0)
    mistakes = [(int(true), int(said)) for true, said in zip(*np.nonzero(wrong), strict=True)]
    mistakes.sort(key=lambda pair: (-wrong[pair], pair))
    return mistakes + [(place, place) for place in range(len(counts)) if counts[place, place]]


def most_confused(counts: np.ndarray, most: int) -> list[int]:
    """At most `most` classes, those with the most mistakes from or to them, in their own order."""
    wrong = counts - np.diag(np.diag(counts))
    errors = wrong.sum(0) + wrong.sum(1)
    return sorted(np.argsort(-errors, kind="stable")[:most].tolist())


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
