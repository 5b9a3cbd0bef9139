"""The command line: check, embed, audit, train, finetune, compare, doctor, robustness, evaluate, predict and more.

In: arguments. Out: tables on stdout, JSON or CSV files, exit code 0 (done), 1 (the user's input) or 2 (usage).
Commands import what they need when they run, so that `--help` answers at once.
"""

from __future__ import annotations

import contextlib
import csv
import json
import math
import os
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from retail.config import (
    CLASS_BALANCES,
    CLASSIFIERS,
    DIMS,
    FEATURE_MAPS,
    GROUP_SIMILARITY,
    PENALTIES,
    CompareConfig,
    FinetuneConfig,
    RegimeConfig,
    TrainConfig,
    whole_file,
)
from retail.evaluation.table_formats import safe_cell
from retail.schema import MODALITIES, Modality, Prediction, Product, Progress, UserError

if TYPE_CHECKING:
    from retail.evaluation.fits import FitOutput
    from retail.manifest import Manifest

Number = TypeVar("Number", int, float)

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None, help=__doc__.splitlines()[0])

Data = Annotated[Path, typer.Argument(help="A folder, a ZIP or a metadata.csv.", metavar="DATA")]
Bundle = Annotated[Path, typer.Argument(help="A folder made by 'train --out'.", metavar="BUNDLE")]
Tasks = Annotated[str, typer.Option(help="Label columns to learn, separated by commas; all found if left out.")]
TextColumn = Annotated[str, typer.Option(help="The column that holds the description.")]
Encoders = Annotated[str, typer.Option(help="A preset (bundled, hub) or image=timm:NAME,text=hf:NAME,audio=...")]
Modalities = Annotated[str, typer.Option(help="Inputs to use, such as image,text; all if left out.")]
ClassBalance = Annotated[str, typer.Option(help=f"What is done about rare classes: {', '.join(CLASS_BALANCES)}.")]
SingleInputs = Annotated[float, typer.Option(help="Weight of learning from each input alone; 0: hide inputs only.")]
Auxiliary = Annotated[float, typer.Option(help="Weight of an auxiliary head per input (deep supervision).")]
Modulation = Annotated[float, typer.Option(help="Hold back the input that learns fastest (OGM-GE's alpha); 0: off.")]
Seed = Annotated[int, typer.Option(help="Same seed, same bundle.")]
OneModality = Annotated[str, typer.Option("--modality", help="The input whose embeddings are used.")]
Regimes = Annotated[str, typer.Option(help="linear, prototypes, logistic, alone or as pca+linear; or 'all'.")]
ScoredSplit = Annotated[str, typer.Option(help="Rows to score: val, or test once all is chosen.")]
ResultsOut = Annotated[Path | None, typer.Option(help="The results file to write.")]
CsvFolder = Annotated[Path | None, typer.Option("--csv", help="Folder for one CSV file a table.", metavar="FOLDER")]
Latex = Annotated[Path | None, typer.Option(help="Write the tables as LaTeX.")]
Html = Annotated[Path | None, typer.Option(help="Write one HTML report that opens without a network.")]
Status = Annotated[Path | None, typer.Option(help="Keep progress in this JSON file, for the dashboard.")]


def _names(value: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in value.split(",") if part.strip())


def _widths(value: str) -> tuple[int, ...]:
    if wrong := [name for name in _names(value) if not name.isdigit()]:
        raise UserError(f"--hidden lists widths such as 512,512, not {wrong[0]!r}.")
    return tuple(int(name) for name in _names(value))


def _modalities(value: str) -> tuple[Modality, ...]:
    names = _names(value) or MODALITIES
    if unknown := [name for name in names if name not in MODALITIES]:
        raise UserError(f"Unknown modality {unknown[0]!r}; choose from {', '.join(MODALITIES)}.")
    return tuple(modality for modality in MODALITIES if modality in names)


def _write_json(path: Path, value: Any) -> None:
    """Whole or not at all: a reader never sees half a file."""
    text = json.dumps(_without_nan(value), ensure_ascii=False, allow_nan=False) + "\n"
    with whole_file(path) as partial:
        partial.write_text(text, encoding="utf-8")


