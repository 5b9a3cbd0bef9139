"""Review: the answers of a bulk run that need a person, one at a time, by mouse or by key; several people at once."""

from __future__ import annotations

import streamlit as st

from retail.components.your_uploads import say_kept
from retail.escaping import plain
from retail.pages._catalogue_shelf import Stocked, draw_getting_ready, shelf_of
from retail.pages._review_desk import FAILED, NOTED, Desk
from retail.pages._review_open import choose_desk, draw_head
from retail.pages._review_row import draw_ahead, draw_row
from retail.schema import Prediction
from retail.store import EmbeddingStore

TITLE = "Review"
ICON = ":material/rate_review:"
ORDER = 1.3
WAIT_SECONDS = 5.0  # between two looks whether somebody gave a row back
KEPT_SECONDS, ALONE_SECONDS = 0.3, 2.0  # embeddings that are in the store need no longer


def draw_desk(desk: Desk) -> None:
    """The head, the row that this person has, and what comes next."""
    draw_head(desk)
    draw_noted()
    number = desk.review.queue.next(desk.reviewer)
    counts = desk.review.queue.counts()
    if number is None:
        draw_end(desk, counts.left)
        return
    if (stocked := stocked_of(desk)) is None:
        return
    draw_row(desk, number, answer_to(desk, number, stocked), counts, stocked)
    draw_ahead(desk)
    say_kept("review")


def draw_noted() -> None:
    """What was done last, or why not."""
    if failed := st.session_state.pop(FAILED, ""):
        st.warning(plain(failed))
    if noted := st.session_state.pop(NOTED, ""):
        st.caption(plain(noted))


def draw_end(desk: Desk, left: int) -> None:
    """Nothing is left, or others have the rest."""
    if not left:
        st.success("Every row is reviewed. Export the table, or train again with what you said.")
        st.button("Undo", key="review_undo", shortcut="U", on_click=desk.undo)
        return
    st.info(f"The last {left:,} rows are with other people now. A row that is left lying comes back after 5 minutes.")
    st.fragment(lambda: _look_again(desk), run_every=WAIT_SECONDS)()


def _look_again(desk: Desk) -> None:
    if desk.review.queue.next(desk.reviewer) is not None or not desk.review.queue.counts().left:
        st.rerun()


def answer_to(desk: Desk, number: int, stocked: Stocked) -> Prediction:
    """The answer as of now, with the catalogue; a row keeps its answer while somebody looks at it."""
    key = f"{desk.review.job.id}_{number}"
    kept = st.session_state.get("review_answer")
    if kept is None or kept[0] != key:
        batch, notes = stocked.shelf.embed([desk.review.products[number]], EmbeddingStore())
        (answer,) = stocked.shelf.answer(batch, notes, desk.review.accuracy)
        st.session_state.review_answer = kept = (key, answer)
    return kept[1]


def stocked_of(desk: Desk) -> Stocked | None:
    """The newest that is ready; what is made anew after a correction is waited for by nobody."""
    name = f"review_shelf_{desk.chosen.folder}_{desk.catalogue.name}"
    whole = shelf_of(desk.chosen, desk.catalogue)
    whole.wait(KEPT_SECONDS)
    if ready := whole.result or st.session_state.get(name):
        st.session_state[name] = ready
        return ready
    alone = shelf_of(desk.chosen, desk.catalogue, learned=False)  # answers the same, and is there sooner
    alone.wait(ALONE_SECONDS)
    if alone.running:
        draw_getting_ready(alone)
    elif alone.result is None:
        st.error(plain(alone.error))
    return alone.result


st.title("Review", anchor=False)
if (found := choose_desk()) is not None:
    draw_desk(found)
