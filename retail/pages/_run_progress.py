"""Progress of a run that lives, wherever a page wants to show it.

In: `?run=` of the address and the runs folder. Out: a box with progress, log and Cancel.
"""

from __future__ import annotations

import streamlit as st

from retail import jobs
from retail.pages._words import plain

REFRESH_SECONDS = 0.5


def draw_progress() -> None:
    """The run of the address unless it is done, or else any that lives; nothing when there is none."""
    run = jobs.find(st.query_params["run"]) if "run" in st.query_params else None
    if run is None or jobs.status(run)["state"] == "done":
        run = next((job for job in jobs.list_jobs() if jobs.status(job)["state"] in jobs.LIVE), None)
    if run is None:
        return
    watched = run
    every = REFRESH_SECONDS if jobs.status(run)["state"] in jobs.LIVE else None
    with st.container(border=True):
        st.fragment(lambda: draw_run(watched), run_every=every)()


def draw_run(job: jobs.Job) -> None:
    """Progress of one run, its log, Cancel while it lives, and the reason if it failed."""
    now = jobs.status(job)
    live = now["state"] in jobs.LIVE
    st.markdown(f"**Run {job.id}** · {plain(now['title'])} · {now['state']}")
    if live:
        share = now["done"] / now["total"] if now["total"] else 0.0
        st.progress(min(share, 1.0), f"{now['stage']}: {now['done']} of {now['total']}")
        st.button("Cancel", on_click=jobs.cancel, args=(job,))
    elif now["state"] == "done":
        st.success("Done: choose the run under Results.")
    else:
        st.error(now["message"] or f"The run was {now['state']}.")
    if tail := job.log_tail():
        with st.expander("Log"):
            st.code(tail, language=None)
    if live:
        st.session_state.watched = job.id
    elif st.session_state.pop("watched", "") == job.id:
        st.rerun()  # the whole page, so that the finished run appears among the results
