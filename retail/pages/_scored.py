"""What Leaderboard looks at: one recogniser and a data set, all that can be scored on it, and the run that does so."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from retail.components.choose_data import choose_dataset
from retail.components.follow_run import draw_run, follow
from retail.components.kept_choice import choose_kept, is_drawn
from retail.components.page_words import refusal
from retail.dataset.manifest import Manifest
from retail.evaluation.reports import Scores
from retail.files import home
from retail.pages._recogniser import all_recognisers, prepare_demo
from retail.recognizer.bundle import training_of
from retail.schema import MODALITIES, UserError
from retail.wording import number_of
from retail.workspace import jobs, leaderboards
from retail.workspace.datasets import Dataset, list_datasets
from retail.workspace.jobs import Job
from retail.workspace.recognizers import training_data

BOARD, FIGURES = "All recognisers", "One recogniser"
SECTION, RECOGNISER, DATA, INPUTS = "recognisers_section", "looked_at", "board_data", "given_inputs"
SPLIT = "test"


@dataclass(frozen=True)
class View:
    """What the page looks at now."""

    title: str
    dataset: Dataset
    text_column: str
    manifest: Manifest
    recognizers: dict[str, Path]  # that answer a question of these data, by title
    scores: dict[str, Scores]  # of those that were scored before
    files: dict[str, Path]  # where the scores of each are kept
    refused: dict[str, str]  # title -> why it cannot be scored
    job: Job | None  # the newest scoring run on these data
    state: str  # how that run is, "" where there is none

    @property
    def missing(self) -> list[str]:
        """Recognisers without figures."""
        return [title for title in self.recognizers if title not in self.scores]

    @property
    def at_it(self) -> bool:
        """Whether a run is scoring, or waits for its turn."""
        return self.state in jobs.UNFINISHED

    @property
    def n(self) -> int:
        """Test products."""
        return len(self.manifest.in_split(SPLIT))


@st.cache_resource(show_spinner="Reading the data …", max_entries=8)
def manifest_of(path: str, changed: float, tasks: tuple[str, ...], text_column: str) -> Manifest:
    """The data with these tasks as labels, shared and never changed, so that its checksum is made once."""
    return leaderboards.board_manifest(Path(path), tasks, text_column)


@st.cache_resource(show_spinner=False, max_entries=256)
def load_scores(path: str, changed: int) -> Scores | None:
    """A file of scores, read once for all sessions; None where nobody can read it."""
    try:
        return Scores.read(Path(path))
    except UserError:
        return None


def scores_in(path: Path) -> Scores | None:
    """What was found before; None where nobody has looked."""
    try:
        return load_scores(str(path), path.stat().st_mtime_ns)
    except OSError:
        return None


def choose() -> View:
    """The choice of a recogniser and of a data set, its own at first; raises UserError for data that nobody can read.

    What an address names is taken over when it comes, and the address follows the choice.
    """
    prepare_demo(str(home()))
    found, state = all_recognisers(str(home())), st.session_state
    _take_over(found)
    left, right = st.columns(2)
    with left:
        title = choose_kept("Recogniser", {name: name for name in found}, RECOGNISER)
    if "recogniser" in st.query_params and st.query_params["recogniser"] != title:
        state.asked_before = title, st.query_params.get("inputs", "")
        st.query_params["recogniser"] = title
    if state.get("data_is_of") != title:
        state.data_is_of = title
        state[DATA] = _own_dataset(found[title])
    with right:
        dataset = choose_dataset(DATA)
    own = training_data(found[title])
    text_column = own[1] if own and own[0] == dataset.path else "text"
    tasks, damaged = leaderboards.tasks_of(found)
    wanted = tuple(dict.fromkeys(task for own_tasks in tasks.values() for task in own_tasks))
    manifest = manifest_of(str(dataset.path), dataset.changed, wanted, text_column)
    fitting = {name: found[name] for name, own_tasks in tasks.items() if leaderboards.fits(own_tasks, manifest)}
    files = {name: leaderboards.score_file(folder, manifest, SPLIT) for name, folder in fitting.items()}
    scored = {name: scores for name, path in files.items() if (scores := scores_in(path))}
    job = leaderboards.latest(dataset.path)
    how = jobs.status(job).state if job else ""
    board = leaderboards.report(job) if how == "done" else None
    refused = damaged | {name: why for name, why in (board.left_out if board else {}).items() if name not in scored}
    return View(title, dataset, text_column, manifest, fitting, scored, files, refused, job, how)


def _take_over(found: dict[str, Path]) -> None:
    """What the address asks for, once each time the page is opened: a recogniser, inputs, the section of figures.

    Without such an address it is at first the recogniser that was chosen on Recognise.
    """
    state, asked = st.session_state, (st.query_params.get("recogniser", ""), st.query_params.get("inputs", ""))
    opened = not is_drawn(RECOGNISER)  # a widget lives as long as its page
    if opened and RECOGNISER not in state and state.get("recogniser") in found:
        state[RECOGNISER] = state.recogniser
    if asked[0] in found and (opened or state.get("asked_before") != asked):
        state.asked_before, state[RECOGNISER], state[SECTION] = asked, asked[0], FIGURES
        given = asked[1].split(",")
        state[INPUTS] = ",".join(modality for modality in MODALITIES if modality in given)


def _own_dataset(bundle: Path) -> str:
    """The id of the data set that a recogniser learned from: by its path, or else by its name; the demo's otherwise."""
    known, own, info = list_datasets(), training_data(bundle), training_of(bundle)
    by_path = [dataset.id for dataset in known if own and dataset.path == own[0]]
    by_name = [dataset.id for dataset in known if info and info.data.name in (dataset.name, dataset.path.name)]
    return next(iter([*by_path, *by_name]), known[0].id)


def draw_run_of(view: View) -> None:
    """The newest scoring run on these data as long as it is of interest, and who cannot be scored."""
    if view.job is not None and (view.at_it or (view.state != "done" and view.missing)):
        with st.container(border=True):
            if view.at_it:
                follow(view.job, live=True)
            else:
                draw_run(view.job, links=False)
    refused = [f"“{name}” cannot be scored, and the others stay. {why}" for name, why in view.refused.items()]
    if refused:
        st.warning("\n\n".join(map(refusal, refused)))


def draw_score_button(view: View) -> None:
    """Starts the run that scores all that have no figures yet; nothing while one is at it."""
    if not view.missing or view.at_it:
        return
    if not view.n:
        st.info("This data set has no test products. Mark some in its split column, or leave that column out.")
        return
    count = len(view.missing)
    counted = number_of(count, "recogniser")
    again = set(view.missing) <= set(view.refused)
    words = f"Try again to score {counted}" if again else f"Score {counted} on the test products"
    help_text = (
        f"{number_of(view.n, 'product')} each. Takes seconds to minutes, and continues when you close this page."
    )
    if st.button(words, type="secondary" if again else "primary", help=help_text):
        title = f"Leaderboard: {view.dataset.name}"
        leaderboards.start(view.dataset.path, view.recognizers, view.text_column, title)
        st.rerun()
