"""The command that puts a recogniser on the model hub, with its card.

In: a bundle, and the scores that `evaluate --out` has written of it. Out: an address, or a folder to look at before.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from retail.commands.shared import EXAMPLES, Bundle, Trust, app, reported, say, trusted


@app.command(epilog=EXAMPLES["push"])
def push(
    bundle: Bundle,
    repo: Annotated[str, typer.Argument(help="What it is called on the hub.", metavar="ORG/NAME")],
    scores: Annotated[
        Path | None, typer.Option(dir_okay=False, help="What 'evaluate --out' wrote of it: the card's figures on test.")
    ] = None,
    licence: Annotated[
        str, typer.Option(help="The licence of the weights, as the hub calls it: apache-2.0, other.")
    ] = ("unknown"),
    data_licence: Annotated[str, typer.Option(help="In words, the licence of the data that it learned from.")] = "",
    public: Annotated[
        bool, typer.Option("--public", help="Let everybody see it; only you and your organisation can if left out.")
    ] = False,
    folder: Annotated[
        Path | None, typer.Option(file_okay=False, help="Write what would be uploaded here, and upload nothing.")
    ] = None,
    trust: Trust = False,
) -> None:
    """Upload a recogniser and a model card made from what it records of itself to the model hub."""
    with reported():
        from retail.evaluation.reports import Scores
        from retail.recognizer import Recognizer, hub

        trusted([bundle], trust)
        recognizer, terms = Recognizer.load(bundle), hub.Terms(licence, data_licence, public)
        found = Scores.read(scores) if scores else None
        if folder is not None:
            say(f"Written: {hub.write_folder(recognizer, folder, repo, found, terms)}; read its README.md.")
            return
        say(f"Uploaded: {hub.push(recognizer, repo, found, terms)}")