def _without_nan(value: Any) -> Any:
    """JSON has no NaN: a score that could not be computed is null."""
    if isinstance(value, dict):
        return {key: _without_nan(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(inner) for inner in value]
    return None if isinstance(value, float) and math.isnan(value) else value


class _Reporter:
    """Shows progress as bars on stderr and, when asked, as a status file."""

    def __init__(self, status: Path | None = None) -> None:
        self.status, self.bar, self.stage, self.written = status, None, "", 0.0
        self.last: tuple[str, int, int] = ("starting", 0, 0)
        self.stage_started, self.stage_first, self.scored = time.time(), 0, dict[str, list[float]]()

    def __call__(self, stage: str, done: int, total: int) -> None:
        from tqdm import tqdm

        if stage != self.stage:
            self.close()
            self.bar, self.stage = tqdm(total=total, desc=stage, file=sys.stderr, disable=None), stage
            self.stage_started, self.stage_first = time.time(), done
        assert self.bar is not None
        self.bar.update(done - self.bar.n)
        self.last = (stage, done, total)
        if time.monotonic() - self.written > 0.3 or done == total:
            self.say("running")

    def score(self, model: str, accuracy: float) -> None:
        """A first figure of one model: its accuracy on validation, mean over what was fitted so far."""
        self.scored.setdefault(model, []).append(accuracy)

    def say(self, state: str, message: str = "") -> None:
        if self.status is None:
            return
        self.written = time.monotonic()
        stage, done, total = self.last
        values = {"state": state, "stage": stage, "done": done, "total": total, "message": message}
        values |= {"stage_started": self.stage_started, "stage_first": self.stage_first}
        values |= {"partial": {model: sum(found) / len(found) for model, found in self.scored.items()}}
        _write_json(self.status, values | {"pid": os.getpid(), "updated": time.time()})

    def close(self) -> None:
        if self.bar is not None:
            self.bar.close()


@contextlib.contextmanager
def _reported(status: Path | None = None) -> Iterator[_Reporter]:
    """Progress for one command; a user's mistake becomes one sentence and exit code 1."""
    reporter = _Reporter(status)
    reporter.say("running")
    try:
        yield reporter
        reporter.say("done")
    except UserError as error:
        reporter.close()
        reporter.say("failed", str(error))
        typer.echo(f"Error: {error}", err=True)
        raise typer.Exit(1) from None
    except Exception as error:
        reporter.say("failed", f"Unexpected {type(error).__name__}: {error}. The log has the details.")
        raise
    finally:
        reporter.close()


def _read(data: Path, tasks: str, text_column: str, progress: Progress | None = None) -> Manifest:
    from retail.manifest import read_manifest

    manifest = read_manifest(data, _names(tasks) or None, text_column, progress=progress)
    for problem in manifest.problems:
        typer.echo(f"Note: {problem}", err=True)
    return manifest


EXAMPLES = {
    "check": "Example: python -m retail check my_products.zip --tasks category,colour",
    "embed": "Example: python -m retail embed data/demo",
    "train": "Example: python -m retail train data/demo --tasks product,category --strategy gated --out my_bundle",
    "finetune": "Example: python -m retail finetune my_photos.zip --tasks product --out my_bundle --epochs 12",
    "compare": "Example: python -m retail compare data/demo --tasks product,category --seeds 3 --out results.json",
    "transfer": "Example: python -m retail transfer my_photos.zip --tasks product --regimes logistic,pca+logistic",
    "curve": "Example: python -m retail curve my_photos.zip --tasks product --shots 1,4,16,all --draws 5",
    "report": "Example: python -m retail report results.json --html report.html --csv tables",
    "distance": "Example: python -m retail distance my_catalogue phone_photos.zip --modalities image",
    "audit": "Example: python -m retail audit my_products.zip --tasks category,colour --json audit.json",
    "doctor": "Example: python -m retail doctor data/demo --tasks product,category --strategy gated",
    "robustness": "Example: python -m retail robustness data/demo_bundle data/demo --out robustness.json",
    "evaluate": "Example: python -m retail evaluate my_bundle data/demo --modalities image --out scores.json",
    "predict": 'Example: python -m retail predict my_bundle --image front.jpg --text "oat drink, 1 l"',
}


@app.command(epilog=EXAMPLES["check"])
def check(data: Data, tasks: Tasks = "", text_column: TextColumn = "text") -> None:
    """List every problem of a data set, opening every file; exit 1 if no row is usable."""
    from retail.manifest import read_manifest, support_sentence

    with _reported() as progress:
        manifest = read_manifest(data, _names(tasks) or None, text_column, check_media=True, progress=progress)
        for problem in manifest.problems:
            typer.echo(str(problem))
        counts = {split: len(manifest.in_split(split)) for split in ("train", "val", "test")}
        sizes = ", ".join(f"{count} {split}" for split, count in counts.items())
        typer.echo(f"{len(manifest.products)} usable products ({sizes}), {len(manifest.problems)} problems.")
        typer.echo(f"Tasks: {', '.join(manifest.tasks) or 'none found; name label columns with --tasks'}.")
        for task in manifest.tasks:
            typer.echo(f"  {task}: {support_sentence(manifest.support(task))}")


@app.command(epilog=EXAMPLES["embed"])
def embed(data: Data, encoders: Encoders = "bundled", text_column: TextColumn = "text", status: Status = None) -> None:
    """Fill the embedding cache, so that training and comparing start at once."""
    from retail.encoders import load_preset
    from retail.store import EmbeddingStore, embed_products

    with _reported(status) as progress:
        manifest = _read(data, "", text_column, progress)
        store = EmbeddingStore()
        started = time.perf_counter()
        _, notes = embed_products(manifest.products, load_preset(encoders), {}, store, progress)
        seconds = time.perf_counter() - started
        for note in notes:
            typer.echo(f"Note: {note}", err=True)
        rate = len(manifest.products) / max(seconds, 1e-9)
        typer.echo(
            f"{len(manifest.products)} products, {store.computed} embeddings computed in {seconds:.1f} s "
            f"({rate:.1f} products/s)."
        )


@app.command(epilog=EXAMPLES["distance"])
def distance(
    source: Annotated[Path, typer.Argument(help="What a model is trained on.", metavar="SOURCE")],
    target: Annotated[Path, typer.Argument(help="What it is to serve.", metavar="TARGET")],
    modalities: Modalities = "",
    encoders: Encoders = "bundled",
    text_column: TextColumn = "text",
) -> None:
    """How far apart two data sets lie, for each input that both have: will a model carry over?"""
    from retail.encoders import load_preset
    from retail.evaluation.distance import distance as measure
    from retail.store import EmbeddingStore, embed_products

    with _reported() as progress:
        loaded = load_preset(encoders, _modalities(modalities))
        sets = [
            embed_products(_read(data, "", text_column, progress).products, loaded, {}, EmbeddingStore(), progress)[0]
            for data in (source, target)
        ]
        shared = [name for name in loaded if all(bool(batch.present[name].any()) for batch in sets)]
        if not shared:
            raise UserError("The two sets have no kind of input in common; choose sets that both have photos or texts.")
        for name in shared:
            ours, theirs = (batch.embeddings[name][batch.present[name]] for batch in sets)
            typer.echo(f"{name}: {measure(ours, theirs).sentence}")


@app.command(epilog=EXAMPLES["audit"])
def audit(
    data: Data,
    tasks: Tasks = "",
    encoders: Annotated[str, typer.Option(help="A preset, or 'none': then no look-alikes are looked for.")] = "bundled",
    text_column: TextColumn = "text",
    json_file: Annotated[Path | None, typer.Option("--json", help="Write every finding with all its rows.")] = None,
    csv_folder: CsvFolder = None,
    status: Status = None,
) -> None:
    """Does the data give its labels away? Six kinds of leak, each finding with the products concerned."""
    with _reported(status) as progress:
        from retail.encoders import load_preset
        from retail.evaluation.audit import audit as look
        from retail.evaluation.audit import audit_tables, audit_text
        from retail.evaluation.outputs import write_tables
        from retail.store import EmbeddingStore, embed_products

        manifest = _read(data, tasks, text_column, progress)
        embedded = None
        if encoders != "none":
            embedded, _ = embed_products(manifest.products, load_preset(encoders), {}, EmbeddingStore(), progress)
        report = look(manifest, embedded, progress)
        if json_file is not None:
            _write_json(json_file, report)
        typer.echo(audit_text(report))
        for path in write_tables(audit_tables(report), csv_folder):
            typer.echo(f"Written: {path}")


@app.command(epilog=EXAMPLES["train"])
def train(
    data: Data,
    out: Annotated[Path, typer.Option(help="Folder for the bundle.")],
    tasks: Tasks = "",
    strategy: Annotated[str, typer.Option(help="Fusion strategy; 'compare' tells which is best.")] = "gated",
    modalities: Modalities = "",
    encoders: Encoders = "bundled",
    text_column: TextColumn = "text",
    loss_balancing: Annotated[str, typer.Option(help="Weights of the tasks' losses: fixed or uncertainty.")] = "fixed",
    class_balance: ClassBalance = "none",
    single_inputs: SingleInputs = TrainConfig.single_inputs,
    auxiliary: Auxiliary = 0.0,
    modulation: Modulation = 0.0,
    seed: Seed = 0,
    status: Status = None,
) -> None:
    """Train one recogniser and save it as a bundle."""
    with _reported(status) as progress:
        config = TrainConfig(
            strategy=strategy,
            modalities=_modalities(modalities),
            loss_balancing=loss_balancing,
            class_balance=class_balance,
            single_inputs=single_inputs,
            auxiliary=auxiliary,
            modulation=modulation,
            seed=seed,
        )
        from retail.build import train_recognizer
        from retail.bundle import save_bundle

        manifest = _read(data, tasks, text_column, progress)
        recognizer = train_recognizer(
            manifest, None, config, encoders, progress=progress, on_epoch=lambda n, of: progress("epochs", n, of)
        )
        save_bundle(recognizer, out)
        best = recognizer.info["history"][recognizer.info["best_epoch"]]
        typer.echo(
            f"Saved {strategy} to {out}: tasks {', '.join(recognizer.vocabularies)}; mean validation accuracy "
            f"{best['val_accuracy']:.3f} on {recognizer.info['rows']['val']} rows."
        )


@app.command(epilog=EXAMPLES["finetune"])
def finetune(
    data: Data,
    out: Annotated[Path, typer.Option(help="Folder for the bundle; a stopped run goes on from what it finds there.")],
    tasks: Tasks = "",
    strategy: Annotated[str, typer.Option(help="Fusion strategy of the head.")] = "concatenation",
    tune: Annotated[str, typer.Option(help="Inputs whose encoders learn, such as image,text.")] = "image",
    modalities: Annotated[str, typer.Option(help="Inputs to use; those of --tune if left out.")] = "",
    encoders: Encoders = "bundled",
    text_column: TextColumn = "text",
    width: Annotated[int, typer.Option(help="Width of the head's layer.")] = TrainConfig.width,
    hidden: Annotated[str, typer.Option(help="Widths of new layers between embedding and fusion: 512,512.")] = "",
    hidden_dropout: Annotated[float, typer.Option(help="Behind each new layer.")] = TrainConfig.hidden_dropout,
    head_epochs: Annotated[int, typer.Option(help="At most, for the new layers alone.")] = TrainConfig.max_epochs,
    start: Annotated[str, typer.Option(help="pretrained, or scratch as the control.")] = FinetuneConfig.start,
    layers: Annotated[int, typer.Option(help="How many of the last layers learn; 0 = all.")] = FinetuneConfig.layers,
    size: Annotated[int, typer.Option(help="Pixels of a training crop.")] = FinetuneConfig.size,
    epochs: Annotated[int, typer.Option(help="Passes over the training rows.")] = FinetuneConfig.epochs,
    learning_rate: Annotated[float, typer.Option(help="Of the photo encoder.")] = FinetuneConfig.learning_rate,
    text_rate: Annotated[float, typer.Option(help="Of the text encoder.")] = FinetuneConfig.text_learning_rate,
    audio_rate: Annotated[float, typer.Option(help="Of the sound encoder.")] = FinetuneConfig.audio_learning_rate,
    lora_rank: Annotated[int, typer.Option(help="Of low-rank changes to transformers; 0 = all weights learn.")] = 0,
    contrast: Annotated[float, typer.Option(help="Weight of drawing one product's inputs together.")] = 0.0,
    temperature: Annotated[float, typer.Option(help="Of that loss.")] = FinetuneConfig.temperature,
    layer_decay: Annotated[float, typer.Option(help="Each lower layer's share of it.")] = FinetuneConfig.layer_decay,
    batch_norm: Annotated[str, typer.Option(help="adapt or keep the statistics.")] = FinetuneConfig.batch_norm,
    class_balance: ClassBalance = FinetuneConfig.class_balance,
    source: Annotated[Path | None, typer.Option(help="Another data set: how much of it is forgotten?")] = None,
    seed: Seed = 0,
    status: Status = None,
) -> None:
    """Train encoders themselves, together with a head, and save all as a bundle."""
    with _reported(status) as progress:
        config = TrainConfig(
            strategy=strategy,
            modalities=_modalities(modalities or tune),
            width=width,
            hidden=_widths(hidden),
            hidden_dropout=hidden_dropout,
            max_epochs=head_epochs,
            class_balance=class_balance,
            seed=seed,
        )
        tuning = FinetuneConfig(
            tune=_modalities(tune),
            start=start,
            layers=layers,
            size=size,
            epochs=epochs,
            learning_rate=learning_rate,
            text_learning_rate=text_rate,
            audio_learning_rate=audio_rate,
            lora_rank=lora_rank,
            contrast=contrast,
            temperature=temperature,
            layer_decay=layer_decay,
            batch_norm=batch_norm,
            class_balance=class_balance,
            seed=seed,
        )
        from retail.build import finetune_recognizer
        from retail.bundle import save_bundle
        from retail.evaluation.transfer_tables import finetuning_table

        def on_epoch(entry: dict) -> None:
            progress("epochs", entry["epoch"], tuning.epochs)
            accuracy = ", ".join(f"{task} {value:.3f}" for task, value in entry["val_accuracy"].items())
            losses = f"loss {entry['train_loss']:.3f} in training, {entry['val_loss']:.3f} in validation"
            typer.echo(f"epoch {entry['epoch']}: {losses}; validation accuracy {accuracy}")

        manifest = _read(data, tasks, text_column, progress)
        checkpoint = out / "resume.pt"
        before = None if source is None else _read(source, "", text_column, progress)
        recognizer = finetune_recognizer(manifest, config, tuning, encoders, checkpoint, progress, on_epoch, before)
        save_bundle(recognizer, out)
        checkpoint.unlink(missing_ok=True)
        typer.echo(finetuning_table(recognizer.info))
        typer.echo(f"Saved the bundle to {out}.")


@app.command(epilog=EXAMPLES["compare"])
def compare(
    data: Data,
    out: Annotated[Path, typer.Option(help="The results file to write.")],
    tasks: Tasks = "",
    modalities: Modalities = "",
    strategies: Annotated[str, typer.Option(help="Fusion strategies, separated by commas, or 'all'.")] = "all",
    seeds: Annotated[int, typer.Option(help="Every model is trained once per seed.")] = 3,
    encoders: Encoders = "bundled",
    text_column: TextColumn = "text",
    settings: Annotated[bool, typer.Option(help="Also train each setting, and dedicated models a subset.")] = True,
    tune: Annotated[bool, typer.Option(help="Every model tries the same grid of settings on validation.")] = False,
    loss_balancing: Annotated[str, typer.Option(help="fixed or uncertainty.")] = "fixed",
    class_balance: ClassBalance = "none",
    single_inputs: SingleInputs = TrainConfig.single_inputs,
    auxiliary: Auxiliary = 0.0,
    modulation: Modulation = 0.0,
    bundles: Annotated[
        Path | None, typer.Option(help="Keep the recogniser of each strategy, first seed, in FOLDER/STRATEGY.")
    ] = None,
    csv_folder: CsvFolder = None,
    latex: Latex = None,
    html: Html = None,
    status: Status = None,
) -> None:
    """Is fusion worth it? Train every strategy and every single-input baseline, and score them on the test rows."""
    with _reported(status) as progress:
        names = () if strategies == "all" else _names(strategies)
        config = CompareConfig(
            tasks=_names(tasks),
            strategies=names,
            seeds=seeds,
            encoders=encoders,
            text_column=text_column,
            settings=settings,
            tune=tune,
            loss_balancing=loss_balancing,
            class_balance=class_balance,
            single_inputs=single_inputs,
            auxiliary=auxiliary,
            modulation=modulation,
        )
        from retail.build import compared_recognizers
        from retail.bundle import save_bundle
        from retail.encoders import load_preset
        from retail.evaluation.comparison import compare as run_comparison
        from retail.evaluation.comparison import plan_models
        from retail.evaluation.cost import encode_costs
        from retail.evaluation.outputs import write_outputs
        from retail.evaluation.splits import prepare
        from retail.evaluation.tables import comparison_table
        from retail.store import EmbeddingStore

        manifest = _read(data, tasks, text_column, progress)
        used = _modalities(modalities)
        plans = plan_models(config, manifest.tasks, used)  # an unknown strategy is said before the long work
        loaded = load_preset(encoders, used)
        splits = prepare(manifest, loaded, EmbeddingStore(), progress)
        costs = encode_costs(loaded, manifest.in_split("test"))

        def on_fit(output: FitOutput) -> None:
            if output.plan.kind in ("single", "fusion") and not tune:
                progress.score(output.plan.model, sum(output.val_accuracy.values()) / len(output.val_accuracy))

        raw = run_comparison(manifest, splits, loaded, config, progress, costs=costs, on_fit=on_fit)
        results = _without_nan(raw)
        _write_json(out, results)
        if bundles is not None:
            present = [name for name in used if bool(splits.train.present[name].any())]
            plans = plan_models(config, manifest.tasks, present)
            found = compared_recognizers(manifest, loaded, splits, plans, results["tuning"], progress)
            for recognizer in found:
                save_bundle(recognizer, bundles / (recognizer.strategy if len(present) > 1 else present[0]))
        typer.echo(comparison_table(results))
        for path in write_outputs(results, csv_folder, latex, html):
            typer.echo(f"Written: {path}")


@app.command(epilog=EXAMPLES["doctor"])
def doctor(
    data: Data,
    tasks: Tasks = "",
    strategy: Annotated[str, typer.Option(help="The fusion to examine.")] = "gated",
    seeds: Annotated[int, typer.Option(help="Every model is trained once per seed.")] = 1,
    encoders: Encoders = "bundled",
    text_column: TextColumn = "text",
    json_file: Annotated[Path | None, typer.Option("--json", help="Write findings and measurements.")] = None,
    csv_folder: CsvFolder = None,
    status: Status = None,
) -> None:
    """Why does fusion not do better? Norms, dominating, redundant and under-trained inputs, each with a remedy."""
    with _reported(status) as progress:
        from retail.encoders import load_preset
        from retail.evaluation.doctor_visit import doctor_tables, doctor_text, visit
        from retail.evaluation.outputs import write_tables
        from retail.evaluation.splits import prepare
        from retail.store import EmbeddingStore

        config = CompareConfig(
            tasks=_names(tasks), strategies=(strategy,), seeds=seeds, encoders=encoders, text_column=text_column
        )
        manifest = _read(data, tasks, text_column, progress)
        splits = prepare(manifest, load_preset(encoders), EmbeddingStore(), progress)
        found = _without_nan(visit(splits, config, progress))
        if json_file is not None:
            data_facts = {"name": manifest.title, "checksum": manifest.checksum}
            _write_json(
                json_file, {"format": "retail-doctor/1", "data": data_facts, "config": config.to_dict()} | found
            )
        typer.echo(doctor_text(found))
        for path in write_tables(doctor_tables(found), csv_folder):
            typer.echo(f"Written: {path}")


@app.command(epilog=EXAMPLES["report"])
def report(
    results: Annotated[Path, typer.Argument(help="A file made by 'compare --out'.", metavar="RESULTS")],
    csv_folder: CsvFolder = None,
    latex: Latex = None,
    html: Html = None,
) -> None:
    """Print a finished comparison again, or write it as CSV, LaTeX or one HTML file."""
    with _reported():
        from retail.evaluation.outputs import read_results, write_outputs
        from retail.evaluation.tables import comparison_table

        found = read_results(results)
        typer.echo(comparison_table(found))
        for path in write_outputs(found, csv_folder, latex, html):
            typer.echo(f"Written: {path}")


@app.command(epilog=EXAMPLES["transfer"])
def transfer(
    data: Data,
    tasks: Tasks = "",
    regimes: Regimes = "all",
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
        Path | None, typer.Option(help="Keep the regime that cross-validation prefers (no prototypes) as a bundle.")
    ] = None,
    out: ResultsOut = None,
    status: Status = None,
) -> None:
    """How far do frozen embeddings carry? Score feature maps and classifiers, settings chosen within train."""
    with _reported(status) as progress:
        settings = {"standardise": standardise, "class_balance": class_balance, "seed": seed}
        chosen = [RegimeConfig.named(name, **settings) for name in _regime_names(regimes)]
        if bundle is not None and (split != "val" or all(regime.classifier == "prototypes" for regime in chosen)):
            raise UserError("--bundle needs --split val, to calibrate on, and a regime with linear or logistic.")
        grid = _numbers(dims, int), _numbers(penalties, float)
        from retail.evaluation.folds import grouped_folds, look_alikes
        from retail.evaluation.regimes import measure
        from retail.evaluation.transfer_tables import transfer_table
        from retail.manifest import support_sentence

        manifest = _read(data, tasks, text_column, progress)
        encoder, (train, scored, vocabularies) = _embedded(manifest, modality, encoders, split, progress)
        groups = look_alikes(train, group_similarity)
        folds = grouped_folds(train.targets[next(iter(vocabularies))], groups, seed)
        source = None
        if map_data is not None:
            _, (source_rows, _, known) = _embedded(
                _read(map_data, map_tasks, text_column, progress), modality, encoders, "val", progress
            )
            source = source_rows, {task: len(vocabulary) for task, vocabulary in known.items()}
        results, fitted = measure(chosen, train, scored, vocabularies, folds, *grid, source, progress)
        results |= _provenance(manifest, encoder.name, split, len(train), len(scored))
        results["data"] |= {
            "groups": int(groups.max()) + 1,
            "map_data": map_data.name if map_data else None,
            "support": {task: support_sentence(manifest.support(task)) for task in vocabularies},
        }
        if out is not None:
            _write_json(out, {"format": "retail-transfer/1"} | results)
        typer.echo(transfer_table(results))
        if bundle is not None:
            from retail.build import regime_recognizer
            from retail.bundle import save_bundle

            best = next(regime for regime in fitted if regime.config.classifier != "prototypes")
            info = {"data": results["data"], "rows": {"train": len(train), "val": len(scored)}}
            save_bundle(regime_recognizer(best, encoder, vocabularies, scored, info), bundle)
            typer.echo(f"Saved {best.config.name}, the best by cross-validation, to {bundle}.")


