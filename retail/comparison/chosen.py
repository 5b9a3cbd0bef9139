"""Everything that is read off the chosen model of each task: calibration, sets, attribution, cascade, hierarchy.

In: `Splits` and the fit chosen for each task. Out: lists of JSON-ready rows, each with its task.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from retail.comparison.fits import FitOutput
from retail.comparison.scoring import Scoring
from retail.evaluation.attribution import class_attribution
from retail.evaluation.cascade import cascade, second_steps
from retail.evaluation.hierarchy import hierarchy_row, parents_of
from retail.evaluation.subsets import TaskAnswers, answers_of, judged
from retail.metrics.calibration import WISHED_ACCURACIES, calibration, coverage_curve, kept_promise, stored
from retail.metrics.conformal import conformal_rows

Rows = list[dict[str, Any]]


def study(scoring: Scoring, chosen: Mapping[str, FitOutput]) -> dict[str, Rows]:
    """The rows of every reading, from the fits of the chosen models' first seed."""
    by_model = {}
    for fit in chosen.values():
        assert fit.head is not None  # the first seed of a main model keeps its own
        by_model[fit.plan.model] = answers_of(fit.head, fit.plan.tasks, scoring.splits, scoring.targets)
    answers = {task: by_model[fit.plan.model][task] for task, fit in chosen.items()}
    rows: dict[str, Rows] = {name: [] for name in ("calibration", "conformal", "attribution", "cascade")}
    for task, answer in answers.items():
        base = {"task": task, "model": chosen[task].plan.model}
        rows["calibration"].append(base | _calibration(answer))
        full, groups = answer.inputs, scoring.groups(task)
        sets = conformal_rows(answer.val[full], answer.val_target, answer.test[full], answer.test_target, groups)
        rows["conformal"] += [base | row for row in sets]
        if len(full) > 1:
            rows["attribution"] += [base | row for row in class_attribution(answer)]
            rows["cascade"] += [
                base | {"then": list(then)} | row for then in second_steps(answer) for row in cascade(answer, then)
            ]
    return rows | {"hierarchy": _hierarchy(scoring, answers)}


def _calibration(answer: TaskAnswers) -> dict[str, Any]:
    known = answer.test_target >= 0
    probs = answer.test[answer.inputs]
    test = judged(probs, answer.test_target)
    val = judged(answer.val[answer.inputs], answer.val_target)
    return {
        "temperature": answer.temperature,
        **calibration(answer.uncalibrated[known], probs[known], answer.test_target[known]),
        "coverage": coverage_curve(*test),
        "thresholds": [kept_promise(val, test, wished) for wished in WISHED_ACCURACIES],
        "judged": {"val": stored(*val), "test": stored(*test)},
    }


def _hierarchy(scoring: Scoring, answers: Mapping[str, TaskAnswers]) -> Rows:
    train = {task: scoring.splits.train.targets[task].numpy() for task in answers}
    parents = parents_of(train, scoring.splits.task_sizes)
    return [hierarchy_row(child, answers, maps) for child, maps in parents.items()]
