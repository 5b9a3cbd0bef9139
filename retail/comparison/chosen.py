"""Everything that is read off the chosen model of each task: calibration, sets, attribution, cascade, hierarchy.

In: `Splits` and the fit chosen for each task. Out: a `Study`, the rows of every reading.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

import numpy as np

from retail.certainty import Certainty
from retail.comparison.chosen_rows import (
    Attribution,
    Calibration,
    Cascade,
    Conformal,
    CoveragePoint,
    Hierarchy,
    Judged,
    JudgedSplits,
)
from retail.comparison.fits import FitOutput
from retail.comparison.scoring import Scoring
from retail.evaluation.attribution import class_attribution
from retail.evaluation.cascade import cascade, second_steps
from retail.evaluation.hierarchy import hierarchy_row, parents_of
from retail.evaluation.reports import SubsetCertainty
from retail.evaluation.subset_certainty import subset_certainty
from retail.evaluation.subsets import TaskAnswers, answers_of, judged
from retail.metrics.calibration import WISHED_ACCURACIES, calibration, coverage_curve
from retail.metrics.conformal import conformal_rows


@dataclass
class Study:
    """What the chosen models' first seed shows."""

    calibration: list[Calibration] = field(default_factory=list)
    conformal: list[Conformal] = field(default_factory=list)
    attribution: list[Attribution] = field(default_factory=list)
    cascade: list[Cascade] = field(default_factory=list)
    hierarchy: list[Hierarchy] = field(default_factory=list)
    subset_certainty: list[SubsetCertainty] = field(default_factory=list)


def study(scoring: Scoring, chosen: Mapping[str, FitOutput]) -> Study:
    """Every reading of each task's model, from the fit of its first seed."""
    found, by_model, splits = Study(), {}, scoring.splits
    for fit in {fit.plan.model: fit for fit in chosen.values()}.values():
        assert fit.trained is not None  # the first seed of a main model keeps its head
        head = fit.trained.head
        certainty = Certainty.fit(head, splits.train, splits.val, splits.val_groups)
        by_model[fit.plan.model] = answers_of(head, certainty.calibration, fit.plan.tasks, splits, scoring.targets)
        own = {task: scoring.targets[task] for task, other in chosen.items() if other is fit}
        found.subset_certainty += subset_certainty(certainty, head, splits.test, own, splits.groups)
    found.subset_certainty.sort(key=lambda row: list(chosen).index(row.task))
    answers = {task: by_model[fit.plan.model][task] for task, fit in chosen.items()}
    for task, answer in answers.items():
        _read_off(found, scoring, task, chosen[task].plan.model, answer)
    found.hierarchy = hierarchy_rows(scoring, answers)
    return found


def _read_off(found: Study, scoring: Scoring, task: str, model: str, answer: TaskAnswers) -> None:
    found.calibration.append(calibration_row(task, model, answer, scoring.splits.val_groups))
    full, groups = answer.inputs, scoring.groups(task)
    sets = conformal_rows(answer.val[full], answer.val_target, answer.test[full], answer.test_target, groups)
    found.conformal += [Conformal(task=task, model=model, **vars(kept)) for kept in sets]
    if len(full) > 1:
        found.attribution += attribution_rows(task, model, answer)
        found.cascade += cascade_rows(task, model, answer)


def calibration_row(task: str, model: str, answer: TaskAnswers, groups: np.ndarray | None = None) -> Calibration:
    """Of the labelled test rows, with thresholds that validation gives; `groups` are those of its rows, (N_val,)."""
    known = answer.test_target >= 0
    probs = answer.test[answer.inputs]
    test = judged(probs, answer.test_target)
    val = judged(answer.val[answer.inputs], answer.val_target)
    val_groups = None if groups is None else groups[answer.val_target >= 0]
    judged_splits = JudgedSplits(val=Judged.of(*val, val_groups), test=Judged.of(*test))
    found = calibration(answer.uncalibrated[known], probs[known], answer.test_target[known])
    return Calibration(
        task=task,
        model=model,
        temperature=answer.temperature,
        **asdict(found),
        coverage=tuple(CoveragePoint(**vars(point)) for point in coverage_curve(*test)),
        thresholds=tuple(judged_splits.threshold_for(wished) for wished in WISHED_ACCURACIES),
        judged=judged_splits,
    )


def attribution_rows(task: str, model: str, answer: TaskAnswers) -> list[Attribution]:
    """One row a class."""
    return [
        Attribution(task=task, model=model, label=found.label, n=found.n, decides=found.decides, **found.parts)
        for found in class_attribution(answer)
    ]


def cascade_rows(task: str, model: str, answer: TaskAnswers) -> list[Cascade]:
    """One row for each second step and share."""
    return [
        Cascade(task=task, model=model, then=then, **vars(step))
        for then in second_steps(answer)
        for step in cascade(answer, then)
    ]


def hierarchy_rows(scoring: Scoring, answers: Mapping[str, TaskAnswers]) -> list[Hierarchy]:
    """One row for each task that lies within others."""
    train = {task: scoring.splits.train.targets[task].numpy() for task in answers}
    parents = parents_of(train, scoring.splits.task_sizes)
    return [Hierarchy(**asdict(hierarchy_row(child, answers, maps))) for child, maps in parents.items()]
