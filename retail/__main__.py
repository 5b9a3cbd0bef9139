"""The command line: check, embed, distance, train, finetune, compare, report, evaluate and predict.

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
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from retail.config import CompareConfig, FinetuneConfig, TrainConfig, whole_file
from retail.evaluation.table_formats import safe_cell
from retail.schema import MODALITIES, Modality, Prediction, Product, Progress, UserError

if TYPE_CHECKING:
    from retail.manifest import Manifest

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None, help=__doc__.splitlines()[0])

Data = Annotated[Path, typer.Argument(help="A folder, a ZIP or a metadata.csv.", metavar="DATA")]
Bundle = Annotated[Path, typer.Argument(help="A folder made by 'train --out'.", metavar="BUNDLE")]
Tasks = Annotated[str, typer.Option(help="Label columns to learn, separated by commas; all found if left out.")]
TextColumn = Annotated[str, typer.Option(help="The column that holds the description.")]
Encoders = Annotated[str, typer.Option(help="A preset (bundled, hub) or image=timm:NAME,text=hf:NAME,audio=...")]
Modalities = Annotated[str, typer.Option(help="Inputs to use, such as image,text; all if left out.")]
Seed = Annotated[int, typer.Option(help="Same seed, same bundle.")]
CsvFolder = Annotated[Path | None, typer.Option("--csv", help="Folder for one CSV file a table.", metavar="FOLDER")]
Latex = Annotated[Path | None, typer.Option(help="Write the tables as LaTeX.")]
Html = Annotated[Path | None, typer.Option(help="Write one HTML report that opens without a network.")]
Status = Annotated[Path | None, typer.Option(help="Keep progress in this JSON file, for the dashboard.")]


def _names(value: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in value.split(",") if part.strip())


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

    def __call__(self, stage: str, done: int, total: int) -> None:
        from tqdm import tqdm

        if stage != self.stage:
            self.close()
            self.bar, self.stage = tqdm(total=total, desc=stage, file=sys.stderr, disable=None), stage
        assert self.bar is not None
        self.bar.update(done - self.bar.n)
        self.last = (stage, done, total)
        if time.monotonic() - self.written > 0.3 or done == total:
            self.say("running")

    def say(self, state: str, message: str = "") -> None:
        if self.status is None:
            return
        self.written = time.monotonic()
        stage, done, total = self.last
        values = {"state": state, "stage": stage, "done": done, "total": total, "message": message}
        _write_json(self.status, values | {"pid": os.getpid(), "updated": time.time()})

    def close(self) -> None:
        if self.bar is not None:
            self.bar.close()


@contextlib.contextmanager
def _reported(status: Path | None = None) -> Iterator[Progress]:
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
    "report": "Example: python -m retail report results.json --html report.html --csv tables",
    "distance": "Example: python -m retail distance my_catalogue phone_photos.zip --modalities image",
    "evaluate": "Example: python -m retail evaluate my_bundle data/demo --modalities image --out scores.json",
    "predict": 'Example: python -m retail predict my_bundle --image front.jpg --text "oat drink, 1 l"',
}


@app.command(epilog=EXAMPLES["check"])
def check(data: Data, tasks: Tasks = "", text_column: TextColumn = "text") -> None:
    """List every problem of a data set, opening every file; exit 1 if no row is usable."""
    from retail.manifest import read_manifest

    with _reported() as progress:
        manifest = read_manifest(data, _names(tasks) or None, text_column, check_media=True, progress=progress)
        for problem in manifest.problems:
            typer.echo(str(problem))
        counts = {split: len(manifest.in_split(split)) for split in ("train", "val", "test")}
        sizes = ", ".join(f"{count} {split}" for split, count in counts.items())
        typer.echo(f"{len(manifest.products)} usable products ({sizes}), {len(manifest.problems)} problems.")
        typer.echo(f"Tasks: {', '.join(manifest.tasks) or 'none found; name label columns with --tasks'}.")


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
    class_balanced: Annotated[bool, typer.Option(help="Weight rare classes more.")] = False,
    seed: Seed = 0,
    status: Status = None,
) -> None:
    """Train one recogniser and save it as a bundle."""
    with _reported(status) as progress:
        config = TrainConfig(
            strategy=strategy,
            modalities=_modalities(modalities),
            loss_balancing=loss_balancing,
            class_balanced=class_balanced,
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
    modalities: Modalities = "image",
    encoders: Encoders = "bundled",
    text_column: TextColumn = "text",
    width: Annotated[int, typer.Option(help="Width of the head's layer.")] = TrainConfig.width,
    start: Annotated[str, typer.Option(help="pretrained, or scratch as the control.")] = FinetuneConfig.start,
    layers: Annotated[int, typer.Option(help="How many of the last layers learn; 0 = all.")] = FinetuneConfig.layers,
    size: Annotated[int, typer.Option(help="Pixels of a training crop.")] = FinetuneConfig.size,
    epochs: Annotated[int, typer.Option(help="Passes over the training rows.")] = FinetuneConfig.epochs,
    learning_rate: Annotated[float, typer.Option(help="Of the last layer.")] = FinetuneConfig.learning_rate,
    layer_decay: Annotated[float, typer.Option(help="Each lower layer's share of it.")] = FinetuneConfig.layer_decay,
    batch_norm: Annotated[str, typer.Option(help="adapt or keep the statistics.")] = FinetuneConfig.batch_norm,
    seed: Seed = 0,
    status: Status = None,
) -> None:
    """Train the photo encoder itself, together with a head, and save both as a bundle."""
    with _reported(status) as progress:
        config = TrainConfig(strategy=strategy, modalities=_modalities(modalities), width=width, seed=seed)
        tuning = FinetuneConfig(
            start=start,
            layers=layers,
            size=size,
            epochs=epochs,
            learning_rate=learning_rate,
            layer_decay=layer_decay,
            batch_norm=batch_norm,
            seed=seed,
        )
        from retail.build import finetune_recognizer
        from retail.bundle import save_bundle

        def on_epoch(entry: dict) -> None:
            progress("epochs", entry["epoch"], tuning.epochs)
            accuracy = ", ".join(f"{task} {value:.3f}" for task, value in entry["val_accuracy"].items())
            typer.echo(f"epoch {entry['epoch']}: training loss {entry['train_loss']:.3f}, validation {accuracy}")

        manifest = _read(data, tasks, text_column, progress)
        checkpoint = out / "resume.pt"
        recognizer = finetune_recognizer(manifest, config, tuning, encoders, checkpoint, progress, on_epoch)
        save_bundle(recognizer, out)
        checkpoint.unlink(missing_ok=True)
        minutes = recognizer.info["finetuning_seconds"] / 60
        typer.echo(f"Saved the bundle to {out}; the network learned for {minutes:.1f} minutes.")


@app.command(epilog=EXAMPLES["compare"])
def compare(
    data: Data,
    out: Annotated[Path, typer.Option(help="The results file to write.")],
    tasks: Tasks = "",
    strategies: Annotated[str, typer.Option(help="Fusion strategies, separated by commas, or 'all'.")] = "all",
    seeds: Annotated[int, typer.Option(help="Every model is trained once per seed.")] = 3,
    encoders: Encoders = "bundled",
    text_column: TextColumn = "text",
    settings: Annotated[bool, typer.Option(help="Also train each setting, and dedicated models a subset.")] = True,
    tune: Annotated[bool, typer.Option(help="Every model tries the same grid of settings on validation.")] = False,
    loss_balancing: Annotated[str, typer.Option(help="fixed or uncertainty.")] = "fixed",
    class_balanced: Annotated[bool, typer.Option(help="Weight rare classes more.")] = False,
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
            class_balanced=class_balanced,
        )
        from retail.encoders import load_preset
        from retail.evaluation.comparison import compare as run_comparison
        from retail.evaluation.comparison import plan_models
        from retail.evaluation.cost import encode_costs
        from retail.evaluation.outputs import write_outputs
        from retail.evaluation.splits import prepare
        from retail.evaluation.tables import comparison_table
        from retail.store import EmbeddingStore

        manifest = _read(data, tasks, text_column, progress)
        plan_models(config, manifest.tasks, MODALITIES)  # an unknown strategy is said before the long work
        loaded = load_preset(encoders)
        splits = prepare(manifest, loaded, EmbeddingStore(), progress)
        costs = encode_costs(loaded, manifest.in_split("test"))
        results = _without_nan(run_comparison(manifest, splits, loaded, config, progress, costs=costs))
        _write_json(out, results)
        typer.echo(comparison_table(results))
        for path in write_outputs(results, csv_folder, latex, html):
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
) -> None:
    """Recognise one product, or many with --data and --out."""
    with _reported() as progress:
        if data is not None and out is None:
            raise typer.BadParameter("--data needs --out predictions.csv.")
        for path in [*(image or []), *([audio] if audio else [])]:
            if not path.is_file():
                raise UserError(f"{path} does not exist; name an existing file.")
        from retail.bundle import load_bundle
        from retail.store import EmbeddingStore

        recognizer = load_bundle(bundle)
        if data is not None and out is not None:
            products = _read(data, "", text_column, progress).products
            predictions = recognizer.predict_many(products, EmbeddingStore(), progress)
            _write_csv(out, predictions, list(recognizer.vocabularies))
            typer.echo(f"{len(predictions)} products written to {out}.")
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


def _write_csv(path: Path, predictions: Sequence[Prediction], tasks: Sequence[str]) -> None:
    with whole_file(path) as partial, partial.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["id", *(name for task in tasks for name in (task, f"{task}_probability")), "used", "notes"])
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
