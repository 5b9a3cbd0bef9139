"""The result of Recognise: the answer, what each input added, and the answer to every mix of the inputs.

In: what the form holds, a recogniser and its shelf of known products. Out: what was `Asked`, for what stands below.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace

import pandas as pd
import streamlit as st

from retail import charts
from retail.catalogue.codes import match_codes
from retail.catalogue.evidence import Evidence, with_evidence
from retail.components.correct import draw_correct
from retail.components.words import figure, plain
from retail.encoders import Encoder
from retail.evaluation.attribution import attribution_of
from retail.pages import _cards, _inputs
from retail.pages._catalogue_shelf import Stocked
from retail.pages._recogniser import Chosen, draw_link, words
from retail.recognizer import embed_once
from retail.schema import MODALITIES, Modality, Note, Prediction, Product, UserError
from retail.store import EmbeddingBatch

IMAGE_FIRST: tuple[Modality, ...] = ("image", "text", "audio")
# Embeddings of inputs that a session remembers: a few products through a few encoders.
REMEMBERED = 64

Answers = dict[tuple[Modality, ...], Prediction]


@dataclass(frozen=True)
class Asked:
    """An upload that was answered: its embeddings, the inputs that are switched on, the answer for each mix."""

    product: Product
    batch: EmbeddingBatch
    used: tuple[Modality, ...]
    answers: Answers


def embedded(product: Product, encoders: Mapping[Modality, Encoder]) -> tuple[EmbeddingBatch, list[Note]]:
    """Embeddings of the upload; what this session encoded before is not encoded again."""
    memory = st.session_state.setdefault("memory", {})
    if len(memory) > REMEMBERED:
        memory.clear()
    return embed_once(product, encoders, memory)


def draw_switches(given: tuple[Modality, ...]) -> tuple[Modality, ...]:
    """One switch per input that can be used; returns those left on."""
    on = []
    with st.container(horizontal=True, gap="large"):
        for modality in given:
            st.session_state.setdefault(f"use_{modality}", True)
            if st.toggle(charts.WORDS[modality].capitalize(), key=f"use_{modality}"):
                on.append(modality)
    return tuple(modality for modality in MODALITIES if modality in on)


def without_sentences(answers: Answers, used: tuple[Modality, ...]) -> list[str]:
    """What would change if one input were missing."""
    sentences = []
    for modality in IMAGE_FIRST:
        rest = tuple(m for m in used if m != modality)
        if modality not in used or not rest:
            continue
        changed = [
            f"{words(task)} would be “{answers[rest].best(task)[0]}” ({answers[rest].best(task)[1]:.0%})"
            for task in answers[used].probs
            if answers[rest].best(task)[0] != answers[used].best(task)[0]
        ]
        if changed:
            sentences.append(f"Without the {charts.WORDS[modality]}: {'; '.join(changed)}.")
    return sentences or ["With any one of these inputs left out, every answer stays the same."]


def draw_why(answers: Answers, used: tuple[Modality, ...]) -> None:
    """What each input added to the answer of one task, and what would change without it."""
    if len(used) < 2:
        return
    st.subheader("Why: what each input added", anchor=False)
    tasks = list(answers[used].probs)
    task = tasks[0]
    if len(tasks) > 1:
        task = st.segmented_control("Task", tasks, default=task, required=True, format_func=_option, key="why_task")
    own = {subset: answer for subset, answer in answers.items() if set(subset) <= set(used)}
    attribution = attribution_of(own, task if task in tasks else tasks[0])
    st.markdown(plain(attribution.sentence))
    figure(charts.attribution_bars(attribution))
    st.caption(
        f"Percentage points, starting from {attribution.base:.0%} with no input "
        "(exact Shapley values over all mixes of the inputs)."
    )
    for sentence in without_sentences(answers, used):
        st.markdown(f"- {plain(sentence)}")


def _option(task: str) -> str:
    return plain(words(task))


def draw_subsets(answers: Answers) -> None:
    """The answer of the one model for every subset of the given inputs."""
    rows = [{"given": charts.inputs_words(subset)} | cells(answer) for subset, answer in reversed(answers.items())]
    st.dataframe(pd.DataFrame(rows), hide_index=True, width="stretch", alt="The answer for every mix of the inputs")


def cells(answer: Prediction) -> dict[str, str]:
    """Best class and probability per task."""
    return {words(task): f"{answer.best(task)[0]} ({answer.best(task)[1]:.0%})" for task in answer.probs}


def draw(chosen: Chosen, stocked: Stocked) -> Asked | None:
    """The result's column: an empty state, or the answer to the inputs that are switched on."""
    product = _inputs.current_product()
    if not product.modalities:
        st.info("Any one input is enough: add a photo, type a description, or add a sound. Or try an example.")
        return None
    shelf = stocked.shelf
    try:
        with st.spinner("Looking, reading, listening …"):
            product, read = with_evidence(product, _inputs.reading())
            batch, notes = embedded(product, shelf.encoders)
            answers = shelf.answer_subsets(product, batch, notes)
    except UserError as error:
        st.error(plain(str(error)))
        return None
    whole = list(answers.values())[-1]
    for note in whole.notes:
        st.warning(plain(note))
    ignored = [m for m in product.modalities if m not in shelf.encoders]
    if ignored:
        st.caption(f"Neither this recogniser nor its catalogue uses the {charts.inputs_words(ignored)}.")
    used = draw_switches(tuple(m for m in IMAGE_FIRST if m in whole.used))
    if not used:
        st.info("All inputs are switched off. Any one input is enough: switch one on.")
        return None
    st.caption(f"Used: {charts.inputs_words(used)}.")
    draw_evidence(read, stocked)
    asked = Asked(product, batch, used, answers)
    draw_answer(chosen, stocked, asked)
    draw_link(chosen, used)
    draw_why(answers, used)
    if len(answers) > 1:
        with st.expander("The answer for every mix of these inputs"):
            draw_subsets(answers)
    return asked


def draw_evidence(read: Evidence, stocked: Stocked) -> None:
    """Codes and words that were read from the photos, and which product of the catalogue has the code."""
    for match in match_codes(read.codes, stocked.catalogue) if read.codes else ():
        st.info(plain(match.sentence), icon=":material/barcode:")
    for sentence in replace(read, codes=()).sentences:
        st.caption(plain(sentence))
    if _inputs.reading().codes and not read.codes and _inputs.current_product().images:
        st.caption("No barcode or QR code was found in the photo.")


def draw_answer(chosen: Chosen, stocked: Stocked, asked: Asked) -> None:
    """The product that it is, or the classes; what contradicts; and what somebody says about it."""
    answer = asked.answers[asked.used]
    if answer.recognised:
        _cards.draw_recognised(answer.recognised, stocked.catalogue)
    elif answer.unknown:
        _cards.draw_unknown(chosen.recognizer)
    for sentence in () if answer.unknown else stocked.shelf.contradictions(answer):
        st.warning(plain(sentence))
    _cards.draw_cards(answer, chosen.recognizer)
    shown = only(asked.product, asked.used)
    key = hashlib.sha256(f"{chosen.folder} {_inputs.shown_key()} {asked.used}".encode()).hexdigest()[:12]
    draw_correct(key, shown, answer, chosen.recognizer, chosen.folder, stocked.catalogue)


def only(product: Product, used: tuple[Modality, ...]) -> Product:
    """The upload without the inputs that are switched off."""
    return replace(
        product,
        images=product.images if "image" in used else (),
        text=product.text if "text" in used else "",
        audio=product.audio if "audio" in used else None,
    )
