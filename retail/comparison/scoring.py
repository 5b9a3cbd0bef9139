"""Fit outputs as the rows of a results file: scores with intervals, differences, subsets and settings.

In: `Splits` and the outputs of a comparison's fits. Out: lists of JSON-ready rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from retail.comparison.fits import FitOutput
from retail.metrics.paired import SIGNIFICANT, holm, paired_test
from retail.metrics.scores import bootstrap_interval, score
from retail.schema import SUBSETS
from retail.splits import Splits

Rows = list[dict[str, Any]]


class Scoring:
    """Turns fit outputs into the rows of the results file."""

    def __init__(self, splits: Splits) -> None:
        self.splits = splits
        self.classes: dict[str, list[str]] = {}
        self.targets: dict[str, np.ndarray] = {}
        for task, vocabulary in splits.vocabularies.items():
            # Classes that only the test rows have follow the known ones: no model can predict them.
            unknown = sorted({label for label in splits.labels[task] if label and vocabulary.index(label) < 0})
            self.classes[task] = [*vocabulary.classes, *unknown]
            index = {label: place for place, label in enumerate(self.classes[task])}
            self.targets[task] = np.array([index.get(label, -1) for label in splits.labels[task]])

    def _labelled(self, task: str) -> np.ndarray:
        return self.targets[task] >= 0

    def correct_preds(self, task: str, preds: Sequence[np.ndarray]) -> np.ndarray:
        """(N_labelled,) share of seeds that were right on each row."""
        rows = self._labelled(task)
        return np.mean([(pred == self.targets[task])[rows] for pred in preds], axis=0)

    def correct(self, outputs: Sequence[FitOutput], task: str) -> np.ndarray:
        return self.correct_preds(task, [output.preds[task] for output in outputs])

    def groups(self, task: str) -> np.ndarray | None:
        """(N_labelled,) the groups of the rows that `correct` speaks of; None when each row is its own."""
        groups = self.splits.groups
        return None if groups is None else groups[self._labelled(task)]

    def interval_row(self, correct: np.ndarray, task: str) -> dict[str, Any]:
        low, high = bootstrap_interval(correct, groups=self.groups(task))
        mean = float(correct.mean()) if len(correct) else float("nan")
        return {"n": len(correct), "accuracy": mean, "accuracy_low": low, "accuracy_high": high}

    def scores(self, outputs: Sequence[FitOutput], task: str) -> Rows:
        """One row a seed, then their summary: means, with an interval over rows of the mean correctness."""
        rows = self._labelled(task)
        plan = outputs[0].plan
        base = {"task": task, "model": plan.model, "kind": plan.kind, "modalities": list(plan.config.modalities)}
        seeds: Rows = []
        for output in outputs:
            answered = output.preds[task][rows], output.confidence[task][rows]
            values = score(self.targets[task][rows], *answered, self.groups(task))
            seeds.append(base | {"seed": output.plan.config.seed, "split": "test"} | values)
        summary = {key: float(np.mean([row[key] for row in seeds])) for key in ("balanced_accuracy", "macro_f1", "ece")}
        interval = self.interval_row(self.correct(outputs, task), task)
        return [*seeds, base | {"seed": None, "split": "test"} | interval | summary]

    def subsets(self, outputs: Sequence[FitOutput], task: str) -> Rows:
        base = {"task": task, "model": outputs[0].plan.model}
        rows: Rows = []
        for subset in SUBSETS:
            if all(subset in output.subset_preds for output in outputs):
                correct = self.correct_preds(task, [output.subset_preds[subset][task] for output in outputs])
                rows.append(base | {"modalities": list(subset)} | self.interval_row(correct, task))
        return rows


def setting_rows(scoring: Scoring, main: Mapping[str, list[FitOutput]], alone: Sequence[FitOutput], selected) -> Rows:
    """The settings of every task: the chosen models, trained for one task and for all, where there are several."""
    rows: Rows = []
    for task, chosen in selected.items():
        for kind, one_task, all_tasks in (("single", "neither", "multi-task"), ("fusion", "multi-modal", "both")):
            if kind not in chosen:
                continue
            same_task = [out for out in alone if out.plan.kind == "setting" and out.plan.tasks == (task,)]
            dedicated = [out for out in same_task if out.plan.model == chosen[kind]]
            whole = all_tasks if len(selected) > 1 else one_task
            for setting, outputs in ((one_task, dedicated), (whole, main[chosen[kind]])):
                if outputs:
                    plan = outputs[0].plan
                    row = {"task": task, "setting": setting, "model": chosen[kind], "tasks": list(plan.tasks)}
                    row["modalities"] = list(plan.config.modalities)
                    rows.append(row | scoring.interval_row(scoring.correct(outputs, task), task))
    return rows


def difference_rows(scoring: Scoring, groups: Mapping[str, list[FitOutput]]) -> Rows:
    """Each fusion minus the single modality that is hardest to beat, on the same test rows.

    The baseline is the one that scores best on these very rows, which can only work against fusion: where
    test differs from validation (voices never heard), the single chosen on validation may be a straw man.
    """
    rows: Rows = []
    singles = [model for model, group in groups.items() if group[0].plan.kind == "single"]
    for task in scoring.classes:
        correct = {model: scoring.correct(group, task) for model, group in groups.items()}
        baseline = max(singles, key=lambda model: correct[model].mean())
        fusions = [model for model, group in groups.items() if group[0].plan.kind == "fusion"]
        tests = {model: paired_test(correct[model], correct[baseline], scoring.groups(task)) for model in fusions}
        adjusted = dict(zip(fusions, holm([tests[model].p_value for model in fusions]), strict=True))
        for model, test in tests.items():
            row = {"task": task, "model": model, "baseline": baseline} | asdict(test) | {"p_holm": adjusted[model]}
            rows.append(row | {"significant": bool(adjusted[model] < SIGNIFICANT and (test.low > 0 or test.high < 0))})
    return rows
