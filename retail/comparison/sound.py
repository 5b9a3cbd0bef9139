"""Do the parts of a results file fit together? So that whatever was read can be shown, by every page and report.

In: `Results` as they were read. Out: nothing, or `Unsound`, which says where they contradict one another. What a
comparison writes always passes.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from retail.comparison.chosen_rows import Calibration, Judged
from retail.comparison.result_rows import Accuracy, TaskPredictions
from retail.config.wish import DEFAULT_WISH
from retail.files.record import Unsound

if TYPE_CHECKING:
    from retail.comparison.results import Results


def check(results: Results) -> None:
    """Raises `Unsound` for the first contradiction."""
    _check_names(results)
    _check_selected(results)
    _check_rows(results)
    _check_scores(results)
    _check_readings(results)
    _check_doctor(results)
    _check_predictions(results)


def _check_names(results: Results) -> None:
    """Questions, their classes, models and seeds, each with a name of its own."""
    _need(bool(results.tasks), "tasks", "there is none")
    _need(bool(results.seeds), "seeds", "there is none")
    _distinct("seeds", results.seeds)
    for task, classes in results.tasks.items():
        _need(bool(classes), f"tasks.{task}", "it has no class")
        _distinct(f"tasks.{task}", classes)
    _distinct("models", [model.model for model in results.models])
    _distinct("models", [model.title for model in results.models])
    for model in results.models:
        inputs, place = model.modalities, f"models.{model.model}"
        _distinct(place, inputs)
        single = model.kind == "single"
        _need(bool(inputs) and (not single or inputs == (model.model,)), place, "these are not the inputs of its kind")


def _check_selected(results: Results) -> None:
    _need(set(results.selected) == set(results.tasks), "selected", "these are not the questions")
    fusions, singles = (
        {model.model for model in results.models if model.kind == kind} for kind in ("fusion", "single")
    )
    for task, chosen in results.selected.items():
        known = chosen.single in singles and (chosen.fusion is None or chosen.fusion in fusions)
        _need(known, f"selected.{task}", "there is no such model")
    baselines = {row.task: row.baseline for row in results.differences}
    compared = {(row.task, row.model) for row in results.differences}
    for task, chosen in results.selected.items():
        paired = chosen.fusion is None or (task, chosen.fusion) in compared
        _need(paired, "differences", f"none is of the model that was chosen for {task}")
    _need(set(baselines.values()) <= singles, "differences", "there is no such single input")


def _check_rows(results: Results) -> None:
    """Every row speaks of a question, a model and inputs that there are, and no two say the same."""
    known = {model.model: set(model.modalities) for model in results.models}
    kinds = {model.model: model.kind for model in results.models}
    keys = {
        "validation": "task model",
        "scores": "task model seed",
        "differences": "task model",
        "subsets": "task model modalities",
        "settings": "task setting",
        "dedicated": "task modalities",
        "calibration": "task",
        "conformal": "task promised",
        "attribution": "task label",
        "cascade": "task then share",
        "costs": "task modalities",
        "subset_certainty": "task modalities",
    }
    for name, parts in keys.items():
        rows = getattr(results, name)
        for row in rows:
            _need(row.task in results.tasks, name, "there is no such question")
            model = getattr(row, "model", None)
            _need(model is None or model in known, name, "there is no such model")
            inputs = getattr(row, "modalities", getattr(row, "then", None))
            if inputs is not None:
                _need(bool(inputs) and len(set(inputs)) == len(inputs), name, "these are no inputs")
                _need(model is None or set(inputs) <= known[model], name, "its model does not take these inputs")
            if isinstance(row, Accuracy):
                _check_accuracy(name, row)
        _distinct(name, [tuple(_plain(getattr(row, part)) for part in parts.split()) for row in rows])
    for name in ("differences", "subsets", "dedicated", "costs"):
        fused = all(kinds[row.model] == "fusion" for row in getattr(results, name))
        _need(fused, name, "its model takes one input alone")
    _need(all(row.model in known for row in results.tuning), "tuning", "there is no such model")
    for row in results.hierarchy:
        _need(bool(row.parents) and set(row.tasks) <= set(results.tasks), "hierarchy", "there is no such question")
        _distinct("hierarchy", row.tasks)


def _check_accuracy(place: str, row: Accuracy) -> None:
    """Of rows there is a share, of none there is not."""
    figures = (row.accuracy, row.accuracy_low, row.accuracy_high)
    _need(not row.n or all(0 <= figure <= 1 for figure in figures), place, "its accuracy is no share of its rows")


def _check_scores(results: Results) -> None:
    """Each model has a row over all seeds for each question, on the same number of test rows."""
    means = {(row.task, row.model): row for row in results.scores if row.seed is None}
    wanted = {(task, model.model) for task in results.tasks for model in results.models}
    _need(set(means) == wanted, "scores", "a model lacks its scores over all seeds")
    models = {model.model: model for model in results.models}
    for row in results.scores:
        same = (row.kind, row.modalities) == (models[row.model].kind, models[row.model].modalities)
        _need(same, "scores", "kind and inputs are not its model's")
        _need(row.seed is None or row.seed in results.seeds, "scores", "there is no such seed")
    for task in results.tasks:
        counts = {row.n for (own, _), row in means.items() if own == task}
        _need(len(counts) == 1, "scores", "models were scored on different numbers of rows")
    for own in results.differences:
        figures = (own.difference, own.low, own.high, own.p_value, own.p_holm, own.cohens_h)
        told = not own.n or not any(map(math.isnan, figures))
        _need(told and own.n == means[own.task, own.model].n, "differences", "it does not fit the scores")


def _check_readings(results: Results) -> None:
    """What is read off the chosen models: calibration, sets, attribution."""
    for row in results.calibration:
        _check_calibration(row)
    for own in results.attribution:
        _need(bool(own.parts), "attribution", "no input adds anything")
        _need(own.label in results.tasks[own.task], "attribution", "there is no such class")
        _need(own.decides is None or own.decides in own.parts, "attribution", "the deciding input adds nothing")
    for sets in results.conformal:
        told = not sets.n or not math.isnan(sets.coverage + sets.size + sets.single)
        _need(told, "conformal", "a figure is missing")
    _need(
        all(not math.isnan(cost.accuracy) for cost in results.costs if _labelled(results, cost.task)),
        "costs",
        "its accuracy is missing",
    )


def _check_calibration(row: Calibration) -> None:
    wishes = [wish.wished for wish in row.thresholds]
    _need(DEFAULT_WISH in wishes, "calibration.thresholds", f"there is none for {DEFAULT_WISH}")
    for name, split in (("val", row.judged.val), ("test", row.judged.test)):
        _check_judged(f"calibration.judged.{name}", split)
    _need(len(row.judged.test.confidence) == row.n, "calibration.judged.test", "n is another number of rows")
    for bins in (row.reliability_before, row.reliability_after):
        _need(bool(bins), "calibration.reliability", "there are no bins")
        for one in bins:
            means = [one.confidence is not None, one.accuracy is not None]
            _need(means == [bool(one.n)] * 2 and one.low < one.high, "calibration.reliability", "a bin is none")


def _check_judged(place: str, split: Judged) -> None:
    lengths = {len(split.confidence), len(split.correct), *([] if split.groups is None else [len(split.groups)])}
    _need(len(lengths) == 1, place, "its lists are not equally long")
    _need(set(split.correct) <= {0, 1}, place, "an answer is right, 1, or wrong, 0")


def _check_doctor(results: Results) -> None:
    if (found := results.doctor) is None:
        return
    measured = {row.input for row in found.norms}
    for row in found.inputs:
        _need(row.input in measured, "doctor.inputs", "nobody measured this input")
    tasks = {row.task for rows in (found.inputs, found.complementarity, found.concatenation) for row in rows}
    tasks |= {finding.task for finding in found.findings} - {""}
    _need(tasks <= set(results.tasks), "doctor", "there is no such question")


def _check_predictions(results: Results) -> None:
    """An answer and a true class for each test row, for every model that somebody may look at."""
    told = results.predictions
    rows = len(told.ids)
    _need(rows == results.data.n_test, "predictions.ids", "these are not as many as the test rows")
    _distinct("predictions.ids", told.ids)
    _need(told.groups is None or len(told.groups) == rows, "predictions.groups", "these are not the test rows")
    _need(set(told.targets) == set(results.tasks), "predictions.targets", "these are not the questions")
    for task, target in told.targets.items():
        _check_classes(f"predictions.targets.{task}", target, rows, -1, len(results.tasks[task]))
        labelled = sum(place >= 0 for place in target)
        scored = results.mean_scores(task).values()
        _need(all(row.n == labelled for row in scored), "scores", f"n is not the number of labels of {task}")
    _need(set(told.models) == set(results.titles), "predictions.models", "these are not the models")
    for model, seeds in told.models.items():
        place = f"predictions.models.{model}"
        _need(bool(seeds) and set(seeds) <= {str(seed) for seed in results.seeds}, place, "these are not the seeds")
        for answers in seeds.values():
            _need(set(answers) == set(results.tasks), place, "these are not the questions")
            for task, own in answers.items():
                _check_answers(f"{place}.{task}", own, rows, len(results.tasks[task]))


def _check_answers(place: str, own: TaskPredictions, rows: int, classes: int) -> None:
    _check_classes(f"{place}.preds", own.preds, rows, 0, classes)
    _need(len(own.confidence) == rows, f"{place}.confidence", "these are not the test rows")


def _check_classes(place: str, found: Sequence[int], rows: int, least: int, classes: int) -> None:
    values = np.asarray(found, dtype=np.int64)
    _need(len(values) == rows, place, "these are not the test rows")
    _need(not rows or bool(least <= values.min() <= values.max() < classes), place, "there is no such class")


def _labelled(results: Results, task: str) -> bool:
    return any(place >= 0 for place in results.predictions.targets.get(task, ()))


def _plain(value: Hashable) -> Hashable:
    """Inputs in whichever order."""
    return frozenset(value) if isinstance(value, tuple) else value


def _distinct(place: str, values: Iterable[Hashable]) -> None:
    (most,) = Counter(values).most_common(1) or [(None, 0)]
    _need(most[1] < 2, place, "two are called the same")


def _need(holds: bool, place: str, reason: str) -> None:
    if not holds:
        raise Unsound(place, reason)
