"""Fit outputs as the rows of a results file: scores with intervals, differences, subsets and settings.

In: `Splits` and the outputs of a comparison's fits. Out: lists of typed rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict

import numpy as np

from retail.comparison.fits import FitOutput
from retail.comparison.result_rows import Accuracy, Difference, Score, Selected, Setting, SettingScore, SubsetScore
from retail.metrics.paired import SIGNIFICANT, holm, paired_test
from retail.metrics.scores import bootstrap_interval, score
from retail.schema import MODALITIES, SUBSETS, Modality
from retail.splits import Splits

# Kind of the chosen model -> its setting trained for one task, and for all.
SETTINGS: dict[str, tuple[Setting, Setting]] = {
    "single": ("neither", "multi-task"),
    "fusion": ("multi-modal", "both"),
}


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

    def accuracy(self, correct: np.ndarray, task: str) -> Accuracy:
        """Of (N_labelled,) correctness, with its interval; NaN where no row has a label."""
        low, high = bootstrap_interval(correct, groups=self.groups(task))
        mean = float(correct.mean()) if len(correct) else float("nan")
        return Accuracy(n=len(correct), accuracy=mean, accuracy_low=low, accuracy_high=high)

    def scores(self, outputs: Sequence[FitOutput], task: str) -> list[Score]:
        """One row a seed, then their summary: means, with an interval over rows of the mean correctness."""
        rows = self._labelled(task)
        plan = outputs[0].plan
        seeds = []
        for output in outputs:
            answered = output.preds[task][rows], output.confidence[task][rows]
            values = score(self.targets[task][rows], *answered, self.groups(task))
            row = Score(
                task=task,
                model=plan.model,
                kind="fusion" if plan.kind == "fusion" else "single",
                modalities=plan.config.modalities,
                seed=output.plan.config.seed,
                split="test",
                **values,
            )
            seeds.append(row)
        means = {
            "balanced_accuracy": float(np.mean([row.balanced_accuracy for row in seeds])),
            "macro_f1": float(np.mean([row.macro_f1 for row in seeds])),
            "ece": float(np.mean([row.ece for row in seeds])),
        }
        accuracy = vars(self.accuracy(self.correct(outputs, task), task))
        return [*seeds, seeds[0].model_copy(update={"seed": None, **accuracy, **means})]

    def subsets(self, outputs: Sequence[FitOutput], task: str) -> list[SubsetScore]:
        """A fusion's accuracy on each subset of its inputs."""
        rows = []
        for subset in SUBSETS:
            if all(subset in output.subset_preds for output in outputs):
                correct = self.correct_preds(task, [output.subset_preds[subset][task] for output in outputs])
                accuracy = vars(self.accuracy(correct, task))
                rows.append(SubsetScore(task=task, model=outputs[0].plan.model, modalities=subset, **accuracy))
        return rows


def best_single(scoring: Scoring, groups: Mapping[str, list[FitOutput]], task: str) -> Modality:
    """The single input that scores best on the test rows, which can only work against fusion.

    Where test differs from validation (voices never heard), the one chosen on validation may be a straw man.
    """
    singles: list[Modality] = [modality for modality in MODALITIES if modality in groups]
    return max(singles, key=lambda model: scoring.correct(groups[model], task).mean())


def setting_rows(
    scoring: Scoring,
    main: Mapping[str, list[FitOutput]],
    alone: Sequence[FitOutput],
    selected: Mapping[str, Selected],
) -> list[SettingScore]:
    """The settings of every task: the chosen fusion and the best single input, trained for one task and for all."""
    rows = []
    for task, chosen in selected.items():
        for kind, model in (("single", best_single(scoring, main, task)), ("fusion", chosen.fusion)):
            if model is None:
                continue
            one_task, all_tasks = SETTINGS[kind]
            same_task = [out for out in alone if out.plan.kind == "setting" and out.plan.tasks == (task,)]
            dedicated = [out for out in same_task if out.plan.model == model]
            whole = all_tasks if len(selected) > 1 else one_task
            for setting, outputs in ((one_task, dedicated), (whole, main[model])):
                if outputs:
                    rows.append(_setting_row(scoring, task, setting, outputs))
    return rows


def _setting_row(scoring: Scoring, task: str, setting: Setting, outputs: Sequence[FitOutput]) -> SettingScore:
    plan = outputs[0].plan
    return SettingScore(
        task=task,
        setting=setting,
        model=plan.model,
        tasks=plan.tasks,
        modalities=plan.config.modalities,
        **vars(scoring.accuracy(scoring.correct(outputs, task), task)),
    )


def difference_rows(scoring: Scoring, groups: Mapping[str, list[FitOutput]]) -> list[Difference]:
    """Each fusion minus the single modality that is hardest to beat, on the same test rows."""
    rows = []
    for task in scoring.classes:
        correct = {model: scoring.correct(group, task) for model, group in groups.items()}
        baseline = best_single(scoring, groups, task)
        fusions = [model for model, group in groups.items() if group[0].plan.kind == "fusion"]
        tests = {model: paired_test(correct[model], correct[baseline], scoring.groups(task)) for model in fusions}
        adjusted = dict(zip(fusions, holm([tests[model].p_value for model in fusions]), strict=True))
        for model, test in tests.items():
            clear = bool(adjusted[model] < SIGNIFICANT and (test.low > 0 or test.high < 0))
            found = Difference(
                task=task, model=model, baseline=baseline, **asdict(test), p_holm=adjusted[model], significant=clear
            )
            rows.append(found)
    return rows
