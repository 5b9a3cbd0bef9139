"""Which heads a comparison trains: the main table, the settings, and the models that validation chooses.

In: a `CompareConfig`, tasks and inputs. Out: `FitPlan`s, and the `Selected` models of each task.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from retail.comparison.fits import FitOutput, FitPlan
from retail.comparison.result_rows import Kind, Selected
from retail.config import CompareConfig
from retail.fusion import strategies
from retail.schema import Modality, UserError

# The plain head that a single-modality baseline uses: concatenation of one embedding is that embedding.
BASELINE_STRATEGY = "concatenation"


def plan_models(config: CompareConfig, tasks: Sequence[str], modalities: Sequence[Modality]) -> list[FitPlan]:
    """The fits of the main table: each baseline and each strategy, for every seed."""
    known = strategies()
    chosen = config.strategies or tuple(name for name, head in known.items() if head.compared)
    for name in chosen:
        if name not in known:
            raise UserError(f"No fusion strategy is named {name!r}; choose from {', '.join(known)}.")
    models: list[tuple[str, Kind, str, tuple[Modality, ...]]] = [
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
    config: CompareConfig, models: Mapping[str, Sequence[str]], plans: Sequence[FitPlan]
) -> list[FitPlan]:
    """One-task fits of these models of each task; their multi-task twins are in the main table already."""
    by_model = {plan.model: plan for plan in plans if plan.config.seed == 0}
    return [
        FitPlan(
            model,
            "setting",
            (task,),
            replace(by_model[model].config, seed=seed),
        )
        for task, names in models.items()
        for model in names
        for seed in range(config.seeds)
    ]


def select(outputs: Sequence[FitOutput], tasks: Sequence[str]) -> dict[str, Selected]:
    """Best fusion and best single modality of each task by validation accuracy, mean over seeds."""
    selected: dict[str, Selected] = {}
    for task in tasks:
        means: dict[str, dict[str, float]] = {"fusion": {}, "single": {}}
        for output in outputs:
            sums = means[output.plan.kind]
            sums[output.plan.model] = sums.get(output.plan.model, 0.0) + output.val_accuracy[task]
        best = {kind: max(sums, key=sums.__getitem__) for kind, sums in means.items() if sums}
        selected[task] = Selected(fusion=best.get("fusion"), single=best["single"])
    return selected
