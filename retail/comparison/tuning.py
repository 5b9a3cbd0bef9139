"""The same tuning for everyone: each baseline and each fusion tries the same settings and validation chooses.

In: the plans of a comparison. Out: the plans with each model's chosen settings, and what every setting scored.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from retail.comparison.fits import FitOutput, FitPlan
from retail.comparison.result_rows import Tuning

# The settings that matter most to a small head on frozen embeddings; the first one is the default.
GRID: tuple[dict[str, float], ...] = (
    {},
    {"learning_rate": 1e-3},
    {"learning_rate": 1e-2},
    {"dropout": 0.2},
    {"weight_decay": 0.2},
)

RunFits = Callable[[Sequence[FitPlan]], list[FitOutput]]


def grid_plans(plans: Sequence[FitPlan]) -> list[FitPlan]:
    """Every model with every setting, one seed each: the same budget for a baseline as for a fusion."""
    first = [plan for plan in plans if plan.config.seed == 0]
    return [replace(plan, config=replace(plan.config, **setting)) for plan in first for setting in GRID]  # type: ignore


def tune(plans: Sequence[FitPlan], run: RunFits) -> tuple[list[FitPlan], list[Tuning]]:
    """Plans with each model's best setting by mean validation accuracy over tasks (the default wins a tie)."""
    tried = grid_plans(plans)
    best: dict[str, tuple[float, dict[str, float]]] = {}
    scored: list[tuple[str, dict[str, float], float]] = []
    for place, output in enumerate(run(tried)):
        setting, model = GRID[place % len(GRID)], output.plan.model
        accuracy = sum(output.val_accuracy.values()) / len(output.val_accuracy)
        scored.append((model, setting, accuracy))
        if model not in best or accuracy > best[model][0]:
            best[model] = (accuracy, setting)
    chosen = [replace(plan, config=replace(plan.config, **best[plan.model][1])) for plan in plans]  # type: ignore
    return chosen, [
        Tuning(model=model, setting=setting, val_accuracy=accuracy, chosen=best[model][1] == setting)
        for model, setting, accuracy in scored
    ]
