"""One row under review: what was sent, the likeliest answers with their keys, the nearest known products.

In: a `Desk` and the row's number. Out: buttons that decide it; every one has a key.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

from retail.catalogue.candidates import Candidate
from retail.components.correct import draw_new, draw_search
from retail.components.media import draw_face, draw_large_photo, draw_sound
from retail.escaping import plain
from retail.pages._catalogue_shelf import Stocked
from retail.pages._review_desk import NAMING, Desk
from retail.pages._review_keys import focus_on_name, listen
from retail.review.queue import Counts
from retail.schema import Match, Prediction
from retail.wording import CERTAINTY_MEANS, certainty_word, task_title, whole_percent

GUESSES, LEAST = 5, 2  # keys 1 to 5; fewer where the others have no probability to speak of
VISIBLE = 0.005  # less is 0 % in words
NEAREST = 4
NEAREST_PX = 104
AHEAD = 5  # rows that come next
AHEAD_PX = 96
MOST_LETTERS = 600  # of a description
BAR = "color-mix(in srgb, #2F74B5 28%, transparent)"
LOOKS = """<style>
[class*="st-key-shown"] img {max-height: 400px; object-fit: contain}
[class*="st-key-guess_"] button {background-origin: border-box !important; background-repeat: no-repeat !important}
[class*="st-key-guess_"] button > * {width: 100%; justify-content: space-between; text-align: left}
.st-key-review_accept kbd {color: #FFFFFF !important; opacity: 1 !important}
[class*="st-key-nearest"] {display: grid; gap: 0.5rem; grid-template-columns: repeat(auto-fill, minmax(96px, 1fr))}
[class*="st-key-nearest"] > div, [class*="st-key-known_"] {width: 100% !important}
[class*="st-key-known_"] img, [class*="st-key-ahead_"] img {height: 84px !important; object-fit: contain}
[class*="st-key-known_"] button p {overflow-wrap: anywhere; white-space: normal; text-align: left}
</style>"""


def draw_row(desk: Desk, number: int, answer: Prediction, counts: Counts, stocked: Stocked) -> None:
    """What was sent on the left, what it may be on the right."""
    st.html(LOOKS)
    listen()
    left, right = st.columns([2, 3], gap="large")
    with left.container(border=True, key="shown"):
        _draw_shown(desk, number)
    with right:
        _draw_guesses(desk, number, answer)
        _draw_buttons(desk, number, answer)
        st.caption(f"{plain(counts.sentence)} Next come rows that many other unsure rows are like.")
        _draw_nearest(desk, number, answer, stocked)


def _draw_shown(desk: Desk, number: int) -> None:
    product = desk.review.products[number]
    for place, source in enumerate(product.images):
        draw_large_photo(source, f"row {number + 1}, photo {place + 1}")
    if product.text.strip():
        st.markdown(f"“{plain(product.text[:MOST_LETTERS])}”")
    if isinstance(product.audio, Path):
        draw_sound(product.audio)
    st.caption(plain(f"{desk.review.places[number]} · {product.id}"))


def _draw_guesses(desk: Desk, number: int, answer: Prediction) -> None:
    """The question, and a button a guess, whose bar is how likely it is."""
    task = desk.question(number)
    asked = desk.questions(number)
    of = f" (question {asked.index(task) + 1} of {len(asked)})" if len(asked) > 1 else ""
    top, other = answer.top(task, GUESSES)
    top = [one for place, one in enumerate(top) if place < LEAST or one[1] >= VISIBLE]
    bars = "".join(
        f".st-key-guess_{place + 1} button {{background: linear-gradient(to right, {BAR} {100 * share:.1f}%, "
        f"transparent {100 * share:.1f}%)}}"
        for place, (_, share) in enumerate(top)
    )
    st.html(f"<style>{bars}</style>")
    with st.container(border=True, gap="small"):
        own = answer.answers[task]
        word = certainty_word(own.decision, own.probability)
        st.markdown(f"**{plain(task_title(task))}**{of} · {word}", help=CERTAINTY_MEANS[word])
        if answer.unknown:
            st.caption("Unlike anything known: probably a new product. These are guesses among what is known.")
        for place, (label, share) in enumerate(top):
            st.button(
                f"{plain(label)} · {whole_percent(share)}",
                key=f"guess_{place + 1}",
                shortcut=str(place + 1),
                width="stretch",
                on_click=desk.pick,
                args=(number, answer, task, label),
            )
        if other >= VISIBLE:
            st.caption(f"All others together: {whole_percent(other)}.")
        st.fragment(lambda: _draw_search(desk, number, answer, task))()


def _draw_search(desk: Desk, number: int, answer: Prediction, task: str) -> None:
    """Any other class or product, found as one types."""

    def take(candidate: Candidate) -> None:
        if candidate.product_id:
            desk.decide(number, answer, "product", product_id=candidate.product_id)
        else:
            desk.pick(number, answer, candidate.task, candidate.title)
        st.rerun()

    tasks = {task: desk.chosen.recognizer.vocabularies[task]}
    draw_search(f"review_{number}_{task}", None, tasks, desk.catalogue, take, label="Something else")


def _draw_buttons(desk: Desk, number: int, answer: Prediction) -> None:
    task = desk.question(number)
    best = answer.best(task)[0]
    with st.container(horizontal=True):
        st.button(
            "Accept",
            key="review_accept",
            type="primary",
            shortcut="Enter",
            help=f"It is {plain(best)}",
            on_click=desk.pick,
            args=(number, answer, task, best),
        )
        st.button("New product", key="review_new", shortcut="N", on_click=desk.name_it, args=(number,))
        st.button("Skip", key="review_skip", shortcut="S", on_click=desk.skip, args=(number,))
        st.button("Undo", key="review_undo", shortcut="U", on_click=desk.undo)
    if st.session_state.get(NAMING) == number:
        focus_on_name()
        draw_new(f"review_name_{number}", lambda name: desk.decide(number, answer, "new", name=name))


def _draw_nearest(desk: Desk, number: int, answer: Prediction, stocked: Stocked) -> None:
    """Known products that it may be; a press says that it is this one, or of a training row that it is its class."""
    shown = [(match, product) for match in answer.matches[:NEAREST] if (product := stocked.shown(match)) is not None]
    if not shown:
        return
    task = desk.question(number)
    with st.container(border=True, gap="small"):
        st.markdown("**Nearest known**")
        with st.container(horizontal=True, key="nearest"):
            for place, (match, product) in enumerate(shown):
                with st.container(gap="xsmall", key=f"known_{place}"):
                    title = match.name or match.labels.get(task) or product.id
                    draw_face(product, title, NEAREST_PX)
                    _draw_it_is(desk, number, answer, match, title, f"it_is_{place}", task)
                    st.caption(f"Same product: {whole_percent(match.probability)}".replace(" %", "\u00a0%"))


def _draw_it_is(desk: Desk, number: int, answer: Prediction, match: Match, title: str, key: str, task: str) -> None:
    """A press takes a product of the catalogue, or the class of a row that the recogniser learned from."""
    look: dict[str, Any] = {"key": key, "type": "tertiary", "help": f"It is {plain(title)}"}
    if desk.catalogue.get(match.id):
        said = {"product_id": match.id}
        st.button(plain(title), on_click=desk.decide, args=(number, answer, "product"), kwargs=said, **look)
    elif label := match.labels.get(task):
        st.button(plain(title), on_click=desk.pick, args=(number, answer, task, label), **look)
    else:
        st.caption(plain(title))


def draw_ahead(desk: Desk) -> None:
    """The rows that come next."""
    numbers = desk.review.queue.ahead(AHEAD)
    if not numbers:
        return
    st.markdown("**Then**")
    with st.container(horizontal=True, key="ahead_rows"):
        for place, number in enumerate(numbers):
            with st.container(width=AHEAD_PX, key=f"ahead_{place}"):
                draw_face(desk.review.products[number], f"row {number + 1}", AHEAD_PX)
