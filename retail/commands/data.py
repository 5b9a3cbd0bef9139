"""Commands about data: check, fetch, embed, distance, audit.

In: data sets. Out: problems and a plan, fetched files, embeddings in the cache, distances and findings.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from retail.commands.declared import run_command
from retail.commands.shared import (
    EXAMPLES,
    CsvFolder,
    Data,
    Encoders,
    EngineChoice,
    Group,
    JsonFile,
    Modalities,
    StorePlace,
    Tasks,
    TextColumn,
    Workers,
    app,
    chosen_inputs,
    reported,
    say,
)
from retail.config.options import listed
from retail.config.spread import Spread
from retail.schema import UserError

if TYPE_CHECKING:
    from retail.workspace.requests import AuditRequest, EmbedRequest


@app.command(epilog=EXAMPLES["check"])
def check(
    data: Data,
    tasks: Tasks = "",
    text_column: TextColumn = "text",
    group: Group = "",
    decide: Annotated[
        list[str] | None,
        typer.Option(
            help="What to make of a column's labels, such as tags=each, brand=apart, 'brand:Nikee=Nike', or of rows: "
            "rows=join, or of one row: 'rows/ID:brand=Nike', rows/ID=copy-of/ID. Kept beside the data; may be given "
            "several times.",
            metavar="DECISION",
        ),
    ] = None,
) -> None:
    """List every problem of a data set, opening every file, and what will be learned; exit 1 if no row is usable."""
    from retail.dataset.decisions import keep_decisions
    from retail.dataset.plan import plan
    from retail.dataset.reader import read_manifest
    from retail.dataset.remarks import few_of_each
    from retail.splits import unseen_classes

    with reported() as progress:
        if decide:
            keep_decisions(data, decide)
        manifest = read_manifest(
            data, listed(tasks) or None, text_column, check_media=True, progress=progress, group=listed(group)
        )
        for sentence in few_of_each(map(str, manifest.problems)):
            say(sentence)
        for remark in manifest.remarks:
            say(f"Note: {remark}")
        counts = {split: len(manifest.in_split(split)) for split in ("train", "val", "test")}
        sizes = ", ".join(f"{count} {split}" for split, count in counts.items())
        say(f"{len(manifest.products)} usable products ({sizes}), {len(manifest.problems)} problems.")
        for sentence in unseen_classes(manifest):
            say(sentence)
        lines = plan(manifest)
        width = max(len(line.heading) for line in lines)
        for line in lines:
            say(f"  {line.heading:{width}}  {line.text}")


@app.command(epilog=EXAMPLES["fetch"])
def fetch(data: Data) -> None:
    """Fetch the photos and sounds that a data set names by web address, once; reading it finds them from then on."""
    from retail.dataset.fetching import fetch_addresses

    with reported() as progress:
        found = fetch_addresses(data, progress)
        for address, sentence in found.failures:
            say(f"{address}: {sentence}")
        left = f" {found.left:,} addresses are left; fetch once more." if found.left else ""
        say(f"{found.count:,} files fetched, {found.kept:,} were there already, {len(found.failures):,} failed.{left}")


@run_command
def embed(
    data: Data,
    encoders: Encoders = "bundled",
    text_column: TextColumn = "text",
    engine: EngineChoice = "local",
    workers: Workers = 0,
    store: StorePlace = "",
) -> EmbedRequest:
    """Fill the embedding cache, so that training and comparing start at once."""
    from retail.workspace.requests import EmbedRequest

    spread = Spread(engine, workers, store)
    return EmbedRequest(data=data, text_column=text_column, encoders=encoders, spread=spread)


@app.command(epilog=EXAMPLES["distance"])
def distance(
    source: Annotated[Path, typer.Argument(help="The data a model is trained on.", metavar="SOURCE")],
    target: Annotated[Path, typer.Argument(help="The data it will be used on.", metavar="TARGET")],
    modalities: Modalities = "",
    encoders: Encoders = "bundled",
    text_column: TextColumn = "text",
) -> None:
    """How far apart two data sets lie, for each input that both have: will a model carry over?"""
    from retail.encoders import load_preset
    from retail.metrics.distance import distance as measure
    from retail.store import EmbeddingStore, embed_products
    from retail.workspace.execution.outcome import read_data

    with reported() as progress:
        loaded = load_preset(encoders, chosen_inputs(modalities))
        manifests = (read_data(data, None, text_column, progress) for data in (source, target))
        sets = [embed_products(found.products, loaded, {}, EmbeddingStore(), progress)[0] for found in manifests]
        shared = [name for name in loaded if all(bool(batch.present[name].any()) for batch in sets)]
        if not shared:
            raise UserError("The two sets have no kind of input in common; choose sets that both have photos or texts.")
        for name in shared:
            ours, theirs = (batch.embeddings[name][batch.present[name]] for batch in sets)
            say(f"{name}: {measure(ours, theirs).sentence}")


@run_command
def audit(
    data: Data,
    tasks: Tasks = "",
    encoders: Annotated[str, typer.Option(help="A preset, or 'none' to skip the search for look-alikes.")] = "bundled",
    text_column: TextColumn = "text",
    group: Group = "",
    json_file: JsonFile = None,
    csv_folder: CsvFolder = None,
) -> AuditRequest:
    """Can the data be trusted? Six kinds of leak, labels that are probably wrong, and duplicates."""
    from retail.workspace.requests import AuditRequest

    return AuditRequest(
        data=data,
        tasks=listed(tasks),
        text_column=text_column,
        group=listed(group),
        encoders=encoders,
        out=json_file,
        csv_folder=csv_folder,
    )
