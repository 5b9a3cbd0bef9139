"""Every fusion strategy against every single-modality baseline on the same test rows.

In: `Splits` and a `CompareConfig`. Out: one JSON-ready results dictionary that pages and commands only read.
"""

from __future__ import annotations

import datetime
import os
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from retail.comparison.chosen import study
from retail.comparison.cost import EncodeCost, cost_rows
from retail.comparison.dedicated import dedicated_rows, plan_dedicated
from retail.comparison.doctor import examine
from retail.comparison.fits import MAX_WORKERS, FitOutput, FitPlan, run_fits
from retail.comparison.scoring import Scoring, difference_rows, setting_rows
from retail.comparison.sources import stored_path
from retail.comparison.tuning import GRID, tune
from retail.config import CompareConfig
from retail.dataset.manifest import Manifest
from retail.encoders import Encoder
from retail.fusion import strategies
from retail.schema import MODALITIES, Modality, Progress, UserError
from retail.splits import Splits
from retail.system import peak_memory_mib

# The plain head that a single-modality baseline uses: concatenation of one embedding is that embedding.
BASELINE_STRATEGY = "concatenation"


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
        FitPlan(model, kind, tuple(tasks), config.training(strategy, inputs, seed))
        for model, kind, strategy, inputs in models
        for seed in range(config.seeds)
    ]


