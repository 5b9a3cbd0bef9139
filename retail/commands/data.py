"""Commands about data: check, embed, distance, audit.

In: data sets. Out: problems, embeddings in the cache, distances and findings.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from retail.commands.shared import (
    EXAMPLES,
    CsvFolder,
    Data,
    Encoders,
    Modalities,
    Status,
    Tasks,
    TextColumn,
    app,
    chosen_inputs,
    listed,
    read_data,
    reported,
)
from retail.files import write_record
from retail.schema import UserError


@app.command(epilog=EXAMPLES["check"])
def check(data: Data, tasks: Tasks = "", text_column: TextColumn = "text") -> None:
    """List every problem of a data set, opening every file; exit 1 if no row is usable."""
    from retail.dataset.manifest import read_manifest, support_sentence

    with reported() as progress:
        manifest = read_manifest(data, listed(tasks) or None, text_column, check_media=True, progress=progress)
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

    with reported(status) as progress:
        manifest = read_data(data, "", text_column, progress)
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
    from retail.metrics.distance import distance as measure
    from retail.store import EmbeddingStore, embed_products

    with reported() as progress:
        loaded = load_preset(encoders, chosen_inputs(modalities))
        sets = [
            embed_products(read_data(data, "", text_column, progress).products, loaded, {}, EmbeddingStore(), progress)[
                0
            ]
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
    json_file: Annotated[
        Path | None, typer.Option("--json", dir_okay=False, help="Write every finding with all its rows.")
    ] = None,
    csv_folder: CsvFolder = None,
    status: Status = None,
) -> None:
    """Does the data give its labels away? Six kinds of leak, each finding with the products concerned."""
    with reported(status) as progress:
        from retail.audit import audit as look
        from retail.encoders import load_preset
        from retail.report.audit_tables import audit_tables, audit_text
        from retail.report.files import write_tables
        from retail.store import EmbeddingStore, embed_products

        manifest = read_data(data, tasks, text_column, progress)
        embedded = None
        if encoders != "none":
            embedded, _ = embed_products(manifest.products, load_preset(encoders), {}, EmbeddingStore(), progress)
        report = look(manifest, embedded, progress)
        if json_file is not None:
            write_record(json_file, report)
        typer.echo(audit_text(report))
        for path in write_tables(audit_tables(report), csv_folder):
            typer.echo(f"Written: {path}")
