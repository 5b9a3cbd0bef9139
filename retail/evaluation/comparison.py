"""Every fusion strategy against every single-modality baseline on the same test rows.

In: `Splits` and a `CompareConfig`. Out: one JSON-ready results dictionary that pages and commands only read.
"""

from __future__ import annotations

import datetime
import os
import platform
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from retail.config import CompareConfig, TrainConfig
from retail.encoders import Encoder
from retail.evaluation.fits import MAX_WORKERS, FitOutput, FitPlan, run_fits
from retail.evaluation.metrics import bootstrap_interval, paired_difference, score
from retail.evaluation.splits import Splits
from retail.fusion import strategies
from retail.manifest import Manifest
from retail.schema import MODALITIES, SUBSETS, Modality, Progress, UserError

# The plain head that a single-modality baseline uses: concatenation of one embedding is that embedding.
BASELINE_STRATEGY = "concatenation"

Rows = list[dict[str, Any]]


def plan_models(config: CompareConfig, tasks: Sequence[str], modalities: Sequence[Modality]) -> list[FitPlan]:
    """The fits of the main table: each baseline and each strategy, for every seed."""
    known = strategies()
    chosen = config.strategies or tuple(name for name, head in known.items() if head.compared)
    for name in chosen:
        if name not in known:
            raise UserError(f"No fusion strategy is named {name!r}; choose from {', '.join(known)}.")
    models: list[tuple[str, str, str, tuple[Modality, ...]]] = [
        (modality, "single", BASELINE_STRATEGY, (modality,)) for modality in modalities
    ]
    if len(modalities) > 1:
        models += [(name, "fusion", name, tuple(modalities)) for name in chosen]
    return [
        FitPlan(model, kind, tuple(tasks), _train_config(config, strategy, inputs, seed))
        for model, kind, strategy, inputs in models
        for seed in range(config.seeds)
    ]


def _train_config(config: CompareConfig, strategy: str, inputs: tuple[Modality, ...], seed: int) -> TrainConfig:
    return TrainConfig(
        strategy=strategy,
        modalities=inputs,
        seed=seed,
        loss_balancing=config.loss_balancing,
        class_balance=config.class_balance,
    )


def plan_settings(
    config: CompareConfig, tasks: Sequence[str], selected: Mapping[str, Mapping[str, str]], plans: Sequence[FitPlan]
) -> list[FitPlan]:
    """One-task fits of the models selected per task; their multi-task twins are in the main table already."""
    by_model = {plan.model: plan for plan in plans if plan.config.seed == 0}
    return [
        FitPlan(
            model,
            "setting",
            (task,),
            _train_config(config, by_model[model].config.strategy, by_model[model].config.modalities, seed),
        )
        for task in tasks
        for model in selected[task].values()
        for seed in range(config.seeds)
    ]


def select(outputs: Sequence[FitOutput], tasks: Sequence[str]) -> dict[str, dict[str, str]]:
    """Best fusion and best single modality of each task by validation accuracy, mean over seeds."""
    selected: dict[str, dict[str, str]] = {}
    for task in tasks:
        means: dict[str, dict[str, float]] = {"fusion": {}, "single": {}}
        for output in outputs:
            sums = means[output.plan.kind]
            sums[output.plan.model] = sums.get(output.plan.model, 0.0) + output.val_accuracy[task]
        selected[task] = {kind: max(sums, key=sums.__getitem__) for kind, sums in means.items() if sums}
    return selected


class _Report:
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

    def _correct(self, task: str, preds: Sequence[np.ndarray]) -> np.ndarray:
        """(N_labelled,) share of seeds that were right on each row."""
        rows = self._labelled(task)
        return np.mean([(pred == self.targets[task])[rows] for pred in preds], axis=0)

    def correct(self, outputs: Sequence[FitOutput], task: str) -> np.ndarray:
        return self._correct(task, [output.preds[task] for output in outputs])

    def interval_row(self, correct: np.ndarray) -> dict[str, Any]:
        low, high = bootstrap_interval(correct)
        mean = float(correct.mean()) if len(correct) else float("nan")
        return {"n": len(correct), "accuracy": mean, "accuracy_low": low, "accuracy_high": high}

    def scores(self, outputs: Sequence[FitOutput], task: str) -> Rows:
        """One row a seed, then their summary: means, with an interval over rows of the mean correctness."""
        rows = self._labelled(task)
        plan = outputs[0].plan
        base = {"task": task, "model": plan.model, "kind": plan.kind, "modalities": list(plan.config.modalities)}
        seeds: Rows = []
        for output in outputs:
            values = score(self.targets[task][rows], output.preds[task][rows], output.confidence[task][rows])
            seeds.append(base | {"seed": output.plan.config.seed, "split": "test"} | values)
        summary = {key: float(np.mean([row[key] for row in seeds])) for key in ("balanced_accuracy", "macro_f1", "ece")}
        interval = self.interval_row(self.correct(outputs, task))
        return [*seeds, base | {"seed": None, "split": "test"} | interval | summary]

    def subsets(self, outputs: Sequence[FitOutput], task: str) -> Rows:
        base = {"task": task, "model": outputs[0].plan.model}
        return [
            base
            | {"modalities": list(subset)}
            | self.interval_row(self._correct(task, [output.subset_preds[subset][task] for output in outputs]))
            for subset in SUBSETS
            if all(subset in output.subset_preds for output in outputs)
        ]


def _group(outputs: Sequence[FitOutput]) -> dict[str, list[FitOutput]]:
    groups: dict[str, list[FitOutput]] = {}
    for output in outputs:
        groups.setdefault(output.plan.model, []).append(output)
    return groups


