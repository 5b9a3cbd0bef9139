"""Is an answer as sure as right, and does it keep its promises, for each task and each subset of the inputs?

In: the fashion set beside the project, or the demo. Out: tables on stdout. `python benchmarks/certainty.py simulation`
draws made-up answers; `folds` compares ways to calibrate on folds of validation rows; `test` looks at test rows;
`rule` trains with a rule that confidence must not rise when an input is taken away; `size` fits on many rows.
Options: `--data demo`, `--seeds 3`, `--strategies gated,stacking`, `--draws 1000`.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Iterator, Mapping
from types import SimpleNamespace
from typing import cast

import numpy as np
import torch
from calibrators import Calibrator, calibrators
from confidence_rule import compare_rule
from cost import FASHION, TASKS
from promise_draws import promises_hold, rows_would_do

import retail.certainty.sets as sets_room
from retail.certainty import Certainty
from retail.certainty.calibration import Calibration
from retail.certainty.judged import JudgedRows, judged_rows
from retail.certainty.promises import Promises
from retail.certainty.sets import PredictionSets
from retail.config import TrainConfig
from retail.dataset.reader import read_manifest
from retail.encoders import load_preset
from retail.evaluation.reports import SubsetCertainty
from retail.evaluation.subset_certainty import subset_certainty
from retail.files import DEMO_DIR, DEMO_TASKS
from retail.fusion import FusionHead
from retail.metrics.conformal import covered
from retail.metrics.scores import expected_calibration_error
from retail.schema import MODALITIES, SUBSETS, Subset
from retail.splits import Splits, prepare
from retail.store import EmbeddingStore
from retail.training import fit

FOLDS = 5
WISHED = (0.9, 0.95, 0.99)
CLASS_ROWS = 40  # in the rows that are looked at: a class with fewer has no coverage to speak of


def splits_of(name: str) -> Splits:
    manifest = read_manifest(DEMO_DIR, DEMO_TASKS) if name == "demo" else read_manifest(FASHION, TASKS.split(","))
    return prepare(manifest, load_preset("bundled", MODALITIES), EmbeddingStore())


def heads(splits: Splits, strategies: list[str], seeds: int) -> Iterator[tuple[str, int, FusionHead]]:
    for strategy in strategies:
        for seed in range(seeds):
            config = TrainConfig(strategy=strategy, seed=seed)
            yield strategy, seed, fit(splits.train, splits.val, splits.task_sizes, config).head


def targets_of(splits: Splits) -> dict[str, np.ndarray]:
    """-1 for no label, C_t for a class that training never saw."""
    found = {}
    for task, vocabulary in splits.vocabularies.items():
        places = np.array([vocabulary.index(label) if label else -1 for label in splits.labels[task]])
        found[task] = np.where((places < 0) & (splits.labels[task] != ""), len(vocabulary), places)
    return found


def parts(
    rows: Mapping[Subset, JudgedRows], seed: int
) -> list[tuple[dict[Subset, JudgedRows], dict[Subset, JudgedRows]]]:
    """Validation rows in folds of whole groups: (to fit on, to look at)."""

    def cut(judged: JudgedRows, inside: np.ndarray) -> JudgedRows:
        logits, targets = (
            {t: v[torch.from_numpy(inside)] for t, v in d.items()} for d in (judged.logits, judged.targets)
        )
        return JudgedRows(logits, targets, None if judged.groups is None else judged.groups[inside])

    found = []
    for fold in range(FOLDS):
        seen, kept = {}, {}
        for subset, judged in rows.items():
            n = len(next(iter(judged.targets.values())))
            names = np.arange(n).astype(str) if judged.groups is None else judged.groups.astype(str)
            codes = np.unique(names, return_inverse=True)[1]
            place = np.random.default_rng(seed).permutation(codes.max() + 1)[codes] % FOLDS
            seen[subset], kept[subset] = cut(judged, place != fold), cut(judged, place == fold)
        found.append((seen, kept))
    return found


def answer_figures(probs: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Confidence, correctness and loss of each row."""
    known = target < probs.shape[1]
    right = np.full(len(target), 1e-6)
    right[known] = np.maximum(probs[np.flatnonzero(known), target[known]], 1e-6)
    return probs.max(1), probs.argmax(1) == target, -np.log(right)


def summary(name: str, figures: list[tuple[np.ndarray, np.ndarray, np.ndarray]]) -> str:
    rng = np.random.default_rng(0)
    ece = [100 * expected_calibration_error(sure, right) for sure, right, _ in figures]
    chance = [
        100 * np.mean([expected_calibration_error(sure, rng.random(len(sure)) < sure) for _ in range(12)])
        for sure, _, _ in figures
    ]
    means = [np.mean([value.mean() for value in column]) for column in zip(*figures, strict=True)]
    return (
        f"{name:38} ECE {np.mean(ece):5.2f} (by chance {np.mean(chance):.2f}), highest {np.max(ece):5.1f}, "
        f"loss {means[2]:.4f}, accuracy {100 * means[1]:.2f}"
    )


