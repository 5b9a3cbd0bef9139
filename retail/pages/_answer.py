"""The answer of Recognise, to be read at a glance: what it is, how sure that is, and the nearest known product.

In: what was `Asked`. Out: the card with the answer, the other questions as rows, and the guesses where one is needed.
"""

from __future__ import annotations

import streamlit as st

from retail.catalogue.database import Catalogue
from retail.components.bars import Bar, draw_bars
from retail.components.certainty import LOOKS, sign
from retail.components.media import draw_photo
from retail.escaping import in_html, plain
from retail.pages._catalogue_shelf import Stocked
from retail.pages._headline import Headline, disagreement, doubts, headline, lead_task
from retail.recognizer import Recognizer
from retail.schema import Prediction, Product, Upload
from retail.wording import certainty_word, number_of, task_title, task_words, whole_percent

PICTURE_PX = 104  # the upload and the nearest known product beside each other
MOST_WORDS = 80  # letters of a known product that has no photo
LEAST_SHOWN = 0.005  # a guess that would read 0 %
STYLE = (
    LOOKS
    + """<style>
.st-key-answer [data-testid="stHeading"] h2 {font-size: 2rem; line-height: 1.2; padding: 0 0 0.4rem;
  overflow-wrap: anywhere}
.answer-small {font-size: 0.875rem; opacity: 0.8}
.st-key-answer_pictures img {height: 104px; object-fit: cover}
</style>"""
)


def draw_answer(answer: Prediction, recognizer: Recognizer, stocked: Stocked, shown: Product) -> Headline:
    """The headline with its pictures."""
    head = headline(answer, recognizer)
    st.html(f'{STYLE}{sign(head.word)} <span class="answer-small">{in_html(_asked(head, answer))}</span>')
    st.header(plain(head.title), anchor=False)
    st.markdown(plain(head.meaning[0].upper() + head.meaning[1:]))
    for said in _below(head, answer, recognizer, stocked.catalogue):
        st.caption(plain(said))
    _draw_pictures(answer, stocked, shown)
    return head


def _asked(head: Headline, answer: Prediction) -> str:
    """'Product · 97%'"""
    return f"{task_title(head.task)} · {whole_percent(answer.answers[head.task].probability)}" if head.task else ""


def _below(head: Headline, answer: Prediction, recognizer: Recognizer, catalogue: Catalogue) -> list[str]:
    """The small print under the headline: where it comes from, and what else it may be."""
    found = [f"A product of the catalogue “{catalogue.name}”."] if answer.recognised else []
    if answer.unknown and answer.answers:
        label, sure = answer.best(lead_task(answer, recognizer))
        found.append(f"A guess: {label} · {whole_percent(sure)}")
        found.append("Add it to the catalogue further down, or train on more data.")
    if head.task is not None:
        found.append(doubts(head.task, answer, recognizer))
    return [*filter(None, found)]


def _draw_pictures(answer: Prediction, stocked: Stocked, shown: Product) -> None:
    """The upload beside the known product that is most like it."""
    match = answer.recognised or next(iter(answer.matches), None)
    known = stocked.shown(match) if match else None
    own = next((photo for photo in shown.images if isinstance(photo, Upload)), None)
    if own is None and known is None:
        return
    with st.container(horizontal=True, gap="small", width="content", key="answer_pictures"):
        if own is not None:
            with st.container(width=PICTURE_PX, gap=None):
                st.image(own.thumbnail, width=PICTURE_PX, alt="Your photo")
                st.caption("Your photo")
        if match is not None and known is not None:
            with st.container(width=PICTURE_PX, gap=None):
                if known.images:
                    draw_photo(known.images[0], match.title, PICTURE_PX, complain=st.caption)
                else:
                    st.markdown(plain(f"“{(known.text.strip() or match.title)[:MOST_WORDS]}”"))
                st.caption(f"Nearest known, {max(match.similarity.values(), default=0.0):.2f}")


def draw_guesses(head: Headline, answer: Prediction, recognizer: Recognizer) -> None:
    """The likeliest classes: at hand where the first is not sure, folded where it is, or where all are mere guesses."""
    if not answer.answers:
        return
    task = head.task or lead_task(answer, recognizer)
    top, other = answer.top(task)
    bars = [Bar(label, share, whole_percent(share)) for label, share in top if share >= LEAST_SHOWN]
    if len(answer.probs[task]) > len(top) and other >= LEAST_SHOWN:
        bars.append(Bar(number_of(len(answer.probs[task]) - len(top), "other"), other, whole_percent(other)))
    if len(bars) < 2:
        return
    if head.word in ("Likely", "Unsure"):
        st.subheader("Likeliest answers", anchor=False)
        draw_bars(bars)
        return
    with st.expander("Guesses among what is known" if answer.unknown else "Next guesses"):
        draw_bars(bars)


def draw_others(head: Headline, answer: Prediction) -> None:
    """The other questions, a row each, with what contradicts."""
    others = [task for task in answer.answers if task != head.task]
    if not others or answer.unknown:
        return
    st.subheader("Other questions" if head.task else "Questions", anchor=False)
    bars, said = [], []
    for task in others:
        own = answer.answers[task]
        word = certainty_word(own.decision, own.probability)
        name = task_title(task)
        bars.append(Bar(own.label, own.probability, whole_percent(own.probability), name, word))
        said += [f"{name}: {sentence}" for sentence in [disagreement(own)] if sentence]
    draw_bars(bars)
    for sentence in said:
        st.caption(plain(sentence))


def draw_truth(head: Headline, answer: Prediction) -> None:
    """Whether an example was answered rightly; a question of the same name that means something else says nothing."""
    truth = st.session_state.truth if st.session_state.example else {}
    asked = [task for task in answer.answers if truth.get(task) in answer.probs[task]]
    said: list[str] = []
    for task in sorted(asked, key=lambda task: task != head.task):  # that of the headline first
        name = "The example's label is" if not said else task_words(task)
        said.append(f"{name} {truth[task]}: {'right' if answer.best(task)[0] == truth[task] else 'wrong'}")
    if said:
        st.caption(plain(f"{' · '.join(said)}."))