def _setting_rows(report: _Report, main: Mapping[str, list[FitOutput]], alone: Sequence[FitOutput], selected) -> Rows:
    """The four settings of every task: the chosen models, trained for one task and for all of them."""
    rows: Rows = []
    for task, chosen in selected.items():
        for kind, one_task, all_tasks in (("single", "neither", "multi-task"), ("fusion", "multi-modal", "both")):
            if kind not in chosen:
                continue
            dedicated = [out for out in alone if out.plan.tasks == (task,) and out.plan.model == chosen[kind]]
            for setting, outputs in ((one_task, dedicated), (all_tasks, main[chosen[kind]])):
                if outputs:
                    plan = outputs[0].plan
                    row = {"task": task, "setting": setting, "model": chosen[kind], "tasks": list(plan.tasks)}
                    row["modalities"] = list(plan.config.modalities)
                    rows.append(row | report.interval_row(report.correct(outputs, task)))
    return rows


def compare(
    manifest: Manifest,
    splits: Splits,
    encoders: Mapping[Modality, Encoder],
    config: CompareConfig,
    progress: Progress | None = None,
    workers: int | None = None,
) -> dict[str, Any]:
    """Trains and scores every model; returns the results dictionary (see README, "Results file")."""
    started = time.perf_counter()
    tasks = tuple(splits.vocabularies)
    modalities = tuple(m for m in MODALITIES if m in encoders and bool(splits.train.present[m].any()))
    plans = plan_models(config, tasks, modalities)
    extra = len(tasks) * config.seeds * 2 if config.settings and len(tasks) > 1 else 0
    finished = 0

    def one_more() -> None:
        nonlocal finished
        finished += 1
        if progress:
            progress("training", finished, len(plans) + extra)

    outputs = run_fits(plans, splits, one_more, workers)
    selected = select(outputs, tasks)
    alone = run_fits(plan_settings(config, tasks, selected, plans), splits, one_more, workers) if extra else []
    results = _results(manifest, splits, encoders, config, outputs, alone, selected)
    results["cost"] = {
        "seconds": round(time.perf_counter() - started, 2),
        "fits": len(outputs) + len(alone),
        "peak_memory_mib": peak_memory_mib(),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
    }
    return results


def _results(manifest, splits: Splits, encoders, config: CompareConfig, outputs, alone, selected) -> dict[str, Any]:
    report = _Report(splits)
    groups = _group(outputs)
    return {
        "format": "retail-results/1",
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "config": config.to_dict(),
        "seeds": list(range(config.seeds)),
        "data": {
            "name": manifest.root.name,
            "checksum": manifest.checksum,
            "n_train": len(splits.train),
            "n_val": len(splits.val),
            "n_test": len(splits.test),
        },
        "encoders": {m: {"name": e.name, "fingerprint": e.fingerprint} for m, e in encoders.items()},
        "tasks": report.classes,
        "models": [_model_row(group[0].plan) for group in groups.values()],
        "selected": selected,
        "validation": [
            {"task": task, "model": model, "accuracy": float(np.mean([out.val_accuracy[task] for out in group]))}
            for task in report.classes
            for model, group in groups.items()
        ],
        "scores": [row for task in report.classes for group in groups.values() for row in report.scores(group, task)],
        "differences": _difference_rows(report, groups),
        "subsets": [
            row
            for task in report.classes
            for group in groups.values()
            if group[0].plan.kind == "fusion"
            for row in report.subsets(group, task)
        ],
        "settings": _setting_rows(report, groups, alone, selected),
        "predictions": {
            "ids": list(splits.test.ids),
            "targets": {task: target.tolist() for task, target in report.targets.items()},
            "models": {
                model: {str(output.plan.config.seed): _row_predictions(output) for output in group}
                for model, group in groups.items()
            },
        },
    }


def _row_predictions(output: FitOutput) -> dict[str, Any]:
    return {
        task: {"preds": output.preds[task].tolist(), "confidence": np.round(output.confidence[task], 4).tolist()}
        for task in output.plan.tasks
    }


def _difference_rows(report: _Report, groups: Mapping[str, list[FitOutput]]) -> Rows:
    """Each fusion minus the single modality that is hardest to beat, on the same test rows.

    The baseline is the one that scores best on these very rows, which can only work against fusion: where
    test differs from validation (voices never heard), the single chosen on validation may be a straw man.
    """
    rows: Rows = []
    singles = [model for model, group in groups.items() if group[0].plan.kind == "single"]
    for task in report.classes:
        correct = {model: report.correct(group, task) for model, group in groups.items()}
        baseline = max(singles, key=lambda model: correct[model].mean())
        for model, group in groups.items():
            if group[0].plan.kind != "fusion":
                continue
            mean, low, high = paired_difference(correct[model], correct[baseline])
            row = {"task": task, "model": model, "baseline": baseline, "difference": mean, "low": low, "high": high}
            rows.append(row | {"n": len(correct[model]), "significant": bool(low > 0 or high < 0)})
    return rows


def _model_row(plan: FitPlan) -> dict[str, Any]:
    row = {"model": plan.model, "kind": plan.kind, "modalities": list(plan.config.modalities)}
    if plan.kind == "single":
        name = {"image": "Photo", "text": "Description", "audio": "Sound"}[plan.model]
        summary = f"The plain head given the {plan.model} alone: same budget, same code."
        return row | {"title": f"{name} only", "summary": summary, "level": "single", "source": ""}
    head = strategies()[plan.config.strategy]
    return row | {"title": head.title, "summary": head.summary, "level": head.level, "source": head.source}


def peak_memory_mib() -> int | None:
    """Upper bound of the peak resident memory: this process plus its workers, each counted as the largest."""
    try:
        import resource  # not on Windows
    except ImportError:
        return None
    own, largest = (resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return (own + MAX_WORKERS * largest) // 1024  # Linux counts in KiB