@app.command(epilog=EXAMPLES["curve"])
def curve(
    data: Data,
    tasks: Tasks = "",
    regimes: Regimes = "linear,prototypes",
    modality: OneModality = "image",
    encoders: Encoders = "bundled",
    text_column: TextColumn = "text",
    shots: Annotated[str, typer.Option(help="Training examples per class; 'all' for every one.")] = "1,2,4,8,16,all",
    draws: Annotated[int, typer.Option(help="Random draws of the examples.")] = 5,
    epochs: Annotated[int, typer.Option(help="Of 'finetuned', at least.")] = FinetuneConfig.epochs,
    size: Annotated[int, typer.Option(help="Pixels of a training crop of 'finetuned'.")] = FinetuneConfig.size,
    dims: Annotated[int, typer.Option(help="Of the mapped features.")] = RegimeConfig.dims,
    penalty: Annotated[float, typer.Option(help="Of the classifiers.")] = RegimeConfig.penalty,
    split: ScoredSplit = "val",
    out: ResultsOut = None,
    status: Status = None,
) -> None:
    """How many examples does it take? Accuracy against training examples per class, over random draws."""
    with _reported(status) as progress:
        counts = [0 if name == "all" else _numbers(name, int)[0] for name in _names(shots)]
        names = _regime_names(regimes)
        from retail.evaluation.curves import FINETUNED, finetuned_learner, frozen_learner, learning_curves
        from retail.evaluation.transfer_tables import curve_table

        manifest = _read(data, tasks, text_column, progress)
        encoder, (train, scored, vocabularies) = _embedded(manifest, modality, encoders, split, progress)
        sizes = {task: len(vocabulary) for task, vocabulary in vocabularies.items()}
        configs = [RegimeConfig.named(name, dims=dims, penalty=penalty) for name in names if name != FINETUNED]
        learners = {config.name: frozen_learner(config, train, scored, sizes) for config in configs}
        tuning = FinetuneConfig(epochs=epochs, size=size)
        if FINETUNED in names:
            learners[FINETUNED] = finetuned_learner(encoder, train, scored, sizes, tuning)
        rows = learning_curves(learners, train, scored, list(sizes), counts, draws, progress)
        results = {"tasks": list(sizes), "draws": draws, "rows": rows}
        results |= _provenance(manifest, encoder.name, split, len(train), len(scored))
        results["configs"] = [config.to_dict() for config in configs]
        results["finetuning"] = tuning.to_dict() if FINETUNED in names else None
        if out is not None:
            _write_json(out, {"format": "retail-curve/1"} | results)
        typer.echo(curve_table(results))


