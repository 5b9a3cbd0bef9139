"""Runs: the history, what to take from a run, runs side by side, and recognisers from elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

import pandas as pd
import streamlit as st

from retail.comparison.results import read_results
from retail.components.follow_run import CURVE_LINK, STATE_WORDS, draw_figures_link, follow
from retail.components.kept_choice import box_key, choose_kept
from retail.components.side_by_side import draw_side_by_side
from retail.components.training_history import draw_training
from retail.components.words import download, plain
from retail.files import PAGES
from retail.recognizer.bundle import training_of
from retail.report.files import csv_zip, latex_text
from retail.report.html import html_report
from retail.schema import UserError
from retail.workspace import jobs, runs
from retail.workspace.estimate import duration
from retail.workspace.runs import Run

TITLE = "Runs"
ICON = ":material/history:"
ORDER = 6

MAX_UPLOAD_MB = 2048


def when(seconds: float) -> str:
    """'2026-03-01 14:05', or a dash."""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds)) if seconds else "–"


def took(run: Run) -> str:
    """How long it ran."""
    return duration(run.ended - run.started) if run.ended > run.started else "–"


def history_table(history: list[Run]) -> pd.DataFrame:
    """One line a run."""
    return pd.DataFrame(
        {
            "name": run.title,
            "method": runs.KIND_WORDS.get(run.kind, run.kind),
            "state": STATE_WORDS.get(run.state, run.state),
            "started": when(run.started),
            "result": run.headline,
            "took": took(run),
            "data": run.data,
            "learned": run.tasks,
        }
        for run in history
    )


@st.dialog("Delete this run?")
def ask_delete(run: Run) -> None:
    """Asks once more."""
    kept = "its results, its log and its recognisers. Export what you want to keep first."
    st.write(f"“{plain(run.title)}” will be deleted with {kept}")
    if st.button("Delete it", type="primary", on_click=jobs.delete, args=(run.job,)):
        st.query_params.clear()
        st.rerun()


def draw_history(history: list[Run]) -> Run | None:
    """The table, and the run to look at: a click on its row, or the select box."""
    if not history:
        st.info("No runs yet. Start one on Train, or look at the demo comparison on Compare.")
        st.page_link(PAGES / "train.py", label="Train", icon=":material/model_training:")
        return None
    st.dataframe(history_table(history), hide_index=True, width="stretch")
    known = {run.id: run for run in history}
    names = {run.id: f"{run.title} · {run.id}" for run in history}  # Streamlit tells options apart by their words
    state, asked = st.session_state, st.query_params.get("run", "")
    if box_key("chosen_run") not in state:  # a choice lives as long as the page
        state.chosen_run = state.run_asked = ""
    if asked in known and state.run_asked != asked:
        state.chosen_run = state.run_asked = asked
    return known[choose_kept("Run", names, "chosen_run")]


def draw_exports(run: Run) -> None:
    """Files to take along, made when they are asked for."""
    if run.kind == "curve" and run.job.results.is_file():
        st.page_link(PAGES / "compare.py", label=CURVE_LINK, icon=":material/bar_chart:")
    elif run.job.results.is_file():
        try:
            results = read_results(run.job.results)
        except UserError as error:
            st.error(plain(str(error)))
            return
        st.page_link(
            PAGES / "compare.py",
            label="Open in Compare",
            icon=":material/bar_chart:",
            query_params={"run": run.id},
        )
        files: list[tuple[str, Callable[[], str | bytes], str, str]] = [
            ("Report (HTML)", partial(html_report, results), f"{run.id}.html", "text/html"),
            ("Tables (CSV)", partial(csv_zip, results), f"{run.id}-tables.zip", "application/zip"),
            ("Tables (LaTeX)", partial(latex_text, results), f"{run.id}.tex", "text/x-tex"),
        ]
        for cell, file in zip(st.columns(len(files)), files, strict=True):
            with cell:
                download(*file, width="stretch")
    if bundles := {path.name: path for path in run.bundles}:
        left, right = st.columns([2, 1], vertical_alignment="bottom")
        name = left.selectbox("Recogniser", list(bundles), help="Also available on Recognise.")
        content = partial(runs.bundle_zip, bundles[name])
        with right:
            download("Recogniser (ZIP)", content, f"{run.id}-{name}.zip", "application/zip", width="stretch")
        st.caption("Unpack it for `python -m retail predict FOLDER`, or import it below on another machine.")
        draw_figures_link(bundles[name])
        draw_training(training_of(bundles[name]), f"{run.id}_{name}")


def draw_one(run: Run) -> None:
    """The chosen run: its state and log, exports, another name, delete."""
    with st.container(border=True):
        follow(run.job, run.state in jobs.UNFINISHED)
        if run.state == "done":
            if run.headline:
                st.info(plain(run.headline))
            draw_exports(run)
        left, middle, right = st.columns([3, 1, 1], vertical_alignment="bottom")
        title = left.text_input("Name", run.title, key=f"title_{run.id}")
        if middle.button("Rename", width="stretch") and title.strip() and title != run.title:
            jobs.rename(run.job, title.strip())
            st.rerun()
        if right.button("Delete …", width="stretch"):
            ask_delete(run)


def draw_import() -> None:
    """A recogniser from another machine."""
    st.subheader("Import a recogniser", anchor=False)
    upload = st.file_uploader("ZIP exported from this page", type=["zip"], max_upload_size=MAX_UPLOAD_MB)
    if upload is None or not st.button("Import", type="primary"):
        return
    try:
        with st.spinner("Checking it …"):
            folder = runs.import_bundle(upload.name, upload.getvalue())
    except UserError as error:
        st.error(plain(str(error)))
        return
    st.success(f"Imported as “{plain(folder.name)}”. It is now available on Recognise.")


st.title("Runs", anchor=False)
jobs.advance()
past = runs.history()
run = draw_history(past)
if run is not None:
    draw_one(run)
st.divider()
draw_side_by_side()
st.divider()
draw_import()
