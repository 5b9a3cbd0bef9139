"""Every fusion strategy against every single-modality baseline on the same test rows.

In: `Splits` and a `CompareConfig`. Out: a `Comparison`: the `Results`, which pages and commands only read, and the
trained heads behind them.
"""

from __future__ import annotations

import datetime
import os
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from retail.comparison.chosen import study
from retail.comparison.cost import EncodeCost, cost_rows
from retail.comparison.dedicated import dedicated_rows, plan_dedicated
from retail.comparison.doctor import examine
from retail.comparison.fits import MAX_WORKERS, FitOutput, FitPlan, run_fits
from retail.comparison.plans import plan_models, plan_settings, select
from retail.comparison.result_rows import (
    Cost,
    DataFacts,
    EncoderCost,
    EncoderFacts,
    Model,
    Predictions,
    RunCost,
    Selected,
    SubsetScore,
    TaskPredictions,
    Tuning,
    Validation,
)
from retail.comparison.results import Results
from retail.comparison.scoring import Scoring, best_single, difference_rows, setting_rows
from retail.comparison.sources import stored_path
from retail.comparison.tuning import GRID, tune
from retail.config import CompareConfig
from retail.dataset.manifest import Manifest
from retail.encoders import Encoder
from retail.fusion import strategies
from retail.schema import MODALITIES, Modality, Progress
from retail.splits import Splits
from retail.system import peak_memory_mib


@dataclass(frozen=True)
class Comparison:
    """What came out, and of each compared model the fit of its first seed with its trained head."""

    results: Results
    fits: tuple[FitOutput, ...]


