"""Which bulk run is reviewed; opening it in the background; its head with counts, export and training again.

In: the finished runs. Out: a `Desk` to work at.
"""

from __future__ import annotations

import streamlit as st

from retail.components import train_again
from retail.components.kept_choice import choose_kept
from retail.components.page_words import refusal
from retail.components.waiting import draw_waiting
from retail.components.words import download
from retail.escaping import plain
from retail.files import PAGES, home
from retail.pages._catalogue_choose import catalogue_for
from retail.pages._recogniser import Chosen, load_from, prepare_demo
from retail.pages._review_desk import Desk
from retail.schema import Progress, UserError
from retail.wording import number_of
from retail.workspace import jobs, reviews
from retail.workspace.background import Background
from retail.workspace.bulk import PREDICTIONS
from retail.workspace.recognizers import title_of
from retail.workspace.requests import PredictRequest
from retail.workspace.reviews import Review

KEPT = "review_run"  # of the session: the chosen run
EMPTY = (
    "Nothing to review. Recognise many products on Recognise, under **Many products**: the answers that are not sure "
    "enough, and the products that are like nothing known, come here."
)


@st.cache_resource(show_spinner=False, max_entries=8)
def open_in_background(folder: str, changed: int, _chosen: Chosen, job_id: str) -> Background[Review]:
    """The run as a review, its queue filled; once for all reviewers."""

    def work(progress: Progress) -> Review:
        job = jobs.find(job_id)
        if job is None:
            raise UserError("This run was deleted; choose another one.")
        review = reviews.open_review(job)
        reviews.fill(review, _chosen.recognizer, progress)
        return review

    return Background(work)


def choose_desk() -> Desk | None:
    """The chosen run, opened; None while there is nothing to work at, and the page says why."""
    found = reviews.reviewable()
    if not found:
        st.info(EMPTY)
        st.page_link(
            PAGES / "recognise.py", label="Recognise many products", icon=":material/photo_camera:",
            query_params={"bulk": "new"},
        )  # fmt: skip
        return None
    asked = st.query_params.get("run", "")
    if asked in found and st.session_state.get("review_asked") != asked:
        st.session_state[KEPT] = st.session_state.review_asked = asked
    words = {key: f"{jobs.status(job).title} · {count:,} to look at · {key}" for key, (job, count) in found.items()}
    chosen_id = choose_kept("Run", words, KEPT)
    job = found[chosen_id][0]
    prepare_demo(str(home()))
    request = job.request
    try:
        assert isinstance(request, PredictRequest)
        chosen = Chosen(title_of(request.bundle) or request.bundle.name, request.bundle, load_from(request.bundle))
        catalogue = catalogue_for(chosen)
    except UserError as error:
        st.error(refusal(error))
        return None
    table = job.folder / PREDICTIONS
    stamp = table.stat().st_mtime_ns
    work = open_in_background(str(table), stamp, chosen, job.id)
    if work.running:
        work.wait(0.5)
    if work.running:
        draw_waiting(work, "Putting the rows in order")
        return None
    if work.result is None:
        open_in_background.clear(str(table), stamp, chosen, job.id)  # so that another try is one
        st.error(plain(work.error))
        return None
    return Desk(work.result, chosen, catalogue)


def draw_head(desk: Desk) -> None:
    """How the run stands, the table with what was said, and training again."""
    review, table = desk.review, desk.review.table
    columns = table.columns
    assert columns is not None
    rows = [{columns.decision(row, task) for task in table.tasks} for row in table.rows]
    unknown = sum("unknown" in decisions for decisions in rows)
    look = sum("review" in decisions and "unknown" not in decisions for decisions in rows)
    accepted = sum(decisions <= {"accept"} for decisions in rows)
    left, right = st.columns([3, 2], vertical_alignment="center")
    left.markdown(
        f"{number_of(len(rows), 'product')}: {accepted:,} sure · **{look:,} to look at** · "
        f"{unknown:,} not in your range"
    )
    with right.container(horizontal=True, horizontal_alignment="right"):
        download("Export table", lambda: reviews.reviewed_table(review), f"{review.job.id}_reviewed.csv", "text/csv")
        train_again.draw_button(desk.chosen.folder, "secondary" if review.queue.counts().left else "primary")
    train_again.draw_run(desk.chosen.folder)
