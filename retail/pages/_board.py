"""The section All recognisers of Leaderboard: all that were scored on the same test products, task by task."""

from __future__ import annotations

from functools import partial

import streamlit as st

from retail import charts
from retail.components.words import download, figure, show_table
from retail.escaping import plain
from retail.evaluation.leaderboard import Leaderboard
from retail.pages._scored import View, draw_score_button
from retail.report.leaderboard_tables import CAUTION, board_sentence, leaderboard_table
from retail.report.table_formats import as_csv
from retail.wording import task_words
from retail.workspace import leaderboards

SHOWN = 20  # recognisers in the chart


@st.cache_data(show_spinner="Comparing them row by row …", max_entries=16)
def ranked(files: tuple[tuple[str, str], ...], _view: View) -> Leaderboard:
    """The board of these files, one for each title."""
    return leaderboards.board_of(_view.recognizers, _view.scores)


def draw(view: View) -> None:
    """The sentence, the chart and the table of one task."""
    if not view.recognizers:
        st.info(
            "No recogniser answers a question of these data. Train one on them, or choose the data that one learned "
            "from."
        )
        return
    draw_score_button(view)
    if not view.scores:
        st.info(f"None of the {len(view.recognizers):,} recognisers for these data has been scored on test products.")
        return
    files = tuple((title, str(view.files[title])) for title in view.scores)
    board = ranked(files, view)
    task = board.tasks[0]
    if len(board.tasks) > 1:
        task = st.selectbox("What is recognised", board.tasks, format_func=task_words)
    rows = board.of_task(task)
    st.markdown(plain(board_sentence(rows)))
    figure(partial(charts.board_chart, rows[:SHOWN], view.title), name=f"Leaderboard {task_words(task)}")
    if len(rows) > SHOWN:
        st.caption(f"The first {SHOWN} of {len(rows):,}; the table has all.")
    table = leaderboard_table(board, task)
    show_table(table, {})
    st.caption(
        f"{plain(table.note)} All inputs that a recogniser knows are given; what it cannot read counts as wrong."
    )
    st.caption(CAUTION)
    download("Leaderboard as CSV", as_csv(leaderboard_table(board)), "leaderboard.csv", "text/csv")
