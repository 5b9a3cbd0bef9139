"""Commands about frozen features: frozen, curve.

In: a data set. Out: accuracy of methods, and of fewer examples.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from retail.commands.declared import run_command
from retail.commands.shared import Data, Encoders, Group, OneModality, ResultsOut, Tasks, TextColumn, one_input
from retail.config import CurveConfig, SearchConfig
from retail.config.options import listed

if TYPE_CHECKING:
    from retail.workspace.requests import CurveRequest, FrozenRequest


@run_command
def frozen(
    data: Data,
    *,
    tasks: Tasks = "",
    modality: OneModality = "image",
    encoders: Encoders = "bundled",
    text_column: TextColumn = "text",
    group: Group = "",
    config: SearchConfig,
    map_data: Annotated[Path | None, typer.Option(help="Fit the maps on this data set's training rows.")] = None,
    map_tasks: Annotated[str, typer.Option(help="Label columns of --map-data, for maps that are learned.")] = "",
    bundle: Annotated[
        Path | None,
        typer.Option(
            file_okay=False, help="Keep the method that cross-validation prefers (no prototypes) as a bundle."
        ),
    ] = None,
    out: ResultsOut = None,
) -> FrozenRequest:
    """How far do frozen embeddings carry? Score feature maps and classifiers, settings chosen within train."""
    from retail.workspace.requests import FrozenRequest

    return FrozenRequest(
        data=data,
        tasks=listed(tasks),
        text_column=text_column,
        group=listed(group),
        encoders=encoders,
        modality=one_input(modality),
        config=config,
        map_data=map_data,
        map_tasks=listed(map_tasks),
        out=out,
        bundle_out=bundle,
    )


@run_command
def curve(
    data: Data,
    *,
    tasks: Tasks = "",
    modality: OneModality = "image",
    encoders: Encoders = "bundled",
    text_column: TextColumn = "text",
    group: Group = "",
    config: CurveConfig,
    out: ResultsOut = None,
) -> CurveRequest:
    """How many examples does it take? Accuracy against training examples per class, over random draws."""
    from retail.workspace.requests import CurveRequest

    return CurveRequest(
        data=data,
        tasks=listed(tasks),
        text_column=text_column,
        group=listed(group),
        encoders=encoders,
        modality=one_input(modality),
        config=config,
        out=out,
    )
