"""The result of Recognise: the answer, what each input added, and the answer to every mix of the inputs.

In: what the form holds, and a recogniser. Out: what was `Asked` and of which shelf, for what stands below.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace

import streamlit as st

from retail import charts
from retail.catalogue.codes import match_codes
from retail.catalogue.evidence import Evidence, with_evidence
from retail.components.announce import announce
from retail.components.correct import draw_correct
from retail.components.page_words import refusal
from retail.encoders import Encoder
from retail.escaping import plain
from retail.pages import _answer, _given, _known
from retail.pages._catalogue_shelf import Stocked
from retail.pages._headline import Headline, lead_task
from retail.pages._recogniser import Chosen, draw_made_up
from retail.pages._why import IMAGE_FIRST, Answers, draw_subsets, draw_switches, draw_why, switched_off
from retail.recognizer import embed_once
from retail.schema import Modality, Note, Product, UserError
from retail.store import EmbeddingBatch

# Embeddings of inputs that a session remembers: a few products through a few encoders.
REMEMBERED = 64

Looked = tuple[Product, Evidence, EmbeddingBatch, Answers]


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


def draw(chosen: Chosen) -> tuple[Asked | None, Stocked]:
    """The result's column: an empty state, or the answer to the inputs that are switched on."""
    product, notice = _given.current_product(), st.empty()
    if product.modalities and _is_new():
        notice.caption("Looking, reading, listening …")  # at once: a spinner waits half a second
    stocked = _known.stocked_for(chosen)
    try:
        looked = _looked(product, stocked) if product.modalities else None
    except UserError as error:
        notice.empty()
        st.error(refusal(error))
        announce(str(error))
        return None, stocked
    notice.empty()
    if looked is None:
        st.info("Any one input is enough: add a photo, type a description, or add a sound. Or try an example.")
        draw_made_up(chosen)
        announce("")
        return None, stocked
    product, read, batch, answers = looked
    whole = list(answers.values())[-1]
    given = [m for m in IMAGE_FIRST if m in whole.used]
    used = tuple(m for m in whole.used if m not in switched_off())
    if not used:
        st.info("All inputs are switched off. Any one input is enough: switch one on.")
        draw_switches(given)
        return None, stocked
    asked = Asked(product, batch, used, answers)
    head = _draw_card(chosen, stocked, asked, read)
    for note in whole.notes:
        st.warning(plain(note))
    if ignored := [m for m in product.modalities if m not in stocked.shelf.encoders]:
        st.caption(f"Neither this recogniser nor its catalogue uses the {charts.inputs_words(ignored)}.")
    answer = answers[used]
    _answer.draw_guesses(head, answer, chosen.recognizer)
    _answer.draw_others(head, answer)
    for sentence in () if answer.unknown else stocked.shelf.contradictions(answer):
        st.warning(plain(sentence))
    st.subheader("Why", anchor=False)
    draw_switches(given)
    st.caption(f"Used: {charts.inputs_words(used)}.")
    if answer.answers:
        draw_why(answers, used, lead_task(answer, chosen.recognizer))
    if len(answers) > 1:
        with st.expander("The answer for every mix of these inputs"):
            draw_subsets(answers)
    announce(head.spoken)
    return asked, stocked


def _asked_key() -> str:
    return f"{_given.shown_key()} {_given.reading()}"


def _is_new() -> bool:
    """Whether this upload is another one than the last that was answered."""
    return st.session_state.get("looked", ("",))[0] != _asked_key()


def _looked(product: Product, stocked: Stocked) -> Looked:
    """The upload with what was read from it, its embeddings, and the answer to each mix; raises UserError.

    The session keeps the last one: most reruns ask the same shelf about the same upload again.
    """
    kept: tuple[str, Stocked, Looked] | None = st.session_state.get("looked")
    if kept is None or _is_new() or kept[1] is not stocked:
        product, read = with_evidence(product, _given.reading())
        batch, notes = embedded(product, stocked.shelf.encoders)
        kept = _asked_key(), stocked, (product, read, batch, stocked.shelf.answer_subsets(product, batch, notes))
        st.session_state.looked = kept
    return kept[2]


def _draw_card(chosen: Chosen, stocked: Stocked, asked: Asked, read: Evidence) -> Headline:
    """The product that it is, or the class; what was read from the photos; and what somebody says about it."""
    answer, shown = asked.answers[asked.used], only(asked.product, asked.used)
    with st.container(border=True, key="answer"):
        head = _answer.draw_answer(answer, chosen.recognizer, stocked, shown)
        draw_evidence(read, stocked)
        if answer.unknown:
            draw_made_up(chosen)
        _answer.draw_truth(head, answer)
        key = hashlib.sha256(f"{chosen.folder} {_given.shown_key()} {asked.used}".encode()).hexdigest()[:12]
        draw_correct(key, shown, answer, chosen.recognizer, chosen.folder, stocked.catalogue)
    return head


def draw_evidence(read: Evidence, stocked: Stocked) -> None:
    """Codes and words that were read from the photos, and which product of the catalogue has the code."""
    for match in match_codes(read.codes, stocked.catalogue) if read.codes else ():
        st.markdown(f":material/barcode: {plain(match.sentence)}")
    for sentence in replace(read, codes=()).sentences:
        st.caption(plain(sentence))
    if _given.reading().codes and not read.codes and _given.current_product().images:
        st.caption("No barcode or QR code was found in the photo.")


def only(product: Product, used: tuple[Modality, ...]) -> Product:
    """The upload without the inputs that are switched off."""
    return replace(
        product,
        images=product.images if "image" in used else (),
        text=product.text if "text" in used else "",
        audio=product.audio if "audio" in used else None,
    )
