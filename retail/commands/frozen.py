"""Commands about frozen features: frozen, curve.

In: a data set. Out: accuracy of methods, and of fewer examples.
"""

from __future__ import annotations

import platform
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from retail.commands.shared import (
    EXAMPLES,
    ClassBalance,
    Data,
    Encoders,
    Methods,
    OneModality,
    ResultsOut,
    ScoredSplit,
    Seed,
    Status,
    Tasks,
    TextColumn,
    app,
    chosen_inputs,
    listed,
    read_data,
    reported,
)
from retail.config import CLASSIFIERS, DIMS, FEATURE_MAPS, GROUP_SIMILARITY, PENALTIES, FinetuneConfig, FrozenConfig
from retail.schema import MODALITIES, Progress, UserError
from retail.system import peak_memory_mib

if TYPE_CHECKING:
    from retail.dataset.manifest import Manifest

Number = TypeVar("Number", int, float)


@app.command(epilog=EXAMPLES["frozen"])
def frozen(
    data: Data,
    tasks: Tasks = "",
    methods: Methods = "all",
    modality: OneModality = "image",
    encoders: Encoders = "bundled",
    text_column: TextColumn = "text",
    dims: Annotated[str, typer.Option(help="Numbers of mapped features to try.")] = ",".join(map(str, DIMS)),
    penalties: Annotated[str, typer.Option(help="Penalties to try.")] = ",".join(map(str, PENALTIES)),
    standardise: Annotated[bool, typer.Option(help="Every feature by its own deviation.")] = True,
    class_balance: ClassBalance = "none",
    map_data: Annotated[Path | None, typer.Option(help="Fit the maps on this data set's training rows.")] = None,
    map_tasks: Annotated[str, typer.Option(help="Its label columns, for maps that are learned.")] = "",
    group_similarity: Annotated[
        float, typer.Option(help="Cosine above which equally labelled look-alikes share a fold; 1: none do.")
    ] = GROUP_SIMILARITY,
    split: ScoredSplit = "val",
    seed: Seed = 0,
    bundle: Annotated[
        Path | None,
        typer.Option(
            file_okay=False, help="Keep the method that cross-validation prefers (no prototypes) as a bundle."
        ),
    ] = None,
    out: ResultsOut = None,
    status: Status = None,
) -> None:
    """How far do frozen embeddings carry? Score feature maps and classifiers, settings chosen within train."""
    with reported(status) as progress:
        settings = {"standardise": standardise, "class_balance": class_balance, "seed": seed}
        chosen = [FrozenConfig.named(name, **settings) for name in _method_names(methods)]
        if bundle is not None and (split != "val" or all(method.classifier == "prototypes" for method in chosen)):
            raise UserError("--bundle needs --split val, to calibrate on, and a method with linear or logistic.")
        grid = _numbers(dims, int), _numbers(penalties, float)
        from retail.dataset.manifest import support_sentence
        from retail.frozen.folds import grouped_folds, look_alikes
        from retail.frozen.results import FoldedData, FrozenResults
        from retail.frozen.selection import measure
        from retail.report.frozen_tables import frozen_table

        manifest = read_data(data, tasks, text_column, progress)
        encoder, (train, scored, vocabularies) = _embedded(manifest, modality, encoders, split, progress)
        groups = look_alikes(train, group_similarity)
        folds = grouped_folds(train.targets[next(iter(vocabularies))], groups, seed)
        source = None
        if map_data is not None:
            _, (source_rows, _, known) = _embedded(
                read_data(map_data, map_tasks, text_column, progress), modality, encoders, "val", progress
            )
            source = source_rows, {task: len(vocabulary) for task, vocabulary in known.items()}
        rows, fitted = measure(chosen, train, scored, vocabularies, folds, *grid, source, progress)
        results = FrozenResults(
            encoder=encoder.name,
            data=FoldedData(
                **_facts(manifest, split, len(train), len(scored)),
                groups=int(groups.max()) + 1,
                map_data=map_data.name if map_data else None,
                support={task: support_sentence(manifest.support(task)) for task in vocabularies},
            ),
            folds=len(folds),
            rows=tuple(rows),
            peak_memory_mib=peak_memory_mib(),
            machine=f"{platform.system()} {platform.machine()}",
        )
        if out is not None:
            results.write(out)
        typer.echo(frozen_table(results))
        if bundle is not None:
            from retail.build import frozen_recognizer
            from retail.bundle import save_bundle
            from retail.training.record import RowCounts, TrainingData, TrainingRecord

            best = next(model for model in fitted if model.config.classifier != "prototypes")
            info = TrainingRecord(
                config=best.config,
                data=TrainingData(manifest.title, manifest.checksum),
                rows=RowCounts(len(train), len(scored)),
            )
            save_bundle(frozen_recognizer(best, encoder, vocabularies, scored, info), bundle)
            typer.echo(f"Saved {best.config.name}, the best by cross-validation, to {bundle}.")


