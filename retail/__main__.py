"""The command line: dashboard, check, audit, train, finetune, compare, doctor, robustness, evaluate, predict and more.

In: arguments. Out: tables on stdout, JSON or CSV files, exit code 0 (done), 1 (the user's input) or 2 (usage).
"""

from __future__ import annotations

from typing import Annotated

import typer

from retail import __version__
from retail.commands import (
    catalogue,
    compare,
    corrections,
    data,
    export,
    frozen,
    guess,
    home,
    hub,
    recognizers,
    runs,
    runtime,
    serve,
    start,
    train,
)
from retail.commands.shared import EXAMPLES, HELP, app

COMMANDS = (
    start,
    data,
    train,
    frozen,
    compare,
    recognizers,
    export,
    serve,
    hub,
    guess,
    home,
    corrections,
    catalogue,
    runs,
    runtime,
)  # importing a module registers its commands
app.registered_commands.sort(key=lambda command: list(EXAMPLES).index(getattr(command.callback, "__name__", "")))


def _say_version(asked: bool) -> None:
    if asked:
        typer.echo(f"retail {__version__}")
        raise typer.Exit


@app.callback(help=HELP)
def options(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_say_version, help="Say the version and exit.")
    ] = False,
) -> None:
    """What stands before a command."""


def main() -> None:
    """Entry point of `retail` and `python -m retail`; loads nothing heavy before a command is known."""
    app()


if __name__ == "__main__":
    main()
