"""A small made-up results file in the format that a comparison writes, for the tests of charts and pages.

In: nothing. Out: a dictionary with two fusions, three single inputs, two tasks and all seven subsets.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from retail.schema import MODALITIES, SUBSETS

# (model, kind, inputs, title, accuracy per task)
MODELS = (
    ("gated", "fusion", MODALITIES, "Gated sum", {"product": 0.84, "brand": 0.70}),
    ("mean", "fusion", MODALITIES, "Mean of answers", {"product": 0.79, "brand": 0.68}),
    ("image", "single", ("image",), "Photo only", {"product": 0.71, "brand": 0.72}),
    ("text", "single", ("text",), "Description only", {"product": 0.66, "brand": 0.40}),
    ("audio", "single", ("audio",), "Sound only", {"product": 0.39, "brand": 0.30}),
)
CLASSES = {"product": ["beans", "cocoa", "tea"], "brand": ["Fen", "Oak"]}
N_TEST = 200


def _interval(accuracy: float) -> dict[str, float]:
    return {"accuracy": accuracy, "accuracy_low": accuracy - 0.04, "accuracy_high": accuracy + 0.04}


def _score(task: str, model: tuple, seed: int | None) -> dict[str, Any]:
    name, kind, modalities, _, accuracy = model
    row = {"task": task, "model": name, "kind": kind, "modalities": list(modalities), "seed": seed, "split": "test"}
    others = {"balanced_accuracy": accuracy[task] - 0.01, "macro_f1": accuracy[task] - 0.02, "ece": 0.05}
    return row | {"n": N_TEST} | _interval(accuracy[task]) | others


def _difference(task: str, model: tuple) -> dict[str, Any]:
    best = max((m for m in MODELS if m[1] == "single"), key=lambda m: m[4][task])
    gain = model[4][task] - best[4][task]
    low, high = gain - 0.03, gain + 0.03
    row = {"task": task, "model": model[0], "baseline": best[0], "difference": gain, "low": low, "high": high}
    return row | {"n": N_TEST, "significant": low > 0 or high < 0}


def sample_results() -> dict[str, Any]:
    """Fusion clearly pays for `product`; for `brand` nobody can tell."""
    fusions = [model for model in MODELS if model[1] == "fusion"]
    settings = {"neither": 0.71, "multi-modal": 0.83, "multi-task": 0.70, "both": 0.84}
    return {
        "format": "retail-results/1",
        "created": "2026-01-01T00:00:00+00:00",
        "config": {},
        "seeds": [0, 1],
        "data": {"name": "sample", "checksum": "0", "n_train": 700, "n_val": 100, "n_test": N_TEST},
        "encoders": {},
        "tasks": CLASSES,
        "models": [
            {
                "model": name,
                "kind": kind,
                "modalities": list(modalities),
                "title": title,
                "summary": f"How {title} works.",
                "level": "feature" if kind == "fusion" else "single",
                "source": "Somebody 2020",
            }
            for name, kind, modalities, title, _ in MODELS
        ],
        "selected": {task: {"fusion": "gated", "single": "image"} for task in CLASSES},
        "scores": [_score(task, model, seed) for task in CLASSES for model in MODELS for seed in (None, 0, 1)],
        "differences": [_difference(task, model) for task in CLASSES for model in fusions],
        "subsets": [
            {"task": task, "model": model[0], "modalities": list(subset), "n": N_TEST}
            | _interval(model[4][task] - 0.1 * (3 - len(subset)))
            for task in CLASSES
            for model in fusions
            for subset in SUBSETS
        ],
        "settings": [
            {"task": task, "setting": setting, "modalities": list(MODALITIES), "tasks": list(CLASSES), "n": N_TEST}
            | _interval(accuracy)
            for task in CLASSES
            for setting, accuracy in settings.items()
        ],
        "predictions": {"ids": [], "targets": {}, "models": {}},
        "cost": {"seconds": 1.0, "peak_memory_mib": 1, "machine": "none"},
    }


def write_finished_run(home: Path, run_id: str = "20260101-000000-test") -> Path:
    """A run that is done, as the dashboard finds it in its home folder."""
    folder = home / "runs" / run_id
    folder.mkdir(parents=True, exist_ok=True)
    facts = {"title": "Sample comparison", "pid": 0, "started": time.time(), "command": []}
    (folder / "job.json").write_text(json.dumps(facts), encoding="utf-8")
    (folder / "status.json").write_text(json.dumps({"state": "done"}), encoding="utf-8")
    (folder / "results.json").write_text(json.dumps(sample_results()), encoding="utf-8")
    return folder
