"""Commands that use recognisers: evaluate, leaderboard, robustness, predict.

In: bundles and products. Out: scores, a board, curves of damage, answers.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from retail.commands.declared import run, run_command
from retail.commands.shared import (
    EXAMPLES,
    Bundle,
    CsvFolder,
    Data,
    EngineChoice,
    Group,
    Modalities,
    Read,
    Status,
    StorePlace,
    TextColumn,
    Trust,
    Workers,
    app,
    chosen_inputs,
    reported,
    say,
    say_json,
    trusted,
)
from retail.config.options import listed
from retail.config.reading import Reading
from retail.config.spread import Spread
from retail.config.wish import DEFAULT_WISH, check_wish
from retail.schema import Prediction, Product

if TYPE_CHECKING:
    from retail.recognizer import Recognizer
    from retail.workspace.requests import EvaluateRequest, LeaderboardRequest, RobustnessRequest

ScoredRows = Annotated[
    str,
    typer.Option(
        help="Rows to score: train, val, test, any other word of the split column, or all; unseen data without a split "
        "column counts as a whole."
    ),
]


@run_command
def evaluate(
    bundle: Bundle,
    data: Data,
    split: ScoredRows = "test",
    modalities: Modalities = "",
    text_column: TextColumn = "text",
    group: Group = "",
    out: Annotated[Path | None, typer.Option(dir_okay=False, help="The scores file to write.")] = None,
    trust: Trust = False,
) -> EvaluateRequest:
    """Score a bundle on labelled data; labels it does not know count as wrong and are listed."""
    from retail.workspace.requests import EvaluateRequest

    used = chosen_inputs(modalities) if modalities else ()
    trusted([bundle], trust)
    return EvaluateRequest(
        bundle=bundle,
        data=data,
        split=split,
        modalities=used,
        text_column=text_column,
        group=listed(group),
        out=out,
    )


@run_command
def leaderboard(
    data: Data,
    bundles: Annotated[
        list[Path],
        typer.Argument(help="Folders made by 'train --out'; `demo` and `groceries` ship.", metavar="BUNDLE..."),
    ],
    split: Annotated[
        str, typer.Option(help="Rows to score: train, val, test, another split of the data, or all.")
    ] = "test",
    text_column: TextColumn = "text",
    group: Group = "",
    out: Annotated[Path | None, typer.Option(dir_okay=False, help="The leaderboard file to write.")] = None,
    csv_folder: CsvFolder = None,
    trust: Trust = False,
) -> LeaderboardRequest:
    """Which bundle is best? Score several on the same rows, with intervals and paired differences to the leader."""
    from retail.workspace.leaderboards import names_of
    from retail.workspace.requests import LeaderboardRequest

    trusted(bundles, trust)
    return LeaderboardRequest(
        data=data,
        recognizers=names_of(bundles),
        split=split,
        text_column=text_column,
        group=listed(group),
        out=out,
        csv_folder=csv_folder,
    )


@run_command
def robustness(
    bundle: Bundle,
    data: Data,
    split: ScoredRows = "test",
    rows: Annotated[int, typer.Option(help="Most rows to score, drawn at random; 0 is all.")] = 0,
    text_column: TextColumn = "text",
    group: Group = "",
    seed: Annotated[int, typer.Option(help="The same seed gives the same damage.")] = 0,
    out: Annotated[Path | None, typer.Option(dir_okay=False, help="The results file to write.")] = None,
    csv_folder: CsvFolder = None,
    trust: Trust = False,
) -> RobustnessRequest:
    """How well does a bundle cope with damage? Blur, typos, noise and more at several strengths, and swapped inputs."""
    from retail.workspace.requests import RobustnessRequest

    trusted([bundle], trust)
    return RobustnessRequest(
        bundle=bundle,
        data=data,
        split=split,
        rows=rows,
        text_column=text_column,
        group=listed(group),
        seed=seed,
        out=out,
        csv_folder=csv_folder,
    )


@app.command(epilog=EXAMPLES["predict"])
def predict(
    bundle: Bundle,
    image: Annotated[list[Path] | None, typer.Option(help="A photo; repeat the option for more.")] = None,
    text: Annotated[str, typer.Option(help="The description.")] = "",
    audio: Annotated[Path | None, typer.Option(help="A sound clip.")] = None,
    data: Annotated[Path | None, typer.Option(help="Many products: a folder, ZIP or metadata.csv.")] = None,
    out: Annotated[
        Path | None, typer.Option(dir_okay=False, help="With --data: the CSV or Parquet file to write.")
    ] = None,
    text_column: TextColumn = "text",
    as_json: Annotated[bool, typer.Option("--json", help="Print every probability as JSON.")] = False,
    accuracy: Annotated[
        float, typer.Option(help="Accept answers that are right as often as this, 0.5 to 0.99; the others need a look.")
    ] = DEFAULT_WISH,
    read: Read = "",
    catalogue: Annotated[
        str, typer.Option(help="A catalogue whose products answer beside the classes; see `catalogue list`.")
    ] = "",
    limit: Annotated[int, typer.Option(help="With --data: refuse more rows than this; 0 is no limit.")] = 0,
    engine: EngineChoice = "local",
    workers: Workers = 0,
    store: StorePlace = "",
    trust: Trust = False,
    status: Status = None,
) -> None:
    """Recognise one product, or many with --data and --out; rows that cannot be used keep the reason."""
    with reported(status) as progress:
        if data is not None and out is None:
            raise typer.BadParameter("--data needs --out predictions.csv.")
        reading = Reading.of_names(read)
        trusted([bundle], trust)
        if data is not None and out is not None:
            from retail.workspace.requests import PredictRequest

            wished = check_wish(accuracy)
            run(
                PredictRequest(
                    bundle=bundle,
                    data=data,
                    text_column=text_column,
                    limit=limit,
                    accuracy=wished,
                    reading=reading,
                    catalogue=catalogue,
                    spread=Spread(engine, workers, store),
                    out=out,
                ),
                progress,
            )
            return
        from retail.catalogue.evidence import noted, with_evidence
        from retail.recognizer.bundle import load_bundle

        product, evidence = with_evidence(Product.of(image, text, audio), reading)
        recognizer = load_bundle(bundle)
        prediction = noted(_answer(recognizer, product, catalogue, accuracy), evidence)
        if as_json:
            values = prediction.to_dict() | {"read": evidence.to_dict()}
            say_json(values)
        else:
            for line in _lines(prediction):
                say(line)
        if not recognizer.is_ready:
            progress.note("this machine gets ready for quicker starts, once; the answer above is complete.")
            recognizer.make_ready()


def _answer(recognizer: Recognizer, product: Product, catalogue: str, accuracy: float) -> Prediction:
    """Of the classes alone, or together with a catalogue."""
    if not catalogue:
        return recognizer.predict(product, accuracy=accuracy)
    from retail.catalogue.database import Catalogue
    from retail.catalogue.shelf import Shelf

    return Shelf.of(recognizer, Catalogue.open(catalogue)).predict(product, accuracy)


def _lines(prediction: Prediction) -> list[str]:
    lines = [f"used: {', '.join(prediction.used)}", *prediction.notes]
    if found := prediction.recognised:
        lines.append(f"product of the catalogue: {found.name or found.id} {found.probability:.1%}")
    if prediction.unknown:
        lines.append("Not one of the known products; the answers below are guesses among those that it knows.")
    for task, answer in prediction.answers.items():
        top, other = prediction.top(task)
        answers = ", ".join(f"{label} {prob:.1%}" for label, prob in top)
        rest = f", other {other:.1%}" if other >= 0.0005 else ""
        lines.append(f"{task}: {answers}{rest} ({answer.decision})")
    if prediction.nearest:
        lines.append(f"nearest known product: {prediction.nearest.id} (similarity {prediction.nearest.similarity:.2f})")
    return lines