def _regime_names(value: str) -> tuple[str, ...]:
    if value == "all":
        return tuple(f"{feature_map}+{classifier}" for feature_map in FEATURE_MAPS for classifier in CLASSIFIERS)
    return _names(value)


def _numbers(value: str, kind: type[Number]) -> list[Number]:
    try:
        numbers = [kind(part) for part in _names(value)]
    except ValueError:
        numbers = []
    if not numbers or min(numbers) <= 0:
        raise UserError(f"Expected numbers above 0, separated by commas, not {value!r}.")
    return numbers


def _embedded(manifest: Manifest, modality: str, encoders: str, split: str, progress: Progress) -> tuple[Any, Any]:
    """The encoder of one modality, and training rows, scored rows and vocabularies."""
    from retail.encoders import load_preset
    from retail.evaluation.rows import embedded_rows

    if len(names := _modalities(modality)) != 1:
        raise UserError(f"--modality takes one input of {', '.join(MODALITIES)}, not {modality!r}.")
    (name,) = names
    encoder = load_preset(encoders, [name])[name]
    return encoder, embedded_rows(manifest, encoder, split, progress)


def _provenance(manifest: Manifest, encoder: str, split: str, n_train: int, n_scored: int) -> dict[str, Any]:
    data = {"name": manifest.title, "checksum": manifest.checksum, "split": split}
    return {"encoder": encoder, "data": data | {"n_train": n_train, "n_scored": n_scored}}


