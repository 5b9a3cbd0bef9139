"""The command that looks after the home folder: what it takes, what is wrong, what can go.

In: nothing, or what to do about it. Out: a list; exit code 1 while something is damaged or left over.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from retail.commands.shared import EXAMPLES, app, reported, say
from retail.files import home as home_folder
from retail.wording import number_of, size_words

if TYPE_CHECKING:
    from retail.workspace.health import Finding, Health

SHOWN = 5  # paths of one finding


@app.command(epilog=EXAMPLES["home"])
def home(
    repair: Annotated[bool, typer.Option("--repair", help="Repair what is damaged; asks first.")] = False,
    clean: Annotated[bool, typer.Option("--clean", help="Delete what is left over or unused; asks first.")] = False,
    checksums: Annotated[bool, typer.Option("--checksums", help="Read every embedding as well.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """What does RETAIL_HOME take, and is it sound? Exit code 1 while anything is damaged or left over."""
    with reported() as progress:
        from retail.workspace.health import examine, mend

        found = examine(checksums, progress if checksums else None)
        progress.close()
        _print(found)
        wanted = [*(found.repairs if repair else ()), *(found.cleanings if clean else ())]
        if wanted and _agreed(wanted, yes):
            mend(wanted)
            found = examine(checksums)
            say("")
            say("Afterwards:")
            _print(found)
    if not found.is_sound:
        raise typer.Exit(1)


def _print(found: Health) -> None:
    say(f"{home_folder()}: {size_words(found.size)}")
    for use in found.uses:
        say(f"  {size_words(use.size):>11}  {use.name}: {use.meaning}")
    for finding in found.findings:
        say(f"{_what(finding)}{finding.sentence}{_room(finding)}")
        for path in finding.paths[:SHOWN]:
            say(f"    {path}")
        if len(finding.paths) > SHOWN:
            say(f"    and {len(finding.paths) - SHOWN:,} more")
    if not found.findings:
        say("Nothing is damaged, nothing is left over.")
    elif found.repairs or found.cleanings:
        options = ["--repair mends what is damaged"] * bool(found.repairs)
        options += ["--clean deletes what nobody needs"] * bool(found.cleanings)
        say(f"{'; '.join(options)}; both ask first.")


def _what(finding: Finding) -> str:
    return f"{finding.kind.capitalize()}: "


def _room(finding: Finding) -> str:
    return f" ({size_words(finding.size)})" if finding.size else ""


def _agreed(wanted: Sequence[Finding], yes: bool) -> bool:
    """Says what would be done, and asks unless it need not."""
    size = sum(finding.size for finding in wanted)
    say("")
    say(f"{number_of(len(wanted), 'thing')} to mend{f', {size_words(size)} to gain' if size else ''}:")
    for finding in wanted:
        say(f"  {'repair' if finding.is_repair else 'delete'}: {finding.sentence}")
    return yes or typer.confirm("Do it?")
