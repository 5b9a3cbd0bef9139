"""The command that lists what was said of a recogniser's answers, and trains it again with that.

In: a bundle. Out: a line a correction, or another bundle and what it gained.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from retail.commands.declared import run
from retail.commands.shared import EXAMPLES, Bundle, Status, TextColumn, app, reported, say

if TYPE_CHECKING:
    from retail.review.record import Correction

SHOWN = 20  # the latest


@app.command(epilog=EXAMPLES["corrections"])
def corrections(
    bundle: Bundle,
    train: Annotated[
        Path | None, typer.Option(file_okay=False, help="Train again with the corrections, into this folder.")
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(help="With --train: the data that it learned from, where no run of the dashboard says."),
    ] = None,
    text_column: TextColumn = "text",
    status: Status = None,
) -> None:
    """List what was said of a recogniser's answers since it was trained; --train teaches it and says what it gained."""
    with reported(status) as reporter:
        from retail.files import SHIPPED_BUNDLES, or_shipped
        from retail.workspace.corrected import offer, request_again

        folder = or_shipped(bundle, SHIPPED_BUNDLES)
        if train is not None:
            gain = train / "gain.json"
            request = request_again(folder, data, text_column).model_copy(update={"out": train, "gain_out": gain})
            run(request, reporter)
            return
        found = offer(folder)
        for correction in found.corrections[-SHOWN:]:
            say(_line(correction))
        say(found.sentence)


def _line(correction: Correction) -> str:
    """'2026-11-28 16:40  bulk  product: Fig was said, Pear is right'"""
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(correction.time))
    said = correction.said
    parts = [
        f"{task}: {said[task].label} was said, {label} is right"
        for task, label in correction.labels.items()
        if task in said
    ]
    if correction.name:
        parts.append(f"it is {correction.name}")
    word = "; ".join(parts) if correction.was_wrong else "right"
    return f"{when}  {correction.origin:10} {word}"