@app.command(epilog=EXAMPLES["evaluate"])
def evaluate(
    bundle: Bundle,
    data: Data,
    split: Annotated[
        str, typer.Option(help="train, val, test or all; without a split column all rows count.")
    ] = "test",
    modalities: Modalities = "",
    text_column: TextColumn = "text",
    out: Annotated[Path | None, typer.Option(help="The scores file to write.")] = None,
) -> None:
    """Score a bundle on labelled data; labels it does not know count as wrong and are listed."""
    with _reported() as progress:
        from retail.build import evaluate as run_evaluation
        from retail.bundle import load_bundle
        from retail.evaluation.tables import scores_table

        used = _modalities(modalities) if modalities else None
        scores = run_evaluation(load_bundle(bundle), _read(data, "", text_column, progress), split, used, progress)
        if out is not None:
            _write_json(out, scores)
        typer.echo(scores_table(scores))


@app.command(epilog=EXAMPLES["robustness"])
def robustness(
    bundle: Bundle,
    data: Data,
    split: Annotated[
        str, typer.Option(help="train, val, test or all; without a split column all rows count.")
    ] = "test",
    rows: Annotated[int, typer.Option(help="At most so many rows, drawn at random; 0 = all.")] = 0,
    text_column: TextColumn = "text",
    seed: Annotated[int, typer.Option(help="Same seed, same damage.")] = 0,
    out: Annotated[Path | None, typer.Option(help="The file of figures to write.")] = None,
    csv_folder: CsvFolder = None,
    status: Status = None,
) -> None:
    """How much damage does a bundle bear? Blur, typos, noise and more at several strengths, and swapped inputs."""
    with _reported(status) as progress:
        from retail.build import rows_to_score
        from retail.bundle import load_bundle
        from retail.evaluation.outputs import write_tables
        from retail.evaluation.robustness import Model, some_of
        from retail.evaluation.robustness import robustness as measure
        from retail.evaluation.robustness_tables import robustness_tables, robustness_text
        from retail.store import EmbeddingStore

        recognizer = load_bundle(bundle)
        manifest = _read(data, "", text_column, progress)
        chosen = some_of(rows_to_score(manifest, split), rows, seed)
        model = Model(recognizer.encoders, recognizer.head, recognizer.vocabularies)
        results = measure(model, chosen, manifest.label_columns, EmbeddingStore(), progress, seed)
        facts = {"name": manifest.title, "checksum": manifest.checksum, "split": split}
        results |= {"strategy": recognizer.strategy, "bundle": recognizer.info, "data": facts}
        if out is not None:
            _write_json(out, results)
        typer.echo(robustness_text(results))
        for path in write_tables(robustness_tables(results), csv_folder):
            typer.echo(f"Written: {path}")


