"""A small made-up results file in the format that a comparison writes, for the tests of charts and pages.

In: nothing. Out: `Results` and their JSON, with two fusions, three single inputs, two tasks, all seven subsets, a
prediction for each test row and everything that is read off a model; and a finished run with its data beside it.
"""

from __future__ import annotations

import csv
import functools
import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from PIL import Image

from retail.comparison.chosen import attribution_rows, calibration_row, cascade_rows
from retail.comparison.chosen_rows import Conformal
from retail.comparison.cost import EncodeCost, cost_rows
from retail.comparison.result_rows import SubsetScore
from retail.comparison.results import FORMAT, Results
from retail.config import CompareConfig
from retail.evaluation.hierarchy import hierarchy_row
from retail.evaluation.reports import PromiseKept, SubsetCertainty
from retail.evaluation.subsets import TaskAnswers
from retail.files.record import Record
from retail.metrics.calibration import error_by_chance
from retail.metrics.conformal import conformal_rows
from retail.metrics.promises import kept, thresholds
from retail.metrics.scores import expected_calibration_error
from retail.schema import MODALITIES, SUBSETS, Subset

# (model, kind, inputs, title, accuracy per task)
MODELS = (
    ("gated", "fusion", MODALITIES, "Gated sum", {"product": 0.84, "brand": 0.70}),
    ("mean", "fusion", MODALITIES, "Mean of answers", {"product": 0.79, "brand": 0.68}),
    ("image", "single", ("image",), "Photo only", {"product": 0.71, "brand": 0.72}),
    ("text", "single", ("text",), "Description only", {"product": 0.66, "brand": 0.40}),
    ("audio", "single", ("audio",), "Sound only", {"product": 0.39, "brand": 0.30}),
)
CLASSES = {"product": ["beans", "cocoa", "tea"], "brand": ["Fen", "Oak"]}
# Beans and cocoa are Fen's, tea is Oak's: product lies within brand.
BRAND_OF = np.array([0, 0, 1])
N_TEST = 200
SEEDS = (0, 1)
COLOURS = {"beans": (120, 70, 30), "cocoa": (70, 40, 20), "tea": (40, 120, 60)}


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
    p_value = 0.001 if low > 0 or high < 0 else 0.4
    tests = {"wins": 40, "losses": 14, "p_value": p_value, "p_holm": min(2 * p_value, 1.0), "cohens_h": 2 * gain}
    return row | tests | {"n": N_TEST, "standard_error": 0.015, "significant": low > 0 or high < 0}


def targets() -> dict[str, np.ndarray]:
    """The true class of each test row: products in turn, each of one brand."""
    product = np.arange(N_TEST) % 3
    return {"product": product, "brand": BRAND_OF[product]}


def _predictions(model: str, accuracy: float, task: str, seed: int) -> dict[str, list]:
    """Exactly as many right answers as the accuracy says; a mistake is the next class."""
    rng = np.random.default_rng([seed, *model.encode(), len(task)])
    target = targets()[task]
    wrong = rng.permutation(N_TEST)[round(accuracy * N_TEST) :]
    preds = target.copy()
    preds[wrong] = (preds[wrong] + 1) % len(CLASSES[task])
    return {"preds": preds.tolist(), "confidence": np.round(rng.uniform(0.5, 1, N_TEST), 4).tolist()}


def _answers(task: str) -> TaskAnswers:
    """Made-up probabilities that grow surer and more right with each input."""
    rng = np.random.default_rng(len(task))
    target, classes = targets()[task], len(CLASSES[task])

    def probs(subset: tuple) -> np.ndarray:
        evidence = rng.normal(size=(N_TEST, classes)) + 0.7 * len(subset) * np.eye(classes)[target]
        return np.exp(evidence) / np.exp(evidence).sum(1, keepdims=True)

    val, test = ({subset: probs(subset) for subset in SUBSETS} for _ in range(2))
    everyone = np.ones(N_TEST, dtype=bool)
    present = dict.fromkeys(MODALITIES, everyone)
    sharper = test[MODALITIES] ** 2
    before = sharper / sharper.sum(1, keepdims=True)
    return TaskAnswers(tuple(CLASSES[task]), 1.5, before, val, test, target, target, present)


