"""The list of Runs: one line a run, sortable, narrowed by tags; a click on a line opens the run.

In: the history. Out: the run that is looked at.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pandas as pd
import streamlit as st

from retail.components.follow_run import STATE_WORDS
from retail.components.kept_choice import choose_kept, is_drawn
from retail.escaping import plain
from retail.workspace import naming
from retail.workspace.runs import Run

CHOSEN = "chosen_run"  # of the session
# In pixels; together what a window of 1280 leaves beside the menu.
COLUMNS: dict[str, Any] = {
    "name": st.column_config.TextColumn("Name", width=205),
    "result": st.column_config.TextColumn("Result", width=280),
    "state": st.column_config.TextColumn("State", width=80),
    "started": st.column_config.DatetimeColumn("Started", format="D MMM, HH:mm", width=105),
    "minutes": st.column_config.NumberColumn("Minutes", format="%.1f", width=70),
    "tags": st.column_config.TextColumn("Tags", width=70),
}


def history_table(history: list[Run]) -> pd.DataFrame:
    """One line a run; times and durations are values, so that columns sort as people mean it."""
    return pd.DataFrame(
        {
            "name": naming.without_date(run.title) or run.title,
            "result": run.headline,
            "state": STATE_WORDS.get(run.state, run.state),
            "started": datetime.fromtimestamp(run.started) if run.started else None,
            "minutes": (run.ended - run.started) / 60 if run.ended > run.started else None,
            "tags": run.tags,
        }
        for run in history
    )


def draw(history: list[Run]) -> Run:
    """The table and, for the keyboard, a box with the same runs."""
    tags = sorted({tag for run in history for tag in tags_of(run)})
    chosen_tags = (
        set(st.pills("Tags", tags, selection_mode="multi", format_func=plain, key="runs_tags") or ()) if tags else set()
    )
    shown = [run for run in history if chosen_tags <= set(tags_of(run))] or history
    state, asked = st.session_state, st.query_params.get("run", "")
    known = {run.id: run for run in shown}
    names = {run.id: f"{run.title} · {run.id}" for run in shown}  # Streamlit tells options apart by their words
    if not is_drawn(CHOSEN):  # a choice lives as long as the page
        state[CHOSEN] = state.run_asked = ""
    if asked in known and state.run_asked != asked:
        state[CHOSEN] = state.run_asked = asked
    order = [run.id for run in shown]
    st.dataframe(
        history_table(shown),
        hide_index=True,
        width="stretch",
        column_config=COLUMNS,
        key="runs_table",
        on_select=lambda: _open(order),
        selection_mode="single-cell",
        placeholder="–",
        alt="All runs; the box below opens one",
    )
    return known[choose_kept("Run", names, CHOSEN)]


def tags_of(run: Run) -> list[str]:
    """Its tags one by one."""
    return [tag for tag in run.tags.split(", ") if tag]


def _open(order: list[str]) -> None:
    """The run of the line that was clicked; `order` is that of the table as it was drawn."""
    cells = st.session_state.runs_table.selection.cells
    if cells and cells[0][0] < len(order):
        st.session_state[CHOSEN] = order[cells[0][0]]