def plan_settings(
    config: CompareConfig, selected: Mapping[str, Mapping[str, str]], plans: Sequence[FitPlan]
) -> list[FitPlan]:
    """One-task fits of the models selected per task; their multi-task twins are in the main table already."""
    by_model = {plan.model: plan for plan in plans if plan.config.seed == 0}
    return [
        FitPlan(
            model,
            "setting",
            (task,),
            replace(by_model[model].config, seed=seed),
        )
        for task, chosen in selected.items()
        for model in chosen.values()
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


def _group(outputs: Sequence[FitOutput]) -> dict[str, list[FitOutput]]:
    groups: dict[str, list[FitOutput]] = {}
    for output in outputs:
        groups.setdefault(output.plan.model, []).append(output)
    return groups


class _Counter:
    """Tells progress one fit at a time; the total grows once it is known which models were chosen."""

    def __init__(self, progress: Progress | None, on_fit: Callable[[FitOutput], None] | None) -> None:
        self.progress, self.on_fit, self.done, self.total = progress, on_fit, 0, 0

    def __call__(self, output: FitOutput) -> None:
        self.done += 1
        if self.on_fit:
            self.on_fit(output)
        if self.progress:
            self.progress("training", self.done, max(self.total, self.done))


def compare(
    manifest: Manifest,
    splits: Splits,
    encoders: Mapping[Modality, Encoder],
    config: CompareConfig,
    progress: Progress | None = None,
    workers: int | None = None,
    costs: Mapping[Modality, EncodeCost] | None = None,
    on_fit: Callable[[FitOutput], None] | None = None,
) -> dict[str, Any]:
    """Trains and scores every model; returns the results dictionary (see README, "Results file").

    `on_fit` hears of every fit as it ends, so that somebody who waits sees the first figures.
    """
    started = time.perf_counter()
    tasks = tuple(splits.vocabularies)
    modalities = tuple(m for m in MODALITIES if m in encoders and bool(splits.train.present[m].any()))
    plans = plan_models(config, tasks, modalities)
    counter = _Counter(progress, on_fit)
    # At most: what every task's choice would need if no two tasks chose the same fusion.
    further = (2 * len(tasks) * (len(tasks) > 1) + 7 * len(tasks) * (len(modalities) > 1)) * config.seeds
    counter.total = len(plans) + further * config.settings + config.tune * len(GRID) * len(plans) // config.seeds

    def run(wanted: Sequence[FitPlan]) -> list[FitOutput]:
        return run_fits(wanted, splits, counter, workers)

    plans, tuning = tune(plans, run) if config.tune else (plans, [])
    outputs = run(plans)
    selected = select(outputs, tasks)
    extra = plan_settings(config, selected, plans) if len(tasks) > 1 else []
    extra += plan_dedicated(selected, plans)
    counter.total = counter.done + len(extra) * config.settings
    alone = run(extra) if config.settings and extra else []
    results = _results(manifest, splits, encoders, config, outputs, alone, selected)
    results["costs"] = [
        row
        for task, chosen in selected.items()
        for row in cost_rows(
            [r for r in results["subsets"] if (r["task"], r["model"]) == (task, chosen.get("fusion"))], costs
        )
    ]
    results["tuning"] = tuning
    results["cost"] = {
        "seconds": round(time.perf_counter() - started, 2),
        "fits": counter.done,
        "peak_memory_mib": peak_memory_mib(workers=MAX_WORKERS),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "encoders": {modality: asdict(cost) for modality, cost in (costs or {}).items()},
    }
    return results


def protocol(config: CompareConfig) -> list[str]:
    """How the race was run, one sentence a rule."""
    tuned = (
        f"Every model, single-input baselines included, tried the same {len(GRID)} training settings; validation chose."
        if config.tune
        else "Every model, single-input baselines included, was trained with the same settings; none was tuned."
    )
    return [
        "The fusion named in a verdict is the one with the best validation accuracy, mean over seeds; its test rows "
        "were scored after that choice.",
        "It is held against the single input that is best on the test rows themselves, which can only work against "
        "fusion.",
        tuned,
        "Differences are paired by test row (whole groups where products share one): bootstrap intervals, McNemar's "
        "exact test, and Holm's correction over all fusions of a task where they are listed together.",
        "Calibration, prediction sets, attribution and the cascade belong to the chosen model's first seed.",
    ]


def _results(manifest, splits: Splits, encoders, config: CompareConfig, outputs, alone, selected) -> dict[str, Any]:
    scoring = Scoring(splits)
    groups = _group(outputs)
    chosen = {task: groups[names.get("fusion") or names["single"]][0] for task, names in selected.items()}
    return {
        "format": "retail-results/1",
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "config": config.to_dict(),
        "protocol": protocol(config),
        "seeds": list(range(config.seeds)),
        "data": {
            "name": manifest.title,
            "path": stored_path(manifest),
            "checksum": manifest.checksum,
            "n_train": len(splits.train),
            "n_val": len(splits.val),
            "n_test": len(splits.test),
        },
        "encoders": {m: {"name": e.name, "fingerprint": e.fingerprint} for m, e in encoders.items()},
        "tasks": scoring.classes,
        "models": [_model_row(group[0].plan) for group in groups.values()],
        "selected": selected,
        "validation": [
            {"task": task, "model": model, "accuracy": float(np.mean([out.val_accuracy[task] for out in group]))}
            for task in scoring.classes
            for model, group in groups.items()
        ],
        "scores": [row for task in scoring.classes for group in groups.values() for row in scoring.scores(group, task)],
        "differences": difference_rows(scoring, groups),
        "subsets": [
            row
            for task in scoring.classes
            for group in groups.values()
            if group[0].plan.kind == "fusion"
            for row in scoring.subsets(group, task)
        ],
        "settings": setting_rows(scoring, groups, alone, selected),
        "dedicated": dedicated_rows(scoring, groups, alone, selected) if alone else [],
        **study(scoring, chosen),
        "doctor": examine(scoring, groups, selected),
        "predictions": {
            "ids": list(splits.test.ids),
            "groups": None if splits.groups is None else splits.groups.tolist(),
            "targets": {task: target.tolist() for task, target in scoring.targets.items()},
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


def _model_row(plan: FitPlan) -> dict[str, Any]:
    row = {"model": plan.model, "kind": plan.kind, "modalities": list(plan.config.modalities)}
    if plan.kind == "single":
        name = {"image": "Photo", "text": "Description", "audio": "Sound"}[plan.model]
        summary = f"The plain head given the {plan.model} alone: same budget, same code."
        return row | {"title": f"{name} only", "summary": summary, "level": "single", "source": ""}
    head = strategies()[plan.config.strategy]
    return row | {"title": head.title, "summary": head.summary, "level": head.level, "source": head.source}
