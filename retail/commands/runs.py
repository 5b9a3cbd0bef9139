"""The command that a queued run consists of: run.

In: a run's folder with its request.json. Out: what the request asks for, and status.json, in the same folder.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from retail.commands.declared import run as execute_and_print
from retail.commands.shared import EXAMPLES, app, reported


@app.command("run", epilog=EXAMPLES["run"], hidden=True)
def run(folder: Annotated[Path, typer.Argument(help="The folder of a run.", metavar="FOLDER")]) -> None:
    """Do what the request in a run's folder asks for, and keep status.json there."""
    with reported(folder / "status.json", timed=True) as progress:
        from retail.workspace.requests import read_request

        execute_and_print(read_request(folder), progress, folder)
