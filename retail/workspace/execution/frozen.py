"""Runs on one input's frozen embeddings: maps and classifiers side by side, and learning curves.

In: a `FrozenRequest` or a `CurveRequest`. Out: accuracy of each, as a table and as JSON; the best as a bundle.
"""

from __future__ import annotations

import platform

from retail.build import frozen_recognizer
from retail.config import CLASSIFIERS, FEATURE_MAPS, FinetuneConfig, FrozenConfig
from retail.dataset.manifest import Manifest, support_sentence
from retail.encoders import Encoder, load_preset
from retail.frozen.curves import ALL, FINETUNED, finetuned_learner, frozen_learner, learning_curves
from retail.frozen.folds import grouped_folds, look_alikes
from retail.frozen.results import CurveResults, DataFacts, FoldedData, FrozenResults
from retail.frozen.rows import FrozenRows, embedded_rows
from retail.frozen.selection import measure
from retail.report.frozen_tables import curve_table, frozen_table
from retail.schema import UserError, Vocabulary
from retail.system import peak_memory_mib
from retail.training.record import RowCounts, TrainingData, TrainingRecord
from retail.workspace.execution.outcome import Follower, Outcome, keep, learning_data, note_reading, read_data
from retail.workspace.requests import CurveRequest, FrozenRequest

Embedded = tuple[Encoder, FrozenRows, FrozenRows, dict[str, Vocabulary]]


def run(request: FrozenRequest | CurveRequest, follower: Follower) -> Outcome:
    """Dispatches on the kind."""
    return frozen(request, follower) if isinstance(request, FrozenRequest) else curve(request, follower)


def frozen(request: FrozenRequest, follower: Follower) -> Outcome:
    """Scores maps and classifiers; their settings are chosen by cross-validation within the training rows."""
    config = request.config
    settings = {"standardise": config.standardise, "class_balance": config.class_balance, "seed": config.seed}
    chosen = [FrozenConfig.named(name, **settings) for name in config.methods or every_method()]
    if request.bundle_out and (config.split != "val" or all(one.classifier == "prototypes" for one in chosen)):
        raise UserError("--bundle needs --split val, to calibrate on, and a method with linear or logistic.")
    manifest = learning_data(request, follower)
    note_reading(request.encoders, (request.modality,), manifest, follower)
    encoder, train, scored, vocabularies = _embedded(manifest, request, config.split, follower)
    groups = look_alikes(train, config.group_similarity)
    folds = grouped_folds(train.targets[next(iter(vocabularies))], groups, config.seed)
    source = _source(request, follower)
    grid = config.dims, config.penalties
    rows, fitted = measure(chosen, train, scored, vocabularies, folds, *grid, source, follower)
    results = FrozenResults(
        encoder=encoder.name,
        data=FoldedData(
            **dict(_facts(manifest, config.split, train, scored)),
            groups=int(groups.max()) + 1,
            map_data=request.map_data.name if request.map_data else None,
            support={task: support_sentence(manifest.support(task)) for task in vocabularies},
        ),
        folds=len(folds),
        rows=tuple(rows),
        peak_memory_mib=peak_memory_mib(),
        machine=f"{platform.system()} {platform.machine()}",
    )
    if request.out is not None:
        results.write(request.out)
    text = frozen_table(results)
    if request.bundle_out is not None:
        best = next(model for model in fitted if model.config.classifier != "prototypes")
        info = TrainingRecord(
            config=best.config,
            data=TrainingData(manifest.title, manifest.checksum, manifest.group),
            rows=RowCounts(len(train), len(scored)),
        )
        recognizer = frozen_recognizer(best, encoder, vocabularies, train, scored, info)
        keep(recognizer, request.bundle_out, follower)
        text += f"\nSaved {best.config.name}, the best by cross-validation, to {request.bundle_out}."
    return Outcome(text)


def curve(request: CurveRequest, follower: Follower) -> Outcome:
    """Accuracy against training examples a class, over random draws of them."""
    config = request.config
    names = config.methods or every_method()
    configs = [
        FrozenConfig.named(name, dims=config.dims, penalty=config.penalty) for name in names if name != FINETUNED
    ]
    manifest = learning_data(request, follower)
    note_reading(request.encoders, (request.modality,), manifest, follower)
    encoder, train, scored, vocabularies = _embedded(manifest, request, config.split, follower)
    sizes = {task: len(vocabulary) for task, vocabulary in vocabularies.items()}
    learners = {one.name: frozen_learner(one, train, scored, sizes) for one in configs}
    tuning = FinetuneConfig(epochs=config.epochs, size=config.size)
    if FINETUNED in names:
        learners[FINETUNED] = finetuned_learner(encoder, train, scored, sizes, tuning)
    counts = [ALL if count == "all" else int(count) for count in config.shots]
    rows = learning_curves(learners, train, scored, list(sizes), counts, config.draws, follower)
    results = CurveResults(
        encoder=encoder.name,
        data=_facts(manifest, config.split, train, scored),
        tasks=tuple(sizes),
        draws=config.draws,
        rows=tuple(rows),
        configs=tuple(configs),
        finetuning=tuning if FINETUNED in names else None,
    )
    if request.out is not None:
        results.write(request.out)
    return Outcome(curve_table(results))


def every_method() -> tuple[str, ...]:
    """All maps with all classifiers."""
    return tuple(f"{feature_map}+{classifier}" for feature_map in FEATURE_MAPS for classifier in CLASSIFIERS)


def _embedded(manifest: Manifest, request: FrozenRequest | CurveRequest, split: str, follower: Follower) -> Embedded:
    """The encoder of the chosen input, training rows, scored rows and vocabularies."""
    encoder = load_preset(request.encoders, [request.modality])[request.modality]
    return encoder, *embedded_rows(manifest, encoder, split, follower, follower.note)


def _source(request: FrozenRequest, follower: Follower) -> tuple[FrozenRows, dict[str, int]] | None:
    """Rows of another data set to fit the maps on, and its tasks' numbers of classes."""
    if request.map_data is None:
        return None
    manifest = read_data(request.map_data, request.map_tasks or None, request.text_column, follower)
    _, rows, _, known = _embedded(manifest, request, "val", follower)
    return rows, {task: len(vocabulary) for task, vocabulary in known.items()}


def _facts(manifest: Manifest, split: str, train: FrozenRows, scored: FrozenRows) -> DataFacts:
    """What was learned from and scored on; `embedded_rows` has let no other split pass than a `DataFacts` knows."""
    known = {"name": manifest.title, "checksum": manifest.checksum, "split": split}
    return DataFacts.model_validate(known | {"n_train": len(train), "n_scored": len(scored)})
