"""The same grid for baselines and fusions, chosen on validation."""

from __future__ import annotations

from types import SimpleNamespace

from retail.comparison.plans import plan_models
from retail.comparison.tuning import GRID, grid_plans, tune
from retail.config import CompareConfig

PLANS = plan_models(CompareConfig(strategies=("gated",), seeds=2), ("kind",), ("image", "text"))


def test_every_model_gets_every_setting_once():
    tried = grid_plans(PLANS)
    counts = {model: sum(plan.model == model for plan in tried) for model in ("image", "text", "gated")}
    assert set(counts.values()) == {len(GRID)} and all(plan.config.seed == 0 for plan in tried)
    assert {plan.config.learning_rate for plan in tried if plan.model == "image"} == {3e-3, 1e-3, 1e-2}


def test_the_best_setting_on_validation_is_used_for_all_seeds():
    def run(plans):
        def accuracy(plan):
            return 0.9 if plan.model == "gated" and plan.config.learning_rate == 1e-2 else 0.5

        return [SimpleNamespace(plan=plan, val_accuracy={"kind": accuracy(plan)}) for plan in plans]

    chosen, rows = tune(PLANS, run)
    rates = {(plan.model, plan.config.seed): plan.config.learning_rate for plan in chosen}
    assert rates["gated", 0] == rates["gated", 1] == 1e-2
    assert rates["image", 0] == 3e-3  # a tie keeps the default
    assert len(rows) == 3 * len(GRID) and sum(row.chosen for row in rows) == 3
