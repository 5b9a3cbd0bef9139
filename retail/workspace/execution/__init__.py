"""Runs a request: one function for all kinds, whoever asked.

In: a `Request`, and who wants to hear of it. Out: the files that it names, and an `Outcome` to print.
"""

from __future__ import annotations

from pathlib import Path

from retail.workspace import requests
from retail.workspace.execution.outcome import Follower, Outcome, Silent
from retail.workspace.requests import Request


def execute(request: Request, follower: Follower | None = None, folder: Path = Path()) -> Outcome:
    """Does what is asked; outputs with relative paths go into `folder`. Raises UserError for a user's mistake."""
    follower, placed = follower or Silent(), request.placed_in(folder)
    # Each kind's libraries are loaded when it is wanted.
    match placed:
        case requests.CompareRequest() | requests.DoctorRequest():
            from retail.workspace.execution import comparing

            return comparing.run(placed, follower)
        case requests.TrainRequest() | requests.FinetuneRequest():
            from retail.workspace.execution import learning

            return learning.run(placed, follower)
        case requests.BestRequest():
            from retail.workspace.execution import choosing

            return choosing.run(placed, follower, folder)
        case requests.FrozenRequest() | requests.CurveRequest():
            from retail.workspace.execution import frozen

            return frozen.run(placed, follower)
        case requests.AuditRequest() | requests.EmbedRequest():
            from retail.workspace.execution import looking

            return looking.run(placed, follower)
        case requests.LeaderboardRequest():
            from retail.workspace.execution import ranking

            return ranking.run(placed, follower)
        case _:
            from retail.workspace.execution import recognising

            return recognising.run(placed, follower)