def _read_off() -> dict[str, list[dict[str, Any]]]:
    """The rows of every reading, by the functions that a comparison itself uses."""
    rows: dict[str, list[Record]] = {
        name: [] for name in "calibration conformal attribution cascade costs subset_certainty".split()
    }
    loss = {"dedicated": 0.7, "loss": 0.06, "loss_low": 0.02, "loss_high": 0.1}
    dedicated = [row | loss for task in CLASSES for row in _subsets(task) if row["model"] == "gated"]
    answers = {task: _answers(task) for task in CLASSES}
    costs = {m: EncodeCost(0.01 * (place + 1), 10.0) for place, m in enumerate(MODALITIES)}
    for task, answer in answers.items():
        rows["calibration"].append(calibration_row(task, "gated", answer))
        sets = conformal_rows(answer.val[MODALITIES], answer.val_target, answer.test[MODALITIES], answer.test_target)
        rows["conformal"] += [Conformal(task=task, model="gated", **vars(kept)) for kept in sets]
        rows["attribution"] += attribution_rows(task, "gated", answer)
        rows["cascade"] += cascade_rows(task, "gated", answer)
        subsets = [SubsetScore(**row) for row in _subsets(task) if row["model"] == "gated"]
        rows["costs"] += cost_rows(subsets, costs)
        rows["subset_certainty"] += [_certainty(task, subset, answer.test[subset], answer) for subset in SUBSETS]
    found = {name: [row.model_dump(mode="json", by_alias=True) for row in made] for name, made in rows.items()}
    hierarchy = hierarchy_row("product", answers, {"brand": BRAND_OF})
    return found | {"dedicated": dedicated, "hierarchy": [asdict(hierarchy)]}


def _certainty(task: str, subset: Subset, probs: np.ndarray, answer: TaskAnswers) -> SubsetCertainty:
    """Of these probabilities, with thresholds from the very same rows."""
    confidence, correct = probs.max(1), probs.argmax(1) == answer.test_target
    wishes = (0.9, 0.95, 0.99)
    judged = [
        kept(float(t), confidence, correct, w)
        for t, w in zip(thresholds(confidence, correct, wishes), wishes, strict=True)
    ]
    return SubsetCertainty(
        task=task,
        modalities=subset,
        n=N_TEST,
        accuracy=correct.mean(),
        accuracy_low=correct.mean() - 0.03,
        accuracy_high=correct.mean() + 0.03,
        temperature=answer.temperature,
        ece_before=0.2,
        ece=expected_calibration_error(confidence, correct),
        ece_by_chance=error_by_chance(confidence),
        promises=tuple(PromiseKept(**vars(wish), needed=None if wish.threshold else 1200) for wish in judged),
        set_coverage=0.96,
        set_size=1.5,
        rises=0.25 if len(subset) > 1 else None,
        unknown=0.04,
    )


def _subsets(task: str) -> list[dict[str, Any]]:
    return [
        {"task": task, "model": model[0], "modalities": list(subset), "n": N_TEST}
        | _interval(model[4][task] - 0.1 * (3 - len(subset)))
        for model in MODELS
        if model[1] == "fusion"
        for subset in SUBSETS
    ]


def ids() -> list[str]:
    """The test rows' ids, in order."""
    return [f"row {row:03}" for row in range(N_TEST)]


def as_results(values: dict[str, Any]) -> Results:
    """The results that a file with these keys holds."""
    return Results.model_validate(values)


@functools.cache
def sample_results() -> Results:
    """Fusion clearly pays for `product`; for `brand` nobody can tell."""
    return as_results(sample_json())


def sample_json() -> dict[str, Any]:
    """The same as it stands in a file, to be changed: a fresh copy each time."""
    return json.loads(_sample_json())


def results_of(**parts: Any) -> Results:
    """Results that hold these parts and nothing else."""
    empty = {name: [] if isinstance(value, list) else {} for name, value in sample_json().items()}
    kept = {name: sample_json()[name] for name in ("format", "created", "data", "cost", "predictions")}
    rows = {name: [_plain(row) for row in part] if isinstance(part, list) else part for name, part in parts.items()}
    return as_results(empty | kept | rows)


def _plain(row: Any) -> Any:
    return row.model_dump(mode="json", by_alias=True) if isinstance(row, Record) else row


