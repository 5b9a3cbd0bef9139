"""A results file as large as that of a full comparison, for measuring the dashboard without training anything.

In: the shipped demo comparison. Out: the same rows for five tasks, twelve strategies, five seeds and 588 test products.
Shape and size are those of `compare` on the fashion set; the figures are the demo's, repeated, and mean nothing.
"""

from __future__ import annotations

import json
import sys
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from retail.comparison.results import Results

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
DEMO = ROOT / "data" / "demo_results.json"
CLASSES = {"article_type": 30, "base_colour": 20, "gender": 5, "season": 4, "usage": 4}
ROWS, SEEDS = 588, 5
PER_TASK = (
    "validation scores differences subsets settings dedicated calibration conformal attribution cascade costs"
).split()


def made_up_results() -> Results:
    """What Compare reads, in the size of a full run."""
    from retail.comparison.results import Results
    from retail.fusion import strategies

    demo = json.loads(DEMO.read_text(encoding="utf-8"))
    known = {model["model"] for model in demo["models"]}
    pattern = next(model for model in demo["models"] if model["kind"] == "fusion")
    new = {name: head for name, head in strategies().items() if head.compared and name not in known}
    words = ("title", "summary", "level", "source")
    models = [pattern | {"model": name} | {word: getattr(head, word) for word in words} for name, head in new.items()]
    models = demo["models"] + models
    task_of = dict(zip(CLASSES, cycle(demo["tasks"]), strict=False))
    results = demo | {"models": models, "seeds": list(range(SEEDS)), "hierarchy": []}
    results["tasks"] = {task: [f"{task} {place}" for place in range(size)] for task, size in CLASSES.items()}
    results["selected"] = {task: demo["selected"][old] for task, old in task_of.items()}
    results["data"] = demo["data"] | {"n_train": 2042, "n_val": 295, "n_test": ROWS}
    for name in PER_TASK:
        rows = [row | {"task": task} for task, old in task_of.items() for row in demo[name] if row["task"] == old]
        rows = [row | {"n": ROWS} if "n" in row and "class" not in row else row for row in rows]
        rows += [row | {"model": model} for row in rows for model in new if row.get("model") == pattern["model"]]
        results[name] = [again for row in rows for again in _seeds(row)]
    return Results.model_validate(results | {"predictions": _predictions([model["model"] for model in models])})


def _seeds(row: dict[str, Any]) -> list[dict[str, Any]]:
    """The row, and for the demo's first seed those that the demo has not."""
    more = range(3, SEEDS) if row.get("seed") == 0 else ()
    return [row, *(row | {"seed": seed} for seed in more)]


def _predictions(models: list[str]) -> dict[str, Any]:
    """A prediction for each test row; seven of ten are right."""
    rng = np.random.default_rng(0)
    targets = {task: rng.integers(size, size=ROWS) for task, size in CLASSES.items()}

    def answered(task: str) -> dict[str, list]:
        guesses = rng.integers(CLASSES[task], size=ROWS)
        preds = np.where(rng.uniform(size=ROWS) < 0.7, targets[task], guesses)
        return {"preds": preds.tolist(), "confidence": np.round(rng.uniform(0.3, 1, ROWS), 4).tolist()}

    return {
        "ids": [f"product {row}" for row in range(ROWS)],
        "groups": None,
        "targets": {task: target.tolist() for task, target in targets.items()},
        "models": {
            model: {str(seed): {task: answered(task) for task in CLASSES} for seed in range(SEEDS)} for model in models
        },
    }
