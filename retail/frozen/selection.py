"""The table of frozen features: every method with its settings chosen by cross-validation within train.

In: embedded splits of one modality and the names of methods. Out: a `MethodScore` per method and task, and the models.
Validation (or test) rows are scored once, with what cross-validation chose; they choose nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from retail.config import DIMS, PENALTIES, FrozenConfig
from retail.frozen.folds import Folds
from retail.frozen.maps import FeatureMap, fit_map
from retail.frozen.models import FrozenModel, fit_frozen
from retail.frozen.results import MethodScore
from retail.frozen.rows import FrozenRows
from retail.metrics.scores import score
from retail.schema import Progress, Vocabulary
from retail.splits import groups_of

# Fits a map for a configuration on given rows; on a source it ignores the rows.
MapFit = Callable[[FrozenRows, FrozenConfig], FeatureMap]


def candidates(method: FrozenConfig, dims: Sequence[int], penalties: Sequence[float]) -> list[FrozenConfig]:
    """The settings to try: numbers of dimensions and penalties, where the method has them."""
    has_dims = method.feature_map in ("pca", "svd", "bottleneck")
    has_penalty = method.classifier != "prototypes" or method.feature_map == "bottleneck"
    return [
        replace(method, dims=count, penalty=penalty)
        for count in (dims if has_dims else [method.dims if method.feature_map == "none" else max(dims)])
        for penalty in (penalties if has_penalty else [method.penalty])
    ]


def map_fit(sizes: Mapping[str, int], source: tuple[FrozenRows, Mapping[str, int]] | None = None) -> MapFit:
    """Fits maps on the rows given, or always on the source's rows and tasks."""
    fitted: dict[FrozenConfig, FeatureMap] = {}

    def fit(rows: FrozenRows, config: FrozenConfig) -> FeatureMap:
        if source is None:
            return fit_map(rows.embeddings, rows.targets, sizes, config)
        if (key := map_key(config)) not in fitted:
            fitted[key] = fit_map(source[0].embeddings, source[0].targets, source[1], config)
        return fitted[key]

    return fit


def map_key(config: FrozenConfig) -> FrozenConfig:
    """Equal for configurations whose maps are equal."""
    penalty = config.penalty if config.feature_map == "bottleneck" else 1.0
    return replace(config, classifier="linear", penalty=penalty)


def cross_validate(
    configs: Sequence[FrozenConfig],
    train: FrozenRows,
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
        maps: dict[FrozenConfig, FeatureMap] = {}
        for config, accuracy in zip(configs, accuracies, strict=True):
            if (key := map_key(config)) not in maps:
                maps[key] = fit_map_of(part, config)
            model = fit_frozen(part.embeddings, part.targets, sizes, config, maps[key])
            for task, value in _accuracies(model, held):
                accuracy[task].append(value)
            done += 1
            if progress:
                progress("cross-validating", done, len(configs) * len(folds))
    return [{task: np.array(values) for task, values in accuracy.items()} for accuracy in accuracies]


def _accuracies(model: FrozenModel, rows: FrozenRows) -> Iterator[tuple[str, float]]:
    for task, logits in model.logits(rows.embeddings).items():
        known = rows.targets[task] >= 0
        if known.any():
            yield task, float((logits.argmax(1) == rows.targets[task])[known].float().mean())


def mean_accuracy(accuracy: Mapping[str, np.ndarray]) -> float:
    """Mean over the tasks of the mean over folds: what settings and methods are chosen by."""
    return float(np.mean([values.mean() for values in accuracy.values() if len(values)]))


def measure(
    methods: Sequence[FrozenConfig],
    train: FrozenRows,
    scored: FrozenRows,
    vocabularies: Mapping[str, Vocabulary],
    folds: Folds,
    dims: Sequence[int] = DIMS,
    penalties: Sequence[float] = PENALTIES,
    source: tuple[FrozenRows, Mapping[str, int]] | None = None,
    progress: Progress | None = None,
) -> tuple[list[MethodScore], list[FrozenModel]]:
    """Chooses each method's settings on folds of `train`, fits on all of it and scores the `scored` rows once.

    Returns the scores and the fitted models, those first whose cross-validated accuracy is highest.
    """
    sizes = {task: len(vocabulary) for task, vocabulary in vocabularies.items()}
    fit_map_of = map_fit(sizes, source)
    grids = [candidates(method, dims, penalties) for method in methods]
    flat = [config for grid in grids for config in grid]
    validated = iter(cross_validate(flat, train, sizes, folds, fit_map_of, progress))
    rows: list[MethodScore] = []
    fitted: list[tuple[float, FrozenModel]] = []
    for grid in grids:
        accuracies = [next(validated) for _ in grid]
        best = int(np.argmax(means := [mean_accuracy(accuracy) for accuracy in accuracies]))  # the first of equals
        started = time.perf_counter()
        config = grid[best]
        model = fit_frozen(train.embeddings, train.targets, sizes, config, fit_map_of(train, config))
        seconds = time.perf_counter() - started
        fitted.append((means[best], model))
        rows += _score_rows(model, accuracies[best], scored, vocabularies, seconds)
    return rows, [model for _, model in sorted(fitted, key=lambda pair: -pair[0])]


def _score_rows(
    model: FrozenModel,
    accuracies: Mapping[str, np.ndarray],
    scored: FrozenRows,
    vocabularies: Mapping[str, Vocabulary],
    seconds: float,
) -> Iterator[MethodScore]:
    for task, logits in model.logits(scored.embeddings).items():
        probs, preds = logits.softmax(1).max(1)
        labelled = scored.labels[task] != ""
        groups = groups_of(scored.products)
        names = np.array(vocabularies[task].classes, dtype=object)[preds.numpy()]
        cv = accuracies[task] if len(accuracies[task]) else np.array([np.nan])
        yield MethodScore(
            method=model.config.name,
            task=task,
            config=model.config,
            cv_accuracy=float(cv.mean()),
            cv_spread=float(cv.std(ddof=1)) if len(cv) > 1 else float("nan"),
            **score(
                scored.labels[task][labelled],
                names[labelled],
                probs.numpy()[labelled],
                None if groups is None else groups[labelled],
            ),
            seconds=round(seconds, 2),
            parameters=model.parameters,
        )