@functools.cache
def _sample_json() -> str:
    fusions = [model for model in MODELS if model[1] == "fusion"]
    settings = {"neither": 0.71, "multi-modal": 0.83, "multi-task": 0.70, "both": 0.84}
    results = {
        "format": FORMAT,
        "created": "2026-01-01T00:00:00+00:00",
        "config": CompareConfig().to_dict(),
        "protocol": ["Everything here is made up."],
        "seeds": list(SEEDS),
        "data": {"name": "sample", "checksum": "0" * 64, "n_train": 700, "n_val": 100, "n_test": N_TEST},
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
        "scores": [_score(task, model, seed) for task in CLASSES for model in MODELS for seed in (None, *SEEDS)],
        "differences": [_difference(task, model) for task in CLASSES for model in fusions],
        "subsets": [row for task in CLASSES for row in _subsets(task)],
        "settings": [
            {"task": task, "setting": setting, "model": "gated", "tasks": list(CLASSES)}
            | {"modalities": list(MODALITIES), "n": N_TEST}
            | _interval(accuracy)
            for task in CLASSES
            for setting, accuracy in settings.items()
        ],
        **_read_off(),
        "doctor": {},
        "predictions": {
            "ids": ids(),
            "groups": None,
            "targets": {task: target.tolist() for task, target in targets().items()},
            "models": {
                name: {
                    str(seed): {task: _predictions(name, accuracy[task], task, seed) for task in CLASSES}
                    for seed in SEEDS
                }
                for name, _, _, _, accuracy in MODELS
            },
        },
        "validation": [],
        "tuning": [],
        "cost": {"seconds": 1.0, "fits": 1, "peak_memory_mib": 1, "machine": "none", "encoders": {}},
    }
    return json.dumps(results)


def curve_results() -> dict[str, Any]:
    """What `python -m retail curve --out` writes, for two methods."""
    rows = [
        {"method": method, "task": "product", "shots": shots, "n_train": 3, "n": N_TEST, "draws": 5}
        | _interval(0.5 + 0.1 * place)
        | {"interval": "draws"}
        for method in ("linear", "prototypes")
        for place, shots in enumerate((1, 4, "all"))
    ]
    data = {"name": "sample", "checksum": "0", "split": "val", "n_train": 9, "n_scored": N_TEST}
    facts = {"encoder": "tiny:image", "tasks": ["product"], "draws": 5, "configs": []}
    return {"format": "retail-curve/2", "data": data, "rows": rows} | facts


def write_sample_data(folder: Path) -> Path:
    """The 200 test products: one photo and one tone a class, words of their own."""
    folder.mkdir(parents=True, exist_ok=True)
    for place, (name, colour) in enumerate(COLOURS.items()):
        Image.new("RGB", (64, 64), colour).save(folder / f"{name}.png")
        tone = 0.2 * np.sin(np.arange(8000) * 0.1 * (place + 1))
        soundfile.write(folder / f"{name}.wav", tone.astype("float32"), 16000)
    true = targets()
    with (folder / "metadata.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["id", "image_file_name", "audio_file_name", "text", "product", "brand", "split"])
        for row, name in enumerate(ids()):
            product, brand = (CLASSES[task][true[task][row]] for task in ("product", "brand"))
            writer.writerow([name, f"{product}.png", f"{product}.wav", f"words of {name}", product, brand, "test"])
    return folder


def write_finished_run(home: Path, run_id: str = "20260101-000000-test", results: dict[str, Any] | None = None) -> Path:
    """A run that is done, as the dashboard finds it in its home folder, with its data."""
    folder = home / "runs" / run_id
    folder.mkdir(parents=True, exist_ok=True)
    results = results or sample_json()
    if results["format"] == FORMAT:
        results["data"]["path"] = str(write_sample_data(home / "sample"))
    facts = {"title": "Sample comparison", "pid": 0, "started": time.time(), "command": []}
    (folder / "job.json").write_text(json.dumps(facts), encoding="utf-8")
    (folder / "status.json").write_text(json.dumps({"state": "done"}), encoding="utf-8")
    (folder / "results.json").write_text(json.dumps(results), encoding="utf-8")
    return folder
