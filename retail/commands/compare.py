"""Commands that judge fusion: compare, doctor, report.

In: a data set or a results file. Out: tables, results, reports, and bundles where asked for.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from retail.commands.declared import run_command
from retail.commands.shared import (
    EXAMPLES,
    CsvFolder,
    Data,
    Encoders,
    Group,
    Html,
    Latex,
    Modalities,
    Tasks,
    TextColumn,
    app,
    chosen_inputs,
    reported,
    say,
    say_text,
)
from retail.config import CompareConfig
from retail.config.options import listed

if TYPE_CHECKING:
    from retail.workspace.requests import CompareRequest, DoctorRequest

ONE_SEED = CompareConfig(seeds=1)


@run_command
def compare(
    data: Data,
    *,
    out: Annotated[Path, typer.Option(dir_okay=False, help="The results file to write.")],
    tasks: Tasks = "",
    modalities: Modalities = "",
    config: CompareConfig,
    encoders: Encoders = "bundled",
    text_column: TextColumn = "text",
    group: Group = "",
    bundles: Annotated[
        Path | None,
        typer.Option(file_okay=False, help="Keep the recogniser of each strategy, first seed, in FOLDER/STRATEGY."),
    ] = None,
    csv_folder: CsvFolder = None,
    latex: Latex = None,
    html: Html = None,
) -> CompareRequest:
    """Is fusion worth it? Train every strategy and every single-input baseline, and score them on the test rows."""
    from retail.workspace.requests import CompareRequest

    return CompareRequest(
        data=data,
        modalities=chosen_inputs(modalities),
        config=replace(config, tasks=listed(tasks), encoders=encoders, text_column=text_column),
        group=listed(group),
        out=out,
        bundles=bundles,
        csv_folder=csv_folder,
        latex=latex,
        html=html,
    )


@run_command
def doctor(
    data: Data,
    tasks: Tasks = "",
    strategy: Annotated[str, typer.Option(help="The fusion strategy to examine.")] = "gated",
    config: Annotated[CompareConfig, "seeds"] = ONE_SEED,
    encoders: Encoders = "bundled",
    text_column: TextColumn = "text",
    group: Group = "",
    json_file: Annotated[
        Path | None, typer.Option("--json", dir_okay=False, help="Write findings and measurements.")
    ] = None,
    csv_folder: CsvFolder = None,
) -> DoctorRequest:
    """Why does fusion not do better? Norms, dominating, redundant and under-trained inputs, each with a remedy."""
    from retail.workspace.requests import DoctorRequest

    config = replace(config, tasks=listed(tasks), strategies=(strategy,), encoders=encoders, text_column=text_column)
    return DoctorRequest(data=data, config=config, group=listed(group), out=json_file, csv_folder=csv_folder)


@app.command(epilog=EXAMPLES["report"])
def report(
    results: Annotated[Path, typer.Argument(help="A file made by 'compare --out'; `demo` ships.", metavar="RESULTS")],
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
        say_text(comparison_table(found))
        for path in write_outputs(found, csv_folder, latex, html):
            say(f"Written: {path}")