def folds(splits: Splits, strategies: list[str], seeds: int) -> None:
    """Every way to calibrate, fitted on four fifths of the validation rows and looked at on the rest."""
    found: dict[str, list[tuple[np.ndarray, np.ndarray, np.ndarray]]] = {}
    together: dict[tuple[str, str, Subset], list[tuple[np.ndarray, np.ndarray]]] = {}
    covers: dict[tuple[str, float], list[tuple[float, float, float]]] = {}
    for strategy, _, head in heads(splits, strategies, seeds):
        cells: dict[tuple[str, str, Subset], list[tuple[np.ndarray, np.ndarray]]] = {}
        inside: dict[tuple[str, float, str, Subset], list[np.ndarray]] = {}
        for seen, kept in parts(judged_rows(head, splits.val, splits.val_groups), 0):
            made = calibrators(head, seen)
            for subset, judged in kept.items():
                for task in head.tasks:
                    logits, target, _ = (x if x is None else np.asarray(x) for x in judged.labelled(task))
                    for name, probs_of in made.items():
                        cells.setdefault((name, task, subset), []).append((probs_of(task, subset, logits), target))
            _look_at_sets(head, seen, kept, made["the same + beta of the top (kept)"], inside)
        for (name, task, subset), pieces in cells.items():
            probs, target = (np.concatenate(piece) for piece in zip(*pieces, strict=True))
            found.setdefault(name, []).append(answer_figures(probs, target))
            if name.endswith("(kept)"):
                together.setdefault((strategy, task, subset), []).append((probs, target))
        for (name, wished, *_), rows in inside.items():
            covers.setdefault((name, wished), []).append(_cover(np.concatenate(rows)))
    for name, figures in found.items():
        print(summary(name, figures))
    ensemble = [answer_figures(np.mean([p for p, _ in same], axis=0), same[0][1]) for same in together.values()]
    print(summary(f"mean of {seeds} kept heads ({seeds} times the cost)", ensemble))
    for (name, wished), rows in covers.items():
        cover, size, worst = np.array(rows).T
        print(
            f"sets, {100 * wished:g} %, {name}: coverage {100 * cover.mean():.1f}, lowest pair "
            f"{100 * cover.min():.1f}, size {size.mean():.2f}, worst class {100 * np.nanmean(worst):.1f} "
            f"(lowest {100 * np.nanmin(worst):.1f})"
        )


def _look_at_sets(
    head: FusionHead,
    seen: Mapping[Subset, JudgedRows],
    kept: Mapping[Subset, JudgedRows],
    probs_of: Calibrator,
    inside: dict[tuple[str, float, str, Subset], list[np.ndarray]],
) -> None:
    """Adds (N, 3) rows of covered, size and class."""
    calibration, before = Calibration.fit(head, seen), sets_room.CLASS_ROWS
    for rows, name in ((10**9, "one bound"), (40, "own bounds from 40 rows"), (100, "own bounds from 100 rows (kept)")):
        sets_room.CLASS_ROWS = rows
        made = PredictionSets.fit(calibration, seen)
        for subset, judged in kept.items():
            for task in head.tasks:
                logits, target, _ = (x if x is None else np.asarray(x) for x in judged.labelled(task))
                for wished in WISHED:
                    found = made.of(task, subset, probs_of(task, subset, logits), wished)
                    row = np.stack([covered(found, target), found.sum(1), target], axis=1)
                    inside.setdefault((name, wished, task, subset), []).append(row)
    sets_room.CLASS_ROWS = before


def _cover(rows: np.ndarray) -> tuple[float, float, float]:
    """Coverage, mean size and coverage of the worst class with rows enough, from (N, 3)."""
    classes, counts = np.unique(rows[:, 2], return_counts=True)
    worst = [rows[rows[:, 2] == c, 0].mean() for c in classes[counts >= CLASS_ROWS]]
    return float(rows[:, 0].mean()), float(rows[:, 1].mean()), min(worst, default=float("nan"))


