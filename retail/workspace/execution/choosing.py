"""Runs that make a recogniser without questions: several methods within a time, the best of them kept.

In: a `BestRequest`. Out: a bundle with best.json beside it.
"""

from __future__ import annotations

from pathlib import Path

from retail.best.record import BestReport, Tried
from retail.best.search import Listener, search
from retail.wording import percent
from retail.workspace import naming
from retail.workspace.execution.outcome import Follower, Outcome, learning_data, note_reading
from retail.workspace.requests import BestRequest


def run(request: BestRequest, follower: Follower, folder: Path) -> Outcome:
    """The search; a run that is named by default takes the name of what was kept."""
    manifest = learning_data(request, follower)
    note_reading(request.encoders, request.config.modalities, manifest, follower)

    def tried(one: Tried) -> None:
        follower.score(one.name, one.accuracy)
        follower.line(f"{one.title}: {percent(one.accuracy)} on validation, {one.seconds:.0f} s")

    listener = Listener(follower, tried, follower.note)
    _, report = search(manifest, request.out, request.minutes, request.config, request.encoders, listener)
    naming.name_by_kept(folder, report.winner.title)
    return Outcome(f"{told(report)}\nSaved to {request.out}.")


def told(report: BestReport) -> str:
    """What was done, in sentences."""
    return " ".join(filter(None, (report.sentence, report.reason)))