@app.command(epilog=EXAMPLES["predict"])
def predict(
    bundle: Bundle,
    image: Annotated[list[Path] | None, typer.Option(help="A photo; give the option again for more.")] = None,
    text: Annotated[str, typer.Option(help="The description.")] = "",
    audio: Annotated[Path | None, typer.Option(help="A sound clip.")] = None,
    data: Annotated[Path | None, typer.Option(help="Many products: a folder, ZIP or metadata.csv.")] = None,
    out: Annotated[Path | None, typer.Option(help="With --data: the CSV to write.")] = None,
    text_column: TextColumn = "text",
    as_json: Annotated[bool, typer.Option("--json", help="Print every probability as JSON.")] = False,
    limit: Annotated[int, typer.Option(help="With --data: refuse more rows than this; 0 = take any number.")] = 0,
    status: Status = None,
) -> None:
    """Recognise one product, or many with --data and --out; rows that cannot be used keep the reason."""
    with _reported(status) as progress:
        if data is not None and out is None:
            raise typer.BadParameter("--data needs --out predictions.csv.")
        for path in [*(image or []), *([audio] if audio else [])]:
            if not path.is_file():
                raise UserError(f"{path} does not exist; name an existing file.")
        from retail.bundle import load_bundle
        from retail.store import EmbeddingStore

        recognizer = load_bundle(bundle)
        if data is not None and out is not None:
            from retail.manifest import read_manifest

            manifest = read_manifest(data, None, text_column, progress=progress, most_rows=limit)
            for problem in manifest.problems:
                typer.echo(f"Note: {problem}", err=True)
            predictions = recognizer.predict_many(manifest.products, EmbeddingStore(), progress)
            rows = _with_reasons(predictions, manifest)
            _write_csv(out, rows, list(recognizer.vocabularies))
            used = sum(bool(row.used) for row in rows)
            typer.echo(f"{len(rows)} products written to {out}, {len(rows) - used} of them without an answer.")
            return
        prediction = recognizer.predict(Product("upload", tuple(image or ()), text, audio))
        typer.echo(_as_json(prediction) if as_json else _as_text(prediction))


