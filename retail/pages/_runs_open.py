"""One run of Runs: how it went, what it made and where to take it, its settings beside another's, name, tags, notes.

In: a `Run` and the whole history. Out: elements on the page, and what the user writes, kept in the run's folder.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import pandas as pd
import streamlit as st

from retail.best.record import report_of
from retail.components.compare_runs import load_results
from retail.components.follow_run import CURVE_LINK, draw_figures_link, draw_open_link, draw_state, follow
from retail.components.log_view import draw_log
from retail.components.page_words import refusal
from retail.components.training_history import draw_training
from retail.components.words import download
from retail.escaping import plain
from retail.files import PAGES
from retail.pages._runs_list import tags_of
from retail.recognizer.bundle import training_of
from retail.report.files import csv_zip, latex_text
from retail.report.html import html_report
from retail.schema import UserError
from retail.wording import percent
from retail.workspace import bulk, jobs, naming, runs, settings
from retail.workspace.runs import Run

Content = Callable[[], str | bytes]


def draw(run: Run, history: Sequence[Run]) -> None:
    """Everything about it."""
    with st.container(border=True):
        if run.state == "done":
            draw_state(run.job)
            st.markdown(f"**{plain(run.headline)}**" if run.headline else "Done.")
            _draw_links(run)
            _draw_files(run)
            _draw_recogniser(run)
            _draw_tried(run)
            draw_log(run.job, opened=False)
        else:
            follow(run.job, run.state in jobs.UNFINISHED)
        _draw_settings(run, history)
        _draw_notes(run, history)


def _draw_links(run: Run) -> None:
    """Where to look at what it made."""
    with st.container(horizontal=True):
        if run.bundles:
            draw_open_link(run.bundles[0])
        if len(run.bundles) == 1:
            draw_figures_link(run.bundles[0])
        if run.kind == "predict" and (run.job.folder / bulk.PREDICTIONS).is_file():
            st.page_link(
                PAGES / "recognise.py",
                label="Open the answers →",
                icon=":material/table:",
                query_params={"bulk": run.id},
            )
        if run.job.results.is_file():
            curve = run.kind == "curve"
            st.page_link(
                PAGES / "compare.py",
                label=CURVE_LINK if curve else "Open in Compare",
                icon=":material/bar_chart:",
                query_params=None if curve else {"run": run.id},
            )


def _draw_files(run: Run) -> None:
    """Files to take along, made when they are asked for and named as people would."""
    try:
        files = _files(run)
    except UserError as error:
        st.error(refusal(error))
        return
    if not files:
        return
    for cell, (label, content, what, ending, mime) in zip(st.columns(max(len(files), 3)), files, strict=False):
        with cell:
            download(
                plain(label), content, naming.file_name(run.title, run.started, ending, what), mime, width="stretch"
            )


def _files(run: Run) -> list[tuple[str, Content, str, str, str]]:
    """(button, content, what it is, ending, kind) of each file; raises UserError for damaged results."""
    answers = run.job.folder / bulk.PREDICTIONS
    if run.kind == "predict" and answers.is_file():
        return [("Answers (CSV)", answers.read_bytes, "answers", ".csv", "text/csv")]
    if run.kind == "curve" or not run.job.results.is_file():
        return []
    results = load_results(str(run.job.results), run.job.results.stat().st_mtime)
    return [
        ("Report (HTML)", partial(html_report, results), "report", ".html", "text/html"),
        ("Tables (CSV)", partial(csv_zip, results), "tables", ".zip", "application/zip"),
        ("Tables (LaTeX)", partial(latex_text, results), "tables", ".tex", "text/x-tex"),
    ]


def _draw_tried(run: Run) -> None:
    """The methods of a search, the kept one marked."""
    report = report_of(run.bundles[0]) if run.bundles else None
    if report is None:
        return
    st.markdown(plain(" ".join(filter(None, (report.sentence, report.reason, *report.left_out)))))
    rows = [
        {
            "method": one.title,
            "on validation": percent(one.accuracy),
            "seconds": round(one.seconds),
            "kept": "✓" * (one.name == report.kept),
        }
        for one in report.tried
    ]
    st.dataframe(pd.DataFrame(rows), hide_index=True, width="stretch", alt="The methods that were tried")


def _draw_recogniser(run: Run) -> None:
    """One of the recognisers that it made, to take along, and how its training went."""
    bundles = {path.name: path for path in run.bundles}
    if not bundles:
        return
    left, right = st.columns([2, 1], vertical_alignment="bottom")
    name = next(iter(bundles))
    with left:
        if len(bundles) > 1:
            name = st.selectbox("Recogniser", list(bundles), help="Also available on Recognise.")
        st.caption("To use it on another machine, import it there on Runs.")
    content = partial(runs.bundle_zip, bundles[name])
    what = "recogniser" if len(bundles) == 1 else f"{name}_recogniser"
    with right:
        file = naming.file_name(run.title, run.started, ".zip", what)
        download("Recogniser (ZIP)", content, file, "application/zip", width="stretch")
    if len(bundles) > 1:
        draw_figures_link(bundles[name])
    draw_training(training_of(bundles[name]), f"{run.id}_{name}")


def _draw_settings(run: Run, history: Sequence[Run]) -> None:
    """What was asked for, beside another run of the same kind first."""
    request = run.job.request
    if request is None:
        return
    box = st.expander("Settings", key=f"settings_{run.id}", on_change="rerun")
    if not box.open:
        return
    with box:
        others = {other.id: other for other in history if other.id != run.id and other.kind}
        ordered = sorted(others, key=lambda name: others[name].kind != run.kind)
        other = st.selectbox(
            "Beside another run",
            ordered,
            index=None,
            format_func=lambda name: f"{others[name].title} · {name}",
            placeholder="Choose a run",
            key=f"beside_{run.id}",
        )
        theirs = others[other].job.request if other else None
        if theirs is None:
            rows = [{"setting": name, "value": value} for name, value in settings.settings_of(request).items()]
        else:
            found = settings.beside(request, theirs)
            count = sum(row.differs for row in found)
            st.caption(f"{count} of {len(found)} settings differ, marked ≠." if count else "All settings are the same.")
            rows = [
                {"": "≠" * row.differs, "setting": row.setting, "this run": row.this, "the other": row.other}
                for row in found
            ]
        mark = {"": st.column_config.TextColumn(width=40)}
        table = pd.DataFrame(rows)
        st.dataframe(table, hide_index=True, width="stretch", column_config=mark, alt="The settings of this run")


@st.dialog("Delete this run?")
def ask_delete(run: Run) -> None:
    """Asks once more."""
    kept = "its results, its log, its recognisers and the files uploaded for it. Export what you want to keep first."
    st.write(f"“{plain(run.title)}” will be deleted with {kept}")
    if st.button("Delete it", type="primary", on_click=bulk.delete, args=(run.job,)):
        st.query_params.clear()
        st.rerun()


def _draw_notes(run: Run, history: Sequence[Run]) -> None:
    """Name, tags and a note, kept in the run's folder; away with all of it."""
    notes = run.job.notes
    known = sorted({tag for one in history for tag in tags_of(one)} | set(notes.tags))
    with st.form(f"notes_{run.id}", border=False):
        left, right = st.columns(2)
        title = left.text_input("Name", run.title)
        tags = right.multiselect(
            "Tags", known, notes.tags, accept_new_options=True, placeholder="Choose or type", max_selections=20
        )
        text = st.text_area("Notes", notes.text, height=80, placeholder="What was this run about?")
        saved = st.form_submit_button("Save")
    if saved:
        if title.strip() and title != run.title:
            jobs.rename(run.job, title.strip())
        jobs.annotate(run.job, [tag.replace(",", " ") for tag in tags], text)
        st.rerun()
    if st.button("Delete …"):
        ask_delete(run)
