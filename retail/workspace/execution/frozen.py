"""Runs on one input's frozen embeddings: maps and classifiers side by side, and learning curves.

In: a `FrozenRequest` or a `CurveRequest`. Out: accuracy of each, as a table and as JSON; the best as a bundle.
"""

from __future__ import annotations

from typing import Any

from retail.build import regime_recognizer
from retail.bundle import save_bundle
from retail.config import CLASSIFIERS, FEATURE_MAPS, FinetuneConfig, RegimeConfig
from retail.dataset.manifest import Manifest, support_sentence
from retail.encoders import Encoder, load_preset
from retail.files import write_json
from retail.frozen.curves import ALL, FINETUNED, finetuned_learner, frozen_learner, learning_curves
from retail.frozen.folds import grouped_folds, look_alikes
from retail.frozen.rows import Rows, embedded_rows
from retail.frozen.selection import measure
from retail.report.frozen_tables import curve_table, transfer_table
from retail.schema import UserError, Vocabulary
from retail.workspace.execution.outcome import Follower, Outcome, read_data
from retail.workspace.requests import CurveRequest, FrozenRequest

Embedded = tuple[Encoder, Rows, Rows, dict[str, Vocabulary]]


def run(request: FrozenRequest | CurveRequest, follower: Follower) -> Outcome:
    """Dispatches on the kind."""
    return frozen(request, follower) if isinstance(request, FrozenRequest) else curve(request, follower)


def frozen(request: FrozenRequest, follower: Follower) -> Outcome:
    """Scores maps and classifiers; their settings are chosen by cross-validation within the training rows."""
    config = request.config
    settings = {"standardise": config.standardise, "class_balance": config.class_balance, "seed": config.seed}
    chosen = [RegimeConfig.named(name, **settings) for name in config.methods or every_method()]
    if request.bundle_out and (config.split != "val" or all(one.classifier == "prototypes" for one in chosen)):
        raise UserError("--bundle needs --split val, to calibrate on, and a regime with linear or logistic.")
    manifest = read_data(request.data, request.tasks or None, request.text_column, follower)
    encoder, train, scored, vocabularies = _embedded(manifest, request, config.split, follower)
    groups = look_alikes(train, config.group_similarity)
    folds = grouped_folds(train.targets[next(iter(vocabularies))], groups, config.seed)
    source = _source(request, follower)
    grid = config.dims, config.penalties
    results, fitted = measure(chosen, train, scored, vocabularies, folds, *grid, source, follower)
    results |= _provenance(manifest, encoder, config.split, train, scored)
    results["data"] |= {
        "groups": int(groups.max()) + 1,
        "map_data": request.map_data.name if request.map_data else None,
        "support": {task: support_sentence(manifest.support(task)) for task in vocabularies},
    }
    if request.out is not None:
        write_json(request.out, {"format": "retail-transfer/1"} | results)
    text = transfer_table(results)
    if request.bundle_out is not None:
        best = next(regime for regime in fitted if regime.config.classifier != "prototypes")
        info = {"data": results["data"], "rows": {"train": len(train), "val": len(scored)}}
        save_bundle(regime_recognizer(best, encoder, vocabularies, scored, info), request.bundle_out)
        text += f"\nSaved {best.config.name}, the best by cross-validation, to {request.bundle_out}."
    return Outcome(text)


def curve(request: CurveRequest, follower: Follower) -> Outcome:
    """Accuracy against training examples a class, over random draws of them."""
    config = request.config
    names = config.methods or every_method()
    configs = [
        RegimeConfig.named(name, dims=config.dims, penalty=config.penalty) for name in names if name != FINETUNED
    ]
    manifest = read_data(request.data, request.tasks or None, request.text_column, follower)
    encoder, train, scored, vocabularies = _embedded(manifest, request, config.split, follower)
    sizes = {task: len(vocabulary) for task, vocabulary in vocabularies.items()}
    learners = {one.name: frozen_learner(one, train, scored, sizes) for one in configs}
    tuning = FinetuneConfig(epochs=config.epochs, size=config.size)
    if FINETUNED in names:
        learners[FINETUNED] = finetuned_learner(encoder, train, scored, sizes, tuning)
    counts = [ALL if count == "all" else int(count) for count in config.shots]
    rows = learning_curves(learners, train, scored, list(sizes), counts, config.draws, follower)
    results = {"tasks": list(sizes), "draws": config.draws, "rows": rows}
    results |= _provenance(manifest, encoder, config.split, train, scored)
    results["configs"] = [one.to_dict() for one in configs]
    results["finetuning"] = tuning.to_dict() if FINETUNED in names else None
    if request.out is not None:
        write_json(request.out, {"format": "retail-curve/1"} | results)
    return Outcome(curve_table(results))


def every_method() -> tuple[str, ...]:
    """All maps with all classifiers."""
    return tuple(f"{feature_map}+{classifier}" for feature_map in FEATURE_MAPS for classifier in CLASSIFIERS)


def _embedded(manifest: Manifest, request: FrozenRequest | CurveRequest, split: str, follower: Follower) -> Embedded:
    """The encoder of the chosen input, training rows, scored rows and vocabularies."""
    encoder = load_preset(request.encoders, [request.modality])[request.modality]
    return encoder, *embedded_rows(manifest, encoder, split, follower)


def _source(request: FrozenRequest, follower: Follower) -> tuple[Rows, dict[str, int]] | None:
    """Rows of another data set to fit the maps on, and its tasks' numbers of classes."""
    if request.map_data is None:
        return None
    manifest = read_data(request.map_data, request.map_tasks or None, request.text_column, follower)
    _, rows, _, known = _embedded(manifest, request, "val", follower)
    return rows, {task: len(vocabulary) for task, vocabulary in known.items()}


def _provenance(manifest: Manifest, encoder: Encoder, split: str, train: Rows, scored: Rows) -> dict[str, Any]:
    data = {"name": manifest.title, "checksum": manifest.checksum, "split": split}
    return {"encoder": encoder.name, "data": data | {"n_train": len(train), "n_scored": len(scored)}}
