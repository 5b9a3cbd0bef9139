"""Commands about data: check, embed, distance, audit.

In: data sets. Out: problems, embeddings in the cache, distances and findings.
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
    Group,
    JsonFile,
    Modalities,
    Tasks,
    TextColumn,
    app,
    chosen_inputs,
    reported,
)
from retail.config.options import listed
from retail.schema import UserError

if TYPE_CHECKING:
    from retail.workspace.requests import AuditRequest, EmbedRequest


@app.command(epilog=EXAMPLES["check"])
def check(data: Data, tasks: Tasks = "", text_column: TextColumn = "text", group: Group = "") -> None:
    """List every problem of a data set, opening every file; exit 1 if no row is usable."""
    from retail.dataset.manifest import read_manifest, support_sentence
    from retail.splits import unseen_classes

    with reported() as progress:
        manifest = read_manifest(
            data, listed(tasks) or None, text_column, check_media=True, progress=progress, group=listed(group)
        )
        for problem in manifest.problems:
            typer.echo(str(problem))
        counts = {split: len(manifest.in_split(split)) for split in ("train", "val", "test")}
        sizes = ", ".join(f"{count} {split}" for split, count in counts.items())
        typer.echo(f"{len(manifest.products)} usable products ({sizes}), {len(manifest.problems)} problems.")
        typer.echo(f"Tasks: {', '.join(manifest.tasks) or 'none found; name label columns with --tasks'}.")
        for task in manifest.tasks:
            typer.echo(f"  {task}: {support_sentence(manifest.support(task))}")
        for sentence in unseen_classes(manifest):
            typer.echo(sentence)


@run_command
def embed(data: Data, encoders: Encoders = "bundled", text_column: TextColumn = "text") -> EmbedRequest:
    """Fill the embedding cache, so that training and comparing start at once."""
    from retail.workspace.requests import EmbedRequest

    return EmbedRequest(data=data, text_column=text_column, encoders=encoders)


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
            typer.echo(f"{name}: {measure(ours, theirs).sentence}")


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
    """Does the data give its labels away? Six kinds of leak, each finding with the products concerned."""
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