def compare(
    manifest: Manifest,
    splits: Splits,
    encoders: Mapping[Modality, Encoder],
    config: CompareConfig,
    progress: Progress | None = None,
    workers: int | None = None,
    costs: Mapping[Modality, EncodeCost] | None = None,
    on_fit: Callable[[FitOutput], None] | None = None,
) -> Comparison:
    """Trains and scores every model.

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
    selected, scoring, groups = select(outputs, tasks), Scoring(splits), _group(outputs)
    compared = {t: [*filter(None, (selected[t].fusion, best_single(scoring, groups, t)))] for t in tasks}
    extra = plan_settings(config, compared, plans) if len(tasks) > 1 else []
    extra += plan_dedicated(selected, plans)
    counter.total = counter.done + len(extra) * config.settings
    alone = run(extra) if config.settings and extra else []
    trained = _Trained(scoring, groups, alone, selected, tuning, costs or {})
    results = trained.results(manifest, encoders, config, started, counter.done)
    return Comparison(results, tuple(output for output in outputs if output.trained is not None))


def protocol(config: CompareConfig) -> list[str]:
    """How the comparison was run, one sentence a rule."""
    tuned = (
        f"Every model, single-input baselines included, tried the same {len(GRID)} training settings; the "
        "best on validation was kept."
        if config.tune
        else "Every model, single-input baselines included, was trained with the same settings; none was tuned."
    )
    return [
        "The fusion named in a verdict is the one with the best validation accuracy, mean over seeds; its test rows "
        "were scored after that choice.",
        "It is compared with the single input that is best on the test rows themselves, which can only work against "
        "fusion.",
        tuned,
        "Differences are paired by test row (whole groups where products share one): bootstrap intervals, McNemar's "
        "exact test, and Holm's correction over all fusions of a task where they are listed together.",
        "Calibration, prediction sets, attribution and the cascade belong to the chosen model's first seed.",
    ]


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


@dataclass(frozen=True)
class _Trained:
    """Everything that was trained, on its way into the results file."""

    scoring: Scoring
    groups: dict[str, list[FitOutput]]  # {model: one output a seed}
    alone: list[FitOutput]  # trained for one task, or for one subset of inputs
    selected: dict[str, Selected]
    tuning: list[Tuning]
    costs: Mapping[Modality, EncodeCost]

    def results(
        self,
        manifest: Manifest,
        encoders: Mapping[Modality, Encoder],
        config: CompareConfig,
        started: float,
        fits: int,
    ) -> Results:
        scoring, groups, selected = self.scoring, self.groups, self.selected
        fusions = [group for group in groups.values() if group[0].plan.kind == "fusion"]
        subsets = [row for task in scoring.classes for group in fusions for row in scoring.subsets(group, task)]
        read_off = study(scoring, {task: groups[chosen.model][0] for task, chosen in selected.items()})
        return Results(
            created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            config=config,
            protocol=(*protocol(config), *self._otherwise()),
            seeds=tuple(range(config.seeds)),
            data=_data_facts(manifest, scoring.splits),
            encoders={m: EncoderFacts(name=e.name, fingerprint=e.fingerprint) for m, e in encoders.items()},
            tasks={task: tuple(classes) for task, classes in scoring.classes.items()},
            models=tuple(_model(group[0].plan) for group in groups.values()),
            selected=selected,
            validation=tuple(_validation(scoring, groups)),
            scores=tuple(
                row for task in scoring.classes for group in groups.values() for row in scoring.scores(group, task)
            ),
            differences=tuple(difference_rows(scoring, groups)),
            subsets=tuple(subsets),
            settings=tuple(setting_rows(scoring, groups, self.alone, selected)),
            dedicated=tuple(dedicated_rows(scoring, groups, self.alone, selected) if self.alone else ()),
            **vars(read_off),
            doctor=examine(scoring, groups, selected),
            predictions=_predictions(scoring, groups),
            costs=tuple(self._costs(subsets)),
            tuning=tuple(self.tuning),
            cost=self._cost(started, fits),
        )

    def _otherwise(self) -> list[str]:
        """What was done otherwise than asked for, each once, with the models."""
        said: dict[str, dict[str, None]] = {}
        for output in (*(one for group in self.groups.values() for one in group), *self.alone):
            if output.note:
                said.setdefault(output.note, {})[output.plan.model] = None
        return [f"{', '.join(models)}: {note}" for note, models in said.items()]

    def _costs(self, subsets: Sequence[SubsetScore]) -> list[Cost]:
        return [
            row
            for task, chosen in self.selected.items()
            for row in cost_rows([s for s in subsets if (s.task, s.model) == (task, chosen.fusion)], self.costs)
        ]

    def _cost(self, started: float, fits: int) -> RunCost:
        return RunCost(
            seconds=round(time.perf_counter() - started, 2),
            fits=fits,
            peak_memory_mib=peak_memory_mib(workers=MAX_WORKERS),
            machine=f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
            encoders={modality: EncoderCost(**asdict(cost)) for modality, cost in self.costs.items()},
        )


def _data_facts(manifest: Manifest, splits: Splits) -> DataFacts:
    return DataFacts(
        name=manifest.title,
        path=stored_path(manifest),
        checksum=manifest.checksum,
        group=manifest.group or None,
        n_train=len(splits.train),
        n_val=len(splits.val),
        n_test=len(splits.test),
    )


def _validation(scoring: Scoring, groups: Mapping[str, list[FitOutput]]) -> list[Validation]:
    return [
        Validation(task=task, model=model, accuracy=float(np.mean([out.val_accuracy[task] for out in group])))
        for task in scoring.classes
        for model, group in groups.items()
    ]


def _predictions(scoring: Scoring, groups: Mapping[str, list[FitOutput]]) -> Predictions:
    splits = scoring.splits
    return Predictions(
        ids=splits.test.ids,
        groups=None if splits.groups is None else tuple(splits.groups.tolist()),
        targets={task: tuple(target.tolist()) for task, target in scoring.targets.items()},
        models={
            model: {str(output.plan.config.seed): _answered(output) for output in group}
            for model, group in groups.items()
        },
    )


def _answered(output: FitOutput) -> dict[str, TaskPredictions]:
    return {
        task: TaskPredictions(
            preds=tuple(output.preds[task].tolist()),
            confidence=tuple(np.round(output.confidence[task], 4).tolist()),
        )
        for task in output.plan.tasks
    }


def _model(plan: FitPlan) -> Model:
    if plan.kind == "single":
        name = {"image": "Photo", "text": "Description", "audio": "Sound"}[plan.model]
        summary = f"The plain head given the {plan.model} alone: same budget, same code."
        words = {"title": f"{name} only", "summary": summary, "level": "single", "source": ""}
        return Model(model=plan.model, kind="single", modalities=plan.config.modalities, **words)
    head = strategies()[plan.config.strategy]
    return Model(
        model=plan.model,
        kind="fusion",
        modalities=plan.config.modalities,
        title=head.title,
        summary=head.summary,
        level=head.level,
        source=head.source,
    )
