"""The run that scores several recognisers on the same rows and ranks them.

In: a `LeaderboardRequest`. Out: the board as text, as JSON and as CSV; each recogniser's scores, kept as soon as found.
"""

from __future__ import annotations

from itertools import chain

from retail.evaluation.reports import Scores
from retail.report.files import write_tables
from retail.report.leaderboard_tables import leaderboard_table, leaderboard_text
from retail.schema import UserError
from retail.workspace.execution.outcome import Follower, Outcome
from retail.workspace.leaderboards import board_manifest, board_of, find_scores, tasks_of
from retail.workspace.requests import LeaderboardRequest


def run(request: LeaderboardRequest, follower: Follower) -> Outcome:
    """One that cannot be scored is named with the reason and the others stay; raises UserError when none can."""
    tasks, left_out = tasks_of(request.recognizers)
    manifest = board_manifest(request.data, chain(*tasks.values()), request.text_column, request.group, follower)
    for sentence in manifest.sentences:
        follower.note(sentence)
    scores: dict[str, Scores] = {}
    for place, name in enumerate(tasks):
        follower("scoring recognisers", place, len(tasks))
        try:
            scores[name] = find_scores(request.recognizers[name], manifest, request.split, follower)
        except UserError as error:
            left_out[name] = str(error)
    follower("scoring recognisers", len(tasks), len(tasks))
    for name, reason in left_out.items():
        follower.note(f"{name} is left out: {reason}")
    if not scores:
        raise UserError(f"None of the recognisers could be scored. {next(iter(left_out.values()))}")
    board = board_of(request.recognizers, scores, left_out)
    if request.out is not None:
        board.write(request.out)
    return Outcome(leaderboard_text(board), tuple(write_tables([leaderboard_table(board)], request.csv_folder)))
