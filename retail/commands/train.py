"""Commands that train a recogniser: train, finetune.

In: a data set. Out: a bundle.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from retail.commands.declared import run_command
from retail.commands.shared import Data, Encoders, Group, Modalities, Tasks, TextColumn, chosen_inputs
from retail.config import FinetuneConfig, TrainConfig
from retail.config.options import listed
from retail.schema import UserError

if TYPE_CHECKING:
    from retail.workspace.requests import BestRequest, FinetuneRequest, TrainRequest

HEAD = TrainConfig(strategy="concatenation")


@run_command
def train(
    data: Data,
    *,
    out: Annotated[Path, typer.Option(file_okay=False, help="Folder for the bundle.")],
    tasks: Tasks = "",
    config: TrainConfig,
    modalities: Modalities = "",
    encoders: Encoders = "bundled",
    text_column: TextColumn = "text",
    group: Group = "",
    best: Annotated[
        bool, typer.Option("--best", help="Try the sensible methods and keep the best on validation.")
    ] = False,
    minutes: Annotated[
        float, typer.Option(min=0, help="Time for --best; what suits the size of the data if left out.")
    ] = 0,
) -> TrainRequest | BestRequest:
    """Train one recogniser and save it as a bundle."""
    from retail.workspace.requests import BestRequest, TrainRequest

    if minutes and not best:
        raise UserError("--minutes is the time for --best; add --best, or leave it out.")
    if best and config.strategy != TrainConfig.strategy:
        raise UserError(f"--best chooses the strategy itself; leave out --strategy {config.strategy}, or --best.")
    request = TrainRequest(
        data=data,
        tasks=listed(tasks),
        text_column=text_column,
        group=listed(group),
        encoders=encoders,
        config=replace(config, modalities=chosen_inputs(modalities)),
        out=out,
    )
    shared = request.model_dump(include=BestRequest.model_fields.keys() - {"kind"})
    return BestRequest(minutes=minutes, **shared) if best else request


@run_command
def finetune(
    data: Data,
    *,
    out: Annotated[
        Path,
        typer.Option(file_okay=False, help="Folder for the bundle; a stopped run resumes from what it finds there."),
    ],
    tasks: Tasks = "",
    head: Annotated[TrainConfig, "strategy", "width", "hidden", "hidden_dropout", "max_epochs"] = HEAD,
    modalities: Annotated[str, typer.Option(help="Inputs to use; those of --tune if left out.")] = "",
    encoders: Encoders = "bundled",
    text_column: TextColumn = "text",
    group: Group = "",
    tuning: FinetuneConfig,
    source: Annotated[Path | None, typer.Option(help="Another data set: how much of it is forgotten?")] = None,
) -> FinetuneRequest:
    """Train encoders themselves, together with a head, and save all as a bundle."""
    from retail.workspace.requests import FinetuneRequest

    used = chosen_inputs(modalities) if modalities else tuning.tune
    return FinetuneRequest(
        data=data,
        tasks=listed(tasks),
        text_column=text_column,
        group=listed(group),
        encoders=encoders,
        config=replace(head, modalities=used, class_balance=tuning.class_balance, seed=tuning.seed),
        tuning=tuning,
        source=source,
        out=out,
    )
