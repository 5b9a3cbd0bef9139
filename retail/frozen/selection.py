"""The table of feature-based transfer: every regime with its settings chosen by cross-validation within train.

In: embedded splits of one modality and the names of regimes. Out: a results dictionary, one row per regime and task.
Validation (or test) rows are scored once, with what cross-validation chose; they choose nothing.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from retail.config import DIMS, PENALTIES, RegimeConfig
from retail.frozen.folds import Folds
from retail.frozen.models import FeatureMap, Regime, fit_map, fit_regime
from retail.frozen.rows import Rows
from retail.metrics.scores import score
from retail.schema import Progress, Vocabulary
from retail.splits import groups_of
from retail.system import peak_memory_mib

# Fits a map for a configuration on given rows; on a source it ignores the rows.
MapFit = Callable[[Rows, RegimeConfig], FeatureMap]


def candidates(regime: RegimeConfig, dims: Sequence[int], penalties: Sequence[float]) -> list[RegimeConfig]:
    """The settings to try: numbers of dimensions and penalties, where the regime has them."""
    has_dims = regime.feature_map in ("pca", "svd", "bottleneck")
    has_penalty = regime.classifier != "prototypes" or regime.feature_map == "bottleneck"
    return [
        replace(regime, dims=count, penalty=penalty)
        for count in (dims if has_dims else [regime.dims if regime.feature_map == "none" else max(dims)])
        for penalty in (penalties if has_penalty else [regime.penalty])
    ]


def map_fit(sizes: Mapping[str, int], source: tuple[Rows, Mapping[str, int]] | None = None) -> MapFit:
    """Fits maps on the rows given, or always on the source's rows and tasks."""
    fitted: dict[RegimeConfig, FeatureMap] = {}

    def fit(rows: Rows, config: RegimeConfig) -> FeatureMap:
        if source is None:
            return fit_map(rows.embeddings, rows.targets, sizes, config)
        if (key := map_key(config)) not in fitted:
            fitted[key] = fit_map(source[0].embeddings, source[0].targets, source[1], config)
        return fitted[key]

    return fit


def map_key(config: RegimeConfig) -> RegimeConfig:
    """Equal for configurations whose maps are equal."""
    penalty = config.penalty if config.feature_map == "bottleneck" else 1.0
    return replace(config, classifier="linear", penalty=penalty)


def cross_validate(
    configs: Sequence[RegimeConfig],
    train: Rows,
    sizes: Mapping[str, int],
    folds: Folds,
    fit_map_of: MapFit,
    progress: Progress | None = None,
) -> list[dict[str, np.ndarray]]:
    """Per configuration {task: (folds,) accuracy on the rows held out}; maps are fitted again in every fold."""
    accuracies: list[dict[str, list[float]]] = [{task: [] for task in sizes} for _ in configs]
    done = 0
    for inside, outside in folds:
        part, held = train.at(inside), train.at(outside)
        maps: dict[RegimeConfig, FeatureMap] = {}
        for config, accuracy in zip(configs, accuracies, strict=True):
            if (key := map_key(config)) not in maps:
                maps[key] = fit_map_of(part, config)
            regime = fit_regime(part.embeddings, part.targets, sizes, config, maps[key])
            for task, value in _accuracies(regime, held):
                accuracy[task].append(value)
            done += 1
            if progress:
                progress("cross-validating", done, len(configs) * len(folds))
    return [{task: np.array(values) for task, values in accuracy.items()} for accuracy in accuracies]


def _accuracies(regime: Regime, rows: Rows) -> Iterator[tuple[str, float]]:
    for task, logits in regime.logits(rows.embeddings).items():
        known = rows.targets[task] >= 0
        if known.any():
            yield task, float((logits.argmax(1) == rows.targets[task])[known].float().mean())


def mean_accuracy(accuracy: Mapping[str, np.ndarray]) -> float:
    """Mean over the tasks of the mean over folds: what settings and regimes are chosen by."""
    return float(np.mean([values.mean() for values in accuracy.values() if len(values)]))


def measure(
    regimes: Sequence[RegimeConfig],
    train: Rows,
    scored: Rows,
    vocabularies: Mapping[str, Vocabulary],
    folds: Folds,
    dims: Sequence[int] = DIMS,
    penalties: Sequence[float] = PENALTIES,
    source: tuple[Rows, Mapping[str, int]] | None = None,
    progress: Progress | None = None,
) -> tuple[dict[str, Any], list[Regime]]:
    """Chooses each regime's settings on folds of `train`, fits on all of it and scores the `scored` rows once.

    Returns the results and the fitted regimes, those first whose cross-validated accuracy is highest.
    """
    sizes = {task: len(vocabulary) for task, vocabulary in vocabularies.items()}
    fit_map_of = map_fit(sizes, source)
    grids = [candidates(regime, dims, penalties) for regime in regimes]
    flat = [config for grid in grids for config in grid]
    validated = iter(cross_validate(flat, train, sizes, folds, fit_map_of, progress))
    rows: list[dict[str, Any]] = []
    fitted: list[tuple[float, Regime]] = []
    for grid in grids:
        accuracies = [next(validated) for _ in grid]
        best = int(np.argmax(means := [mean_accuracy(accuracy) for accuracy in accuracies]))  # the first of equals
        started = time.perf_counter()
        config = grid[best]
        regime = fit_regime(train.embeddings, train.targets, sizes, config, fit_map_of(train, config))
        seconds = time.perf_counter() - started
        fitted.append((means[best], regime))
        rows += _score_rows(regime, accuracies[best], scored, vocabularies, seconds)
    machine = f"{platform.system()} {platform.machine()}"
    results = {"rows": rows, "folds": len(folds), "peak_memory_mib": peak_memory_mib(), "machine": machine}
    return results, [regime for _, regime in sorted(fitted, key=lambda pair: -pair[0])]


def _score_rows(
    regime: Regime,
    accuracies: Mapping[str, np.ndarray],
    scored: Rows,
    vocabularies: Mapping[str, Vocabulary],
    seconds: float,
) -> Iterator[dict[str, Any]]:
    for task, logits in regime.logits(scored.embeddings).items():
        probs, preds = logits.softmax(1).max(1)
        labelled = scored.labels[task] != ""
        groups = groups_of(scored.products)
        names = np.array(vocabularies[task].classes, dtype=object)[preds.numpy()]
        cv = accuracies[task] if len(accuracies[task]) else np.array([np.nan])
        yield {
            "regime": regime.config.name,
            "task": task,
            "config": regime.config.to_dict(),
            "cv_accuracy": float(cv.mean()),
            "cv_spread": float(cv.std(ddof=1)) if len(cv) > 1 else float("nan"),
            **score(
                scored.labels[task][labelled],
                names[labelled],
                probs.numpy()[labelled],
                None if groups is None else groups[labelled],
            ),
            "seconds": round(seconds, 2),
            "parameters": regime.parameters,
        }
