"""The command line: check, embed, audit, train, finetune, compare, doctor, robustness, evaluate, predict and more.

In: arguments. Out: tables on stdout, JSON or CSV files, exit code 0 (done), 1 (the user's input) or 2 (usage).
"""

from __future__ import annotations

from retail.commands import compare, data, frozen, recognizers, runs, train
from retail.commands.shared import EXAMPLES, app

COMMANDS = (data, train, frozen, compare, recognizers, runs)  # importing a module registers its commands
app.registered_commands.sort(key=lambda command: list(EXAMPLES).index(getattr(command.callback, "__name__", "")))


def main() -> None:
    """Entry point; loads nothing heavy before a command is known."""
    app(prog_name="python -m retail")


if __name__ == "__main__":
    main()
