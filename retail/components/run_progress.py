"""Progress of a run that lives, wherever a page wants to show it.

In: `?run=` of the address and the runs folder. Out: a box with progress, log and Cancel.
"""

from __future__ import annotations

import streamlit as st

from retail.components.follow_run import follow
from retail.workspace import jobs


def draw_progress() -> None:
    """The run of the address unless it is done, or else any that lives; nothing when there is none."""
    run = jobs.find(st.query_params["run"]) if "run" in st.query_params else None
    if run is None or jobs.status(run).state == "done":
        run = next((job for job, now in jobs.statuses() if now.state in jobs.UNFINISHED), None)
    if run is None:
        return
    with st.container(border=True):
        follow(run, jobs.status(run).state in jobs.UNFINISHED)
