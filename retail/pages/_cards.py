"""The answer of Recognise: the catalogue's product where the upload is one, else a card for each question.

In: a `Prediction` and the recogniser. Out: headline and cards; where classes and catalogue disagree, both are said.
"""

from __future__ import annotations

import streamlit as st

from retail import charts
from retail.catalogue.database import Catalogue
from retail.components.media import draw_photo
from retail.components.words import figure, plain
from retail.config.wish import DEFAULT_WISH
from retail.pages._recogniser import words
from retail.recognizer import Recognizer
from retail.report.findings import listed
from retail.schema import Answer, Decision, Match, Prediction

DECISION_WORDS: dict[Decision, str] = {"accept": "sure enough", "review": "have a look", "unknown": "unknown"}
MOST_OTHERS = 4  # classes that a sentence names beside the answer
# Class names with more letters than this get a card of full width.
WIDE = 24
PHOTO_PX = 130  # of the product that the upload is taken for


def draw_recognised(match: Match, catalogue: Catalogue) -> None:
    """The headline for a product of the catalogue, with what speaks for it."""
    known = catalogue.get(match.id)
    photos = [view.source for view in known.views if view.modality == "image"] if known else []
    with st.container(horizontal=True, gap="medium", vertical_alignment="center"):
        if photos and not isinstance(photos[0], str):
            with st.container(width=PHOTO_PX):
                draw_photo(photos[0], match.name, PHOTO_PX, complain=st.caption)
        with st.container(width="stretch"):
            st.subheader(plain(match.name), anchor=False)
            st.markdown(f"{match.probability:.0%} likely the same product · {evidence(match)}")
            st.caption(plain(f"A product of the catalogue “{catalogue.name}”."))


def evidence(match: Match) -> str:
    """How alike it is by each input, such as 'photo 0.82, description 0.64'."""
    words = {"fused": "as a whole"} | {str(name): word for name, word in charts.WORDS.items()}
    found = [f"{words[name]} {value:.2f}" for name, value in match.similarity.items()]
    return f"similarity: {', '.join(found)}" if found else "no input in common"


def draw_unknown(recognizer: Recognizer) -> None:
    """The headline for an upload that is unlike all that the recogniser has learned."""
    st.subheader(plain(unknown_sentence(recognizer)), anchor=False)
    st.caption(
        "It is less like them than 95 % of the validation products are with these inputs. What stands below are "
        "guesses among the classes that it knows. Add it to the catalogue further down, or train on more data."
    )


def unknown_sentence(recognizer: Recognizer) -> str:
    """'Not one of the 24 known products', in the words of the question that tells most classes apart."""
    task, classes = max(recognizer.vocabularies.items(), key=lambda pair: len(pair[1]))
    if words(task) == "product":
        return f"Not one of the {len(classes)} known products"
    return f"Not a known product: unlike all {len(classes)} classes of {words(task)}"


def draw_cards(answer: Prediction, recognizer: Recognizer) -> None:
    """One card per task: side by side where the class names are short enough to fit beside their bars."""
    tasks = list(answer.probs)
    wide = [task for task in tasks if max(map(len, answer.probs[task])) > WIDE]
    for task in wide:
        draw_card(task, answer, recognizer)
    columns = st.columns(2)
    for place, task in enumerate(task for task in tasks if task not in wide):
        with columns[place % 2]:
            draw_card(task, answer, recognizer)


def draw_card(task: str, answer: Prediction, recognizer: Recognizer) -> None:
    """The best class, how sure and what that is worth, and the five likeliest with all others."""
    best, prob = answer.best(task)
    top, other = answer.top(task)
    own = answer.answers[task]
    with st.container(border=True):
        st.subheader(plain(words(task).capitalize()), anchor=False)
        if own.decision == "unknown":  # what it would say if it had to is not the headline
            st.caption(f"A guess: {plain(best)} · {prob:.0%}")
        else:
            st.markdown(f"**{plain(best)}** · {prob:.0%} · *{DECISION_WORDS[own.decision]}*")
        for said in filter(None, (disagreement(own), worth(task, answer, recognizer))):
            st.caption(plain(said))
        truth = st.session_state.truth.get(task) if st.session_state.example else None
        if truth is not None and truth in answer.probs[task]:  # else it means something else by a task of this name
            st.caption(f"The example's label is {plain(truth)}: {'right' if truth == best else 'wrong'}.")
        figure(charts.answer_bars(top, other, len(answer.probs[task]), task))


def disagreement(answer: Answer) -> str:
    """What the classes and the catalogue would each say where they differ."""
    said = answer.witnesses
    if len({label for label, _ in said.values()}) < 2:
        return ""
    (classes, sure), (product, alike) = said["classifier"], said["catalogue"]
    return f"The classes alone say {classes} ({sure:.0%}), the catalogue alone says {product} ({alike:.0%})."


def worth(task: str, answer: Prediction, recognizer: Recognizer) -> str:
    """How often such answers were right before, which other classes it may be, and what a promise would take."""
    own, promises = answer.answers[task], recognizer.certainty.promises
    if own.decision == "unknown":
        return ""
    said = []
    if own.like_this is not None:
        n, right = own.like_this
        alone = " alone" if len(answer.used) == 1 else ""
        given = charts.inputs_words(answer.used)
        said.append(f"With the {given}{alone}, answers this sure were right {right:,} of {n:,} times on validation.")
    if own.decision == "review":
        others = own.candidates[1:]
        if 0 < len(others) <= MOST_OTHERS:
            said.append(f"It may also be {listed(others)}.")
        if needed := promises.rows_needed(task, answer.used, DEFAULT_WISH):
            said.append(f"To promise {DEFAULT_WISH:.0%} it would take about {needed:,} validation products.")
    return " ".join(said)
