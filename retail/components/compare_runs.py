"""Which results Compare looks at: finished runs and the bundled one, a question of theirs and a model.

In: the runs folder and `?run=` of the address. Out: a `View`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import streamlit as st

from retail.comparison.results import FORMAT, Results, read_results
from retail.components.kept_choice import choose_kept
from retail.components.page_words import refusal
from retail.escaping import plain
from retail.files import DEMO_RESULTS
from retail.schema import UserError
from retail.wording import task_words
from retail.workspace import jobs

DEMO_RUN = "demo"
MODEL_HELP = "Marked in every chart; its mistakes can be opened. Starts with the fusion chosen on validation."
# The format comes first in a results file, so its beginning says what it is.
HEAD_BYTES = 200


@dataclass(frozen=True)
class View:
    """What the page looks at now."""

    run: str
    results: Results
    task: str
    model: str

    @property
    def title(self) -> str:
        """Of the model."""
        return self.results.titles[self.model]

    @cached_property
    def cut(self) -> Results:
        """The results of the task alone."""
        return self.results.of_task(self.task)


@st.cache_resource(show_spinner=False, max_entries=8)
def load_results(path: str, changed: float) -> Results:
    """A results file, shared by all sessions and never changed; `changed` is its time stamp, so a new one is read."""
    return read_results(Path(path))


@lru_cache(maxsize=1024)
def format_of(path: str, changed: float) -> str:
    """What kind of results file it is, from its beginning."""
    with Path(path).open("rb") as stream:
        found = re.search(rb'"format":\s*"([^"]+)"', stream.read(HEAD_BYTES))
    return found.group(1).decode() if found else ""


def results_files(wanted: str = FORMAT) -> dict[str, tuple[str, Path]]:
    """{run: (title, results file)} of one format, the newest first, the bundled comparison last."""
    found = {}
    for job in jobs.list_jobs():
        if job.results.is_file() and format_of(str(job.results), job.results.stat().st_mtime) == wanted:
            found[job.id] = (f"{job.record.title or 'run'} · {job.id}", job.results)
    if wanted == FORMAT and DEMO_RESULTS.is_file():
        found[DEMO_RUN] = ("Demo data (bundled)", DEMO_RESULTS)
    return found


def read(path: Path) -> Results:
    """The file's results, read once; a damaged file is named, and the page ends here."""
    try:
        return load_results(str(path), path.stat().st_mtime)
    except UserError as error:
        st.error(refusal(error))
        st.stop()


def _note_run() -> None:
    st.query_params["run"] = st.session_state.compare_run


def choose() -> View | None:
    """The pickers of run and question; None when there is nothing to look at."""
    files = results_files()
    if not files:
        return None
    asked = st.query_params.get("run", "")
    # A choice lives as long as the page; somebody who comes again by a link wants what the link names.
    if asked in files and ("compare_run" not in st.session_state or st.session_state.get("compare_asked") != asked):
        st.session_state.compare_run = st.session_state.compare_asked = asked
    if st.session_state.get("compare_run") not in files:
        st.session_state.compare_run = next(iter(files))
    which, what = st.columns([3, 2])
    run = which.selectbox(
        "Results", list(files), format_func=lambda run: files[run][0], key="compare_run", on_change=_note_run
    )
    results = read(files[run][1])
    tasks = results.scored_tasks()
    if not tasks:
        st.warning(
            "No test product of this run has a label, so there is nothing to compare. Label some and train again."
        )
        st.stop()
    left_out = ", ".join(plain(task_words(task)) for task in results.tasks if task not in tasks)
    why = f"Left out, because no test product has a label: {left_out}." if left_out else None
    task = what.selectbox("Question", tasks, format_func=task_words, help=why)
    kept = _kept(run, task)
    if st.session_state.get(kept) not in results.titles:
        st.session_state[kept] = results.selected[task].model
    return View(run, results, task, st.session_state[kept])


def choose_model(view: View) -> None:
    """The picker of the model that the charts mark; the choice counts from the next drawing of the page."""
    choose_kept("Model", view.results.titles, _kept(view.run, view.task), help=MODEL_HELP)


def _kept(run: str, task: str) -> str:
    return f"compare_model_{run}_{task}"


def look_at(view: View, title: str) -> None:
    """Chooses another model, from a callback."""
    model = next((name for name, known in view.results.titles.items() if known == title), None)
    if model:
        st.session_state[_kept(view.run, view.task)] = model