def _as_json(prediction: Prediction) -> str:
    values = {"used": prediction.used, "notes": prediction.notes, "probs": prediction.probs}
    return json.dumps(values, indent=1, ensure_ascii=False)


def _as_text(prediction: Prediction) -> str:
    lines = [f"used: {', '.join(prediction.used)}", *prediction.notes]
    for task in prediction.probs:
        top, other = prediction.top(task)
        answers = ", ".join(f"{label} {prob:.1%}" for label, prob in top)
        lines.append(f"{task}: {answers}" + (f", other {other:.1%}" if other >= 0.0005 else ""))
    return "\n".join(lines)


def _with_reasons(predictions: Sequence[Prediction], manifest: Manifest) -> list[Prediction]:
    """Each product's answer with what was wrong in its row, then the rows that are no product at all."""
    reasons: dict[str, list[str]] = {}
    for problem in manifest.problems:
        if problem.line is not None:
            reasons.setdefault(problem.id or f"line-{problem.line}", []).append(str(problem))
    known = {prediction.id for prediction in predictions}
    rows = [replace(row, notes=(*reasons.get(row.id, ()), *row.notes)) for row in predictions]
    return rows + [Prediction(name, {}, (), tuple(notes)) for name, notes in reasons.items() if name not in known]


def _write_csv(path: Path, predictions: Sequence[Prediction], tasks: Sequence[str]) -> None:
    with whole_file(path) as partial, partial.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        names = [name for task in tasks for name in (task, f"{task}_probability")]
        writer.writerow(["id", *map(safe_cell, names), "used", "notes"])
        for prediction in predictions:
            answers = [prediction.best(task) if prediction.used else ("", 0.0) for task in tasks]
            cells = [cell for label, prob in answers for cell in (safe_cell(label), f"{prob:.4f}" if label else "")]
            tail = [" ".join(prediction.used), safe_cell(" ".join(prediction.notes))]
            writer.writerow([safe_cell(prediction.id), *cells, *tail])


def main() -> None:
    """Entry point; loads nothing heavy before a command is known."""
    app(prog_name="python -m retail")


if __name__ == "__main__":
    main()
