"""Commands that judge fusion: compare, doctor, report.

In: a data set or a results file. Out: tables, results, reports, and bundles where asked for.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from retail.commands.shared import (
    EXAMPLES,
    Auxiliary,
    ClassBalance,
    CsvFolder,
    Data,
    Encoders,
    Html,
    Latex,
    Modalities,
    Modulation,
    SingleInputs,
    Status,
    Tasks,
    TextColumn,
    app,
    chosen_inputs,
    listed,
    read_data,
    reported,
)
from retail.config import CompareConfig, TrainConfig

if TYPE_CHECKING:
    from retail.comparison.fits import FitOutput


@app.command(epilog=EXAMPLES["compare"])
def compare(
    data: Data,
    out: Annotated[Path, typer.Option(dir_okay=False, help="The results file to write.")],
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
        Path | None,
        typer.Option(file_okay=False, help="Keep the recogniser of each strategy, first seed, in FOLDER/STRATEGY."),
    ] = None,
    csv_folder: CsvFolder = None,
    latex: Latex = None,
    html: Html = None,
    status: Status = None,
) -> None:
    """Is fusion worth it? Train every strategy and every single-input baseline, and score them on the test rows."""
    with reported(status) as progress:
        names = () if strategies == "all" else listed(strategies)
        config = CompareConfig(
            tasks=listed(tasks),
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
        from retail.comparison.cost import encode_costs
        from retail.comparison.plans import plan_models
        from retail.comparison.results import write_results
        from retail.comparison.run import compare as run_comparison
        from retail.encoders import load_preset
        from retail.report.files import write_outputs
        from retail.report.tables import comparison_table
        from retail.splits import prepare
        from retail.store import EmbeddingStore

        manifest = read_data(data, tasks, text_column, progress)
        used = chosen_inputs(modalities)
        plan_models(config, manifest.tasks, used)  # an unknown strategy is said before the long work
        loaded = load_preset(encoders, used)
        splits = prepare(manifest, loaded, EmbeddingStore(), progress)
        costs = encode_costs(loaded, manifest.in_split("test"))

        def on_fit(output: FitOutput) -> None:
            if output.plan.kind in ("single", "fusion") and not tune:
                progress.score(output.plan.model, sum(output.val_accuracy.values()) / len(output.val_accuracy))

        found = run_comparison(manifest, splits, loaded, config, progress, costs=costs, on_fit=on_fit)
        results = found.results
        write_results(results, out)
        if bundles is not None:
            for recognizer in compared_recognizers(manifest, loaded, splits, found.fits, progress):
                inputs = recognizer.modalities
                save_bundle(recognizer, bundles / (recognizer.strategy if len(inputs) > 1 else inputs[0]))
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
    json_file: Annotated[
        Path | None, typer.Option("--json", dir_okay=False, help="Write findings and measurements.")
    ] = None,
    csv_folder: CsvFolder = None,
    status: Status = None,
) -> None:
    """Why does fusion not do better? Norms, dominating, redundant and under-trained inputs, each with a remedy."""
    with reported(status) as progress:
        from retail.comparison.doctor_visit import visit
        from retail.comparison.results import DOCTOR_FORMAT, DataName, DoctorReport, write_results
        from retail.encoders import load_preset
        from retail.report.doctor_tables import doctor_tables, doctor_text
        from retail.report.files import write_tables
        from retail.splits import prepare
        from retail.store import EmbeddingStore

        config = CompareConfig(
            tasks=listed(tasks), strategies=(strategy,), seeds=seeds, encoders=encoders, text_column=text_column
        )
        manifest = read_data(data, tasks, text_column, progress)
        splits = prepare(manifest, load_preset(encoders), EmbeddingStore(), progress)
        found = visit(splits, config, progress)
        if json_file is not None:
            examined = DataName(name=manifest.title, checksum=manifest.checksum)
            whole = DoctorReport(format=DOCTOR_FORMAT, data=examined, config=config, **vars(found))
            write_results(whole, json_file)
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
    with reported():
        from retail.comparison.results import read_results
        from retail.report.files import write_outputs
        from retail.report.tables import comparison_table

        found = read_results(results)
        typer.echo(comparison_table(found))
        for path in write_outputs(found, csv_folder, latex, html):
            typer.echo(f"Written: {path}")
