"""One run as it goes: its place in the queue, stage and time left, first figures, log, Cancel and Retry.

In: a `Job`. Out: what is on the page now; the page decides how often to look.
"""

from __future__ import annotations

import time
from pathlib import Path

import pandas as pd
import streamlit as st

from retail.best.methods import FINETUNED
from retail.best.record import report_of
from retail.comparison.results import FORMAT
from retail.components.compare_runs import format_of
from retail.components.log_view import draw_log
from retail.components.page_words import refusal
from retail.escaping import plain
from retail.files import PAGES
from retail.frozen.results import CURVE_FORMAT
from retail.fusion import strategies
from retail.wording import INPUT_WORDS, percent
from retail.workspace import jobs
from retail.workspace.estimate import duration
from retail.workspace.recognizers import RUN_BUNDLES, bundles_in, title_of
from retail.workspace.records import Status
from retail.workspace.requests import BestRequest

# Before so much time and work has passed, a forecast would only jump about.
STEADY_SECONDS, STEADY_STEPS = 3.0, 2
EVERY_SECONDS = 1.0
STATE_WORDS = {
    "queued": "Waiting",
    "starting": "Starting",
    "running": "Running",
    "done": "Done",
    "failed": "Failed",
    "cancelled": "Cancelled",
}
NEXT_STEP = "next_step"  # of the container: a link that is the next step
# In either theme white on the light one's primary colour; a link knows no type.
LINK_LOOKS = f"""<style>[class*="st-key-{NEXT_STEP}"] a, [class*="st-key-{NEXT_STEP}"] a:hover {{
background: {st.get_option("theme.light.primaryColor") or "#0B5FA5"}; padding: 0.4rem 0.75rem}}
[class*="st-key-{NEXT_STEP}"] a * {{color: white !important}}</style>"""
CURVE_LINK = "See it on Compare, under “Details”"


def time_left(now: Status) -> str:
    """', about 3 minutes left' in this stage, or '' while there is no estimate."""
    steps, spent = now.done - now.stage_first, now.updated - now.stage_started
    if steps < STEADY_STEPS or spent < STEADY_SECONDS or now.done >= now.total:
        return ""
    return f", about {duration(spent / steps * (now.total - now.done))} left"


def model_word(model: str) -> str:
    """What a model is called in menus."""
    if model == FINETUNED:
        return "Fine-tuned encoder"
    if model in INPUT_WORDS:
        return f"{INPUT_WORDS[model].capitalize()} only"  # type: ignore[index]
    return strategies()[model].title if model in strategies() else model


def draw_run(job: jobs.Job, links: bool = True) -> None:
    """Draws one run, with its log and with links to where it can be looked at."""
    draw_state(job, links)
    draw_log(job, opened=jobs.status(job).state == "failed")
    draw_buttons(job)


def draw_state(job: jobs.Job, links: bool = False) -> None:
    """How far it is, or how it ended."""
    now = jobs.status(job)
    waits, live = now.state == jobs.QUEUED, now.state in jobs.LIVE
    st.markdown(f"**{plain(now.title or job.id)}** · {STATE_WORDS[now.state]}")
    if waits:
        st.caption(_place(job))
    elif live:
        stage = now.stage[:1].upper() + now.stage[1:]
        counted = f": {now.done:,} of {now.total:,}{time_left(now)}" if now.total else " …"
        st.progress(now.share, plain(stage) + counted)
        st.caption(f"Running for {duration(max(time.time() - job.record.started, 1))}{_in_all(job)}.")
    elif now.state == "done":
        if links:
            _draw_links(job)
    else:
        # Red is for what went wrong; a cancel was wished for.
        (st.info if now.state == "cancelled" else st.error)(refusal(now.message or f"The run was {now.state}."))
    _draw_partial(now, live)


def draw_buttons(job: jobs.Job) -> None:
    """Cancel or Retry; nothing for a run that is done."""
    state = jobs.status(job).state
    if state in jobs.UNFINISHED:
        st.button("Cancel", key=f"cancel_{job.id}", on_click=jobs.cancel, args=(job,))
    elif state != "done":
        again = "Finished work is kept: embeddings are reused, and fine-tuning resumes after its last epoch."
        st.button("Retry", key=f"retry_{job.id}", on_click=jobs.retry, args=(job,), help=again)


def follow(job: jobs.Job, live: bool) -> None:
    """Draws one run, `live` as the page found it, and looks again while it lives; the whole page follows its end."""

    def look() -> None:
        if (jobs.status(job).state in jobs.UNFINISHED) != live:  # it ended, or was queued again
            st.rerun()
        draw_run(job, links=False)
        jobs.advance()

    st.fragment(look, run_every=EVERY_SECONDS if live else None)()


def _in_all(job: jobs.Job) -> str:
    """What a search within a time says of it."""
    request = job.request
    if not isinstance(request, BestRequest) or not request.minutes:
        return ""
    return f"; no method is begun after {request.minutes:g} minutes"


def _place(job: jobs.Job) -> str:
    waiting = [other.id for other in jobs.waiting()]
    before = waiting.index(job.id) if job.id in waiting else 0
    return "It starts when the current run ends." if not before else f"{before + 1:,} runs are ahead of it."


def draw_open_link(bundle: Path) -> None:
    """The way to a recogniser that was made: the next step, so it looks like the primary button."""
    with st.container(key=f"{NEXT_STEP}_{bundle.parent.parent.name}_{bundle.name}", width="content"):
        st.html(LINK_LOOKS)
        st.page_link(
            PAGES / "recognise.py",
            label="**Open your recogniser →**",
            icon=":material/photo_camera:",
            query_params={"recogniser": title_of(bundle)},
        )


def draw_figures_link(bundle: Path) -> None:
    """The way to the test figures of one recogniser, and to its place among the others."""
    st.page_link(
        PAGES / "leaderboard.py",
        label="How good is it?",
        icon=":material/leaderboard:",
        query_params={"recogniser": title_of(bundle)},
    )


def _draw_links(job: jobs.Job) -> None:
    bundles = bundles_in(job.folder / RUN_BUNDLES)
    found = report_of(bundles[0]) if bundles else None
    st.success("Done." if found is None else plain(f"Done. {found.sentence} {found.reason}"))
    if found and found.left_out:
        st.caption(plain(" ".join(found.left_out)))
    with st.container(horizontal=True):
        _draw_ways(job, bundles)


def _draw_ways(job: jobs.Job, bundles: list[Path]) -> None:
    if bundles:
        draw_open_link(bundles[0])
    made = format_of(str(job.results), job.results.stat().st_mtime) if job.results.is_file() else ""
    if made == FORMAT:
        st.page_link(
            PAGES / "compare.py",
            label="See the comparison",
            icon=":material/bar_chart:",
            query_params={"run": job.id},
        )
    elif made == CURVE_FORMAT:
        st.page_link(PAGES / "compare.py", label=CURVE_LINK, icon=":material/bar_chart:")
    elif bundles:
        draw_figures_link(bundles[0])
    st.page_link(PAGES / "runs.py", label="All runs", icon=":material/history:")


def _draw_partial(now: Status, live: bool) -> None:
    if not live or not now.partial:
        return
    with st.expander("First figures", expanded=True):
        st.caption("Accuracy on validation, mean over questions and over what is trained so far. The test comes last.")
        rows = [{"model": model_word(model), "so far": percent(value)} for model, value in now.partial.items()]
        st.dataframe(pd.DataFrame(rows), hide_index=True, width="stretch")