@app.command(epilog=EXAMPLES["curve"])
def curve(
    data: Data,
    tasks: Tasks = "",
    methods: Methods = "linear,prototypes",
    modality: OneModality = "image",
    encoders: Encoders = "bundled",
    text_column: TextColumn = "text",
    shots: Annotated[str, typer.Option(help="Training examples per class; 'all' for every one.")] = "1,2,4,8,16,all",
    draws: Annotated[int, typer.Option(help="Random draws of the examples.")] = 5,
    epochs: Annotated[int, typer.Option(help="Of 'finetuned', at least.")] = FinetuneConfig.epochs,
    size: Annotated[int, typer.Option(help="Pixels of a training crop of 'finetuned'.")] = FinetuneConfig.size,
    dims: Annotated[int, typer.Option(help="Of the mapped features.")] = FrozenConfig.dims,
    penalty: Annotated[float, typer.Option(help="Of the classifiers.")] = FrozenConfig.penalty,
    split: ScoredSplit = "val",
    out: ResultsOut = None,
    status: Status = None,
) -> None:
    """How many examples does it take? Accuracy against training examples per class, over random draws."""
    with reported(status) as progress:
        counts = [0 if name == "all" else _numbers(name, int)[0] for name in listed(shots)]
        names = _method_names(methods)
        from retail.frozen.curves import FINETUNED, finetuned_learner, frozen_learner, learning_curves
        from retail.frozen.results import CurveResults, DataFacts
        from retail.report.frozen_tables import curve_table

        manifest = read_data(data, tasks, text_column, progress)
        encoder, (train, scored, vocabularies) = _embedded(manifest, modality, encoders, split, progress)
        sizes = {task: len(vocabulary) for task, vocabulary in vocabularies.items()}
        configs = [FrozenConfig.named(name, dims=dims, penalty=penalty) for name in names if name != FINETUNED]
        learners = {config.name: frozen_learner(config, train, scored, sizes) for config in configs}
        tuning = FinetuneConfig(epochs=epochs, size=size)
        if FINETUNED in names:
            learners[FINETUNED] = finetuned_learner(encoder, train, scored, sizes, tuning)
        rows = learning_curves(learners, train, scored, list(sizes), counts, draws, progress)
        results = CurveResults(
            encoder=encoder.name,
            data=DataFacts(**_facts(manifest, split, len(train), len(scored))),
            tasks=tuple(sizes),
            draws=draws,
            rows=tuple(rows),
            configs=tuple(configs),
            finetuning=tuning if FINETUNED in names else None,
        )
        if out is not None:
            results.write(out)
        typer.echo(curve_table(results))


def _method_names(value: str) -> tuple[str, ...]:
    if value == "all":
        return tuple(f"{feature_map}+{classifier}" for feature_map in FEATURE_MAPS for classifier in CLASSIFIERS)
    return listed(value)


def _numbers(value: str, kind: type[Number]) -> list[Number]:
    try:
        numbers = [kind(part) for part in listed(value)]
    except ValueError:
        numbers = []
    if not numbers or min(numbers) <= 0:
        raise UserError(f"Expected numbers above 0, separated by commas, not {value!r}.")
    return numbers


def _embedded(manifest: Manifest, modality: str, encoders: str, split: str, progress: Progress) -> tuple[Any, Any]:
    """The encoder of one modality, and training rows, scored rows and vocabularies."""
    from retail.encoders import load_preset
    from retail.frozen.rows import embedded_rows

    if len(names := chosen_inputs(modality)) != 1:
        raise UserError(f"--modality takes one input of {', '.join(MODALITIES)}, not {modality!r}.")
    (name,) = names
    encoder = load_preset(encoders, [name])[name]
    return encoder, embedded_rows(manifest, encoder, split, progress)


def _facts(manifest: Manifest, split: str, n_train: int, n_scored: int) -> dict[str, Any]:
    known = {"name": manifest.title, "checksum": manifest.checksum, "split": split}
    return known | {"n_train": n_train, "n_scored": n_scored}
