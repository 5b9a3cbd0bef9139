"""Training again from corrections: the button with their number and the time, how far it is, and what it gained.

In: the bundle of a recogniser. Out: a queued run, its progress and its gain on the page.
"""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Literal

import streamlit as st

from retail.components.follow_run import follow
from retail.escaping import plain
from retail.schema import UserError
from retail.wording import number_of
from retail.workspace import corrected, jobs
from retail.workspace.estimate import duration
from retail.workspace.jobs import Job

NEWEST = 50  # runs that are looked through for one that follows this recogniser
FAILED = "train_again_failed"  # of the session: why the last try did not start


def draw_button(bundle: Path, kind: Literal["primary", "secondary"]) -> None:
    """'Train again with 61 corrections · about 2 minutes'; nothing before there is a correction."""
    offer = corrected.offer(bundle)
    count = len(offer.corrections)
    job = run_after(bundle)
    if not count or (job is not None and jobs.status(job).state in jobs.UNFINISHED):
        return
    many = number_of(count, "correction")
    st.button(
        f"Train again with {many}" + (f" · about {duration(offer.seconds)}" if not offer.refused else ""),
        key="train_again",
        type=kind,
        disabled=bool(offer.refused),
        help=plain(offer.refused) or "It learns from the data and from what was said; the recogniser of now stays.",
        on_click=_start,
        args=(bundle,),
    )


def draw_run(bundle: Path) -> None:
    """The training that follows this recogniser: how far it is, or what it gained."""
    if failed := st.session_state.pop(FAILED, ""):
        st.error(plain(failed))
    job = run_after(bundle)
    if job is None:
        return
    state = jobs.status(job).state
    with st.container(border=True):
        follow(job, state in jobs.UNFINISHED)
        if gain := corrected.gain_of(job):
            st.markdown("\n\n".join(plain(line) for line in gain.text.splitlines()))


def run_after(bundle: Path) -> Job | None:
    """The newest run that trains this recogniser again."""
    place = bundle.absolute()
    return next(
        (job for job in islice(jobs.list_jobs(), NEWEST) if getattr(job.request, "follows", None) == place), None
    )


def _start(bundle: Path) -> None:
    try:
        corrected.train_again(bundle)
    except UserError as error:
        st.session_state[FAILED] = str(error)
