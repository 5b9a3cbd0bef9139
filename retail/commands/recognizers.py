"""Commands that use a recogniser: evaluate, robustness, predict.

In: a bundle and products. Out: scores, curves of damage, answers.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from retail.commands.shared import (
    EXAMPLES,
    Bundle,
    CsvFolder,
    Data,
    Modalities,
    Status,
    TextColumn,
    app,
    chosen_inputs,
    reported,
    write_json,
)
from retail.files import whole_file
from retail.report.table_formats import safe_cell
from retail.schema import Prediction, Product, Progress

if TYPE_CHECKING:
    from retail.dataset.manifest import Manifest

ScoredRows = Annotated[
    str, typer.Option(help="train, val, test or all; unseen data without a split column count as a whole.")
]


@app.command(epilog=EXAMPLES["evaluate"])
def evaluate(
    bundle: Bundle,
    data: Data,
    split: ScoredRows = "test",
    modalities: Modalities = "",
    text_column: TextColumn = "text",
    out: Annotated[Path | None, typer.Option(dir_okay=False, help="The scores file to write.")] = None,
) -> None:
    """Score a bundle on labelled data; labels it does not know count as wrong and are listed."""
    with reported() as progress:
        from retail.bundle import load_bundle
        from retail.evaluation.scores import evaluate as run_evaluation
        from retail.report.tables import scores_table

        used = chosen_inputs(modalities) if modalities else None
        recognizer = load_bundle(bundle)
        manifest = _labelled_data(data, list(recognizer.vocabularies), text_column, progress)
        scores = run_evaluation(recognizer, manifest, split, used, progress)
        if out is not None:
            write_json(out, scores)
        typer.echo(f"{_rows_scored(scores['data'])}\n{scores_table(scores)}")


@app.command(epilog=EXAMPLES["robustness"])
def robustness(
    bundle: Bundle,
    data: Data,
    split: ScoredRows = "test",
    rows: Annotated[int, typer.Option(help="At most so many rows, drawn at random; 0 = all.")] = 0,
    text_column: TextColumn = "text",
    seed: Annotated[int, typer.Option(help="Same seed, same damage.")] = 0,
    out: Annotated[Path | None, typer.Option(dir_okay=False, help="The file of figures to write.")] = None,
    csv_folder: CsvFolder = None,
    status: Status = None,
) -> None:
    """How much damage does a bundle bear? Blur, typos, noise and more at several strengths, and swapped inputs."""
    with reported(status) as progress:
        from retail.bundle import load_bundle
        from retail.evaluation.robustness import Model, some_of
        from retail.evaluation.robustness import robustness as measure
        from retail.evaluation.scores import rows_to_score
        from retail.report.files import write_tables
        from retail.report.robustness_tables import robustness_tables, robustness_text
        from retail.store import EmbeddingStore

        recognizer = load_bundle(bundle)
        manifest = _labelled_data(data, list(recognizer.vocabularies), text_column, progress)
        found, scored = rows_to_score(recognizer, manifest, split)
        chosen = some_of(found, rows, seed)
        model = Model(recognizer.encoders, recognizer.head, recognizer.vocabularies)
        results = measure(model, chosen, manifest.label_columns, EmbeddingStore(), progress, seed)
        facts = {"name": manifest.title, "checksum": manifest.checksum, "split": scored, "n": len(chosen)}
        results |= {"strategy": recognizer.strategy, "bundle": recognizer.info, "data": facts}
        if out is not None:
            write_json(out, results)
        typer.echo(f"{_rows_scored(facts)}\n{robustness_text(results)}")
        for path in write_tables(robustness_tables(results), csv_folder):
            typer.echo(f"Written: {path}")


def _labelled_data(data: Path, tasks: Sequence[str], text_column: str, progress: Progress) -> Manifest:
    """The data with those of the tasks as labels that have a column, whatever the column looks like."""
    from retail.dataset.manifest import locate, read_manifest, read_table

    table, _, columns, _ = locate(data)
    header = columns.renamed(read_table(table)[0])
    manifest = read_manifest(data, [task for task in tasks if task in header], text_column, progress=progress)
    for problem in manifest.problems:
        typer.echo(f"Note: {problem}", err=True)
    return manifest


def _rows_scored(data: Mapping[str, Any]) -> str:
    """'Scored: the test rows of demo, 600 products.'"""
    rows = "rows" if data["split"] == "all" else f"{data['split']} rows"
    return f"Scored: the {rows} of {data['name']}, {data['n']:,} products."


@app.command(epilog=EXAMPLES["predict"])
def predict(
    bundle: Bundle,
    image: Annotated[list[Path] | None, typer.Option(help="A photo; give the option again for more.")] = None,
    text: Annotated[str, typer.Option(help="The description.")] = "",
    audio: Annotated[Path | None, typer.Option(help="A sound clip.")] = None,
    data: Annotated[Path | None, typer.Option(help="Many products: a folder, ZIP or metadata.csv.")] = None,
    out: Annotated[Path | None, typer.Option(dir_okay=False, help="With --data: the CSV to write.")] = None,
    text_column: TextColumn = "text",
    as_json: Annotated[bool, typer.Option("--json", help="Print every probability as JSON.")] = False,
    limit: Annotated[int, typer.Option(help="With --data: refuse more rows than this; 0 = take any number.")] = 0,
    status: Status = None,
) -> None:
    """Recognise one product, or many with --data and --out; rows that cannot be used keep the reason."""
    with reported(status) as progress:
        if data is not None and out is None:
            raise typer.BadParameter("--data needs --out predictions.csv.")
        product = Product.of(image, text, audio)
        from retail.bundle import load_bundle
        from retail.store import EmbeddingStore

        recognizer = load_bundle(bundle)
        if data is not None and out is not None:
            from retail.dataset.manifest import read_manifest

            manifest = read_manifest(data, None, text_column, progress=progress, most_rows=limit, use_split=False)
            for problem in manifest.problems:
                typer.echo(f"Note: {problem}", err=True)
            predictions = recognizer.predict_many(manifest.products, EmbeddingStore(), progress)
            rows = _with_reasons(predictions, manifest)
            _write_csv(out, rows, list(recognizer.vocabularies))
            used = sum(bool(row.used) for row in rows)
            typer.echo(f"{len(rows)} products written to {out}, {len(rows) - used} of them without an answer.")
            return
        prediction = recognizer.predict(product)
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
    names: dict[int, str] = {}
    reasons: dict[int, tuple[str, ...]] = {}  # by line, for two rows may bear one id
    for problem in manifest.problems:
        if problem.line is not None and problem.id:  # the header has none
            names[problem.line] = problem.id
            reasons[problem.line] = (*reasons.get(problem.line, ()), str(problem))
    rows = [replace(row, notes=(*reasons.pop(manifest.lines[row.id], ()), *row.notes)) for row in predictions]
    return rows + [Prediction(names[line], {}, (), notes) for line, notes in reasons.items()]


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