def on_test(splits: Splits, strategies: list[str], seeds: int) -> None:
    """Calibration, promises and sets on test rows; one line a pair for the first head, then what all of them give."""
    targets, old, covers = targets_of(splits), [], []
    all_rows: list[SubsetCertainty] = []
    for strategy, seed, head in heads(splits, strategies, seeds):
        certainty = Certainty.fit(head, splits.train, splits.val, splits.val_groups)
        rows = subset_certainty(certainty, head, splits.test, targets, splits.groups)
        val = judged_rows(head, splits.val, splits.val_groups)
        way = calibrators(head, val)["temperature of all inputs"]
        for subset, judged in judged_rows(head, splits.test).items():
            whole = torch.stack([splits.test.present[m] for m in subset]).all(0).numpy()
            for task in head.tasks:
                target = targets[task][whole]
                known = target >= 0
                logits = judged.logits[task].numpy()[known]
                sure, right, _ = answer_figures(way(task, subset, logits), target[known])
                old.append(expected_calibration_error(sure, right))
                probs = certainty.calibration.probs(task, subset, judged.logits[task][torch.from_numpy(known)]).numpy()
                for wished in WISHED:
                    found = certainty.sets.of(task, subset, probs, wished)
                    inside = covered(found, target[known])
                    covers.append((wished, *_cover(np.stack([inside, found.sum(1), target[known]], axis=1))))
        for row in rows if not all_rows else ():
            kept = ", ".join(_promise(certainty, row, place) for place in range(len(WISHED)))
            print(
                f"{row.task:13}{'+'.join(row.modalities):17} n {row.n} accuracy {100 * row.accuracy:.1f} "
                f"[{100 * row.accuracy_low:.1f}, {100 * row.accuracy_high:.1f}] T {row.temperature:.2f} "
                f"slope {certainty.calibration.slope(row.task, row.modalities):.2f} "
                f"ECE {100 * row.ece_before:.1f} -> {100 * row.ece:.1f} (chance {100 * row.ece_by_chance:.1f}) "
                f"| {kept} | set {100 * row.set_coverage:.1f} size {row.set_size:.2f} "
                f"rises {100 * _share(row.rises):.0f}"
            )
        _conclude(f"{strategy} {seed}", rows)
        all_rows += rows
    _conclude("all heads", all_rows)
    print(f"all-inputs temperature: mean ECE {100 * np.mean(old):.2f}, highest {100 * np.max(old):.1f}")
    for wished in WISHED:
        cover, size, worst = np.array([row[1:] for row in covers if row[0] == wished]).T
        print(
            f"sets, {100 * wished:g} %: coverage {100 * cover.mean():.1f}, lowest pair {100 * cover.min():.1f}, size "
            f"{size.mean():.2f}, worst class {100 * np.nanmean(worst):.1f} (lowest {100 * np.nanmin(worst):.1f})"
        )


def _share(found: float | None) -> float:
    return float("nan") if found is None else found


def _promise(certainty: Certainty, row: SubsetCertainty, place: int) -> str:
    kept = row.promises[place]
    if kept.threshold is None or kept.accuracy is None:
        needed = certainty.promises.rows_needed(row.task, row.modalities, kept.wished)
        return f"{100 * kept.wished:g}: needs {needed or 'more than any'} rows"
    broken = " BROKEN" if kept.broken else ""
    return f"{100 * kept.wished:g}: {100 * kept.accuracy:.1f} of {100 * kept.coverage:.0f}{broken}"


def _conclude(name: str, rows: list[SubsetCertainty]) -> None:
    ece, chance = np.array([row.ece for row in rows]), np.array([row.ece_by_chance for row in rows])
    line = (
        f"{name}: mean ECE {100 * np.mean([row.ece_before for row in rows]):.2f} -> {100 * ece.mean():.2f} (95 % of "
        f"chance {100 * chance.mean():.2f}), highest {100 * ece.max():.1f}, furthest outside chance "
        f"{100 * (ece - chance).max():.1f}, outside at all {int((ece > chance).sum())} of {len(rows)}; rises "
        f"{100 * np.nanmean([_share(row.rises) for row in rows]):.0f} %"
    )
    for place, wished in enumerate(WISHED):
        made = [row.promises[place] for row in rows if row.promises[place].threshold is not None]
        line += (
            f"; {100 * wished:g} %: {len(made)} of {len(rows)} promised, {sum(p.broken for p in made)} broken, "
            f"coverage {100 * np.mean([row.promises[place].coverage for row in rows]):.1f}"
        )
    print(line, flush=True)


def size() -> None:
    """10,000 rows and 3,000 classes with three inputs: seconds and peak memory."""
    generator = torch.Generator().manual_seed(0)
    head = cast(FusionHead, SimpleNamespace(tasks={"kind": 3000}))
    target = torch.randint(0, 3000, (10_000,), generator=generator)
    rows = {}
    for subset in SUBSETS:
        logits = torch.randn(10_000, 3000, generator=generator)
        logits[torch.arange(10_000), target] += 5.0
        rows[subset] = JudgedRows({"kind": logits}, {"kind": target}, None)
    before, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
    calibration = Calibration.fit(head, rows)
    calibrated = time.perf_counter()
    Promises.fit(calibration, rows)
    promised = time.perf_counter()
    PredictionSets.fit(calibration, rows)
    print(
        f"10,000 rows x 3,000 classes x {len(SUBSETS)} subsets: calibration {calibrated - started:.1f} s, promises "
        f"{promised - calibrated:.1f} s, sets {time.perf_counter() - promised:.1f} s; peak "
        f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB, {before / 1024:.0f} of it the logits"
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("parts", nargs="+", choices=("simulation", "folds", "test", "rule", "size"))
    parser.add_argument("--data", choices=("fashion", "demo"), default="fashion")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--strategies", default="gated,stacking")
    parser.add_argument("--draws", type=int, default=1000)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    if "simulation" in asked.parts:
        promises_hold(asked.draws)
        rows_would_do(asked.draws // 10)
    if "size" in asked.parts:
        size()
    if {"folds", "test", "rule"} & set(asked.parts):
        splits, strategies = splits_of(asked.data), asked.strategies.split(",")
        for part, work in (("folds", folds), ("test", on_test), ("rule", compare_rule)):
            if part in asked.parts:
                work(splits, strategies, asked.seeds)


if __name__ == "__main__":
    main()
