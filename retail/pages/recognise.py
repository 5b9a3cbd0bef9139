"""Recognise: photos, a description and a sound in; a card per task out, with what each input changed."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from retail import charts
from retail.bundle import load_bundle
from retail.demo import ensure_demo_bundle, example_products
from retail.media import MediaError, decode_audio, decode_image
from retail.recognizer import Recognizer
from retail.schema import MODALITIES, Modality, Prediction, Product, UserError

TITLE = "Recognise"
ICON = ":material/photo_camera:"
ORDER = 1

# Below this probability of the best class the card says that the model is not sure.
SURE = 0.5
# Class names with more letters than this get a card of full width.
WIDE = 24
PHOTO_TYPES = ["jpg", "jpeg", "png", "webp"]
SOUND_TYPES = ["wav", "mp3", "ogg", "opus", "flac", "m4a", "webm"]
MAX_UPLOAD_MB = 20
IMAGE_FIRST: tuple[Modality, ...] = ("image", "text", "audio")


@st.cache_resource(show_spinner=False)
def recognizer() -> Recognizer:
    """The demo recogniser, loaded once for all sessions; trained now if the shipped one does not fit."""
    bar = st.progress(0.0, "Getting the recogniser ready")

    def show(stage: str, done: int, total: int) -> None:
        bar.progress(done / max(total, 1), f"Preparing: {stage}")

    folder = ensure_demo_bundle(show)
    bar.empty()
    return load_bundle(folder)


@st.cache_data(show_spinner=False)
def examples() -> list[Product]:
    """Test products that have all three inputs."""
    return example_products()


def keep_text() -> None:
    """Text survives a change of page too."""
    st.session_state.description = st.session_state.text_input
    st.session_state.example = ""


def take_example() -> None:
    """Fills all three inputs from the next test product."""
    place = st.session_state.get("example_place", -1) + 1
    product = examples()[(place * 7) % len(examples())]  # neighbours are the same product: step over them
    assert product.audio is not None and not isinstance(product.audio, bytes)
    st.session_state.example_place = place
    st.session_state.example = product.id
    st.session_state.photos = [(path.name, path.read_bytes()) for path in product.images]  # type: ignore[union-attr]
    st.session_state.description = st.session_state.text_input = product.text
    st.session_state.sound = (product.audio.name, product.audio.read_bytes())
    st.session_state.truth = dict(product.labels)
    clear_widgets()


def clear_inputs() -> None:
    """Back to the empty page."""
    st.session_state.update(photos=[], sound=None, description="", text_input="", example="")
    clear_widgets()


def clear_widgets() -> None:
    """A new key empties an uploader; the inputs stay switched on."""
    st.session_state.generation = st.session_state.get("generation", 0) + 1
    for modality in MODALITIES:
        st.session_state[f"use_{modality}"] = True


def draw_inputs() -> None:
    """The form's column: every change counts at once."""
    generation = st.session_state.setdefault("generation", 0)
    st.button("Try an example", on_click=take_example, type="primary", width="stretch")
    uploaded = st.file_uploader(
        "Photos",
        type=PHOTO_TYPES,
        accept_multiple_files=True,
        key=f"photos_{generation}",
        max_upload_size=MAX_UPLOAD_MB,
        help="Several photos of the same product are averaged.",
    )
    if uploaded:
        st.session_state.photos, st.session_state.example = [(f.name, f.getvalue()) for f in uploaded], ""
    for name, content in st.session_state.photos:
        try:
            st.image(decode_image(content), caption=name, width=180, alt=f"Photo {name}")
        except MediaError as error:
            st.error(f"{name}: {error}")
    st.session_state.setdefault("text_input", st.session_state.description)
    st.text_area("Description", key="text_input", on_change=keep_text, placeholder="oat drink, 1 l carton", height=90)
    upload = st.file_uploader("Sound clip", type=SOUND_TYPES, key=f"sound_{generation}", max_upload_size=MAX_UPLOAD_MB)
    recorded = st.audio_input("Or say its name", key=f"record_{generation}", sample_rate=16_000)
    if given := recorded or upload:
        st.session_state.sound, st.session_state.example = (given.name, given.getvalue()), ""
    if not str(st.context.url or "").startswith(("https://", "http://localhost", "http://127.0.0.1")):
        st.caption("Recording needs a secure address (https) or localhost.")
    if st.session_state.sound:
        name, content = st.session_state.sound
        try:
            decode_audio(content)
            st.audio(content)
        except MediaError as error:
            st.error(f"{name}: {error}")
    st.button("Clear", on_click=clear_inputs)


def current_product() -> Product:
    """What the session holds, as one product."""
    sound = st.session_state.sound
    return Product(
        id="upload",
        images=tuple(content for _, content in st.session_state.photos),
        text=st.session_state.description,
        audio=sound[1] if sound else None,
    )


def answers_for(product: Product) -> dict[tuple[Modality, ...], Prediction]:
    """Answers for every subset of the inputs; the same inputs are encoded once."""
    key = hash((product.images, product.text, product.audio))
    if st.session_state.get("answered") != key:
        with st.spinner("Looking, reading, listening …"):
            st.session_state.answers = recognizer().predict_subsets(product)
        st.session_state.answered = key
    return st.session_state.answers


def draw_switches(given: tuple[Modality, ...]) -> tuple[Modality, ...]:
    """One switch per input that can be used; returns those left on."""
    columns = st.columns(len(given))
    on = []
    for column, modality in zip(columns, given, strict=True):
        st.session_state.setdefault(f"use_{modality}", True)
        if column.toggle(charts.WORDS[modality].capitalize(), key=f"use_{modality}"):
            on.append(modality)
    return tuple(modality for modality in MODALITIES if modality in on)


def draw_card(task: str, answer: Prediction, classes: int) -> None:
    """The best class, how sure, and the five likeliest with all others."""
    best, prob = answer.best(task)
    top, other = answer.top(task)
    with st.container(border=True):
        st.subheader(task.replace("_", " ").capitalize(), anchor=False)
        st.markdown(f"**{best}** · {prob:.0%}" + ("" if prob >= SURE else " · *not sure*"))
        if st.session_state.example:
            truth = st.session_state.truth.get(task, "")
            st.caption(f"The example's label is {truth}: {'right' if truth == best else 'wrong'}.")
        chart = charts.answer_bars(top, other, classes, task)
        st.altair_chart(chart, width="stretch", alt=chart.description)


def draw_cards(answer: Prediction) -> None:
    """One card per task: side by side where the class names are short enough to stand beside their bars."""
    sizes = {task: len(recognizer().vocabularies[task]) for task in answer.probs}
    wide = [task for task in sizes if max(len(label) for label in recognizer().vocabularies[task].classes) > WIDE]
    for task in wide:
        draw_card(task, answer, sizes[task])
    columns = st.columns(2)
    for place, task in enumerate(task for task in sizes if task not in wide):
        with columns[place % 2]:
            draw_card(task, answer, sizes[task])


def without_sentences(answers: dict, used: tuple[Modality, ...]) -> list[str]:
    """What would change if one input were missing."""
    sentences = []
    for modality in IMAGE_FIRST:
        rest = tuple(m for m in used if m != modality)
        if modality not in used or not rest:
            continue
        changed = [
            f"{task.replace('_', ' ')} would be “{answers[rest].best(task)[0]}” ({answers[rest].best(task)[1]:.0%})"
            for task in answers[used].probs
            if answers[rest].best(task)[0] != answers[used].best(task)[0]
        ]
        effect = "; ".join(changed) if changed else "every answer stays the same"
        sentences.append(f"Without the {charts.WORDS[modality]}: {effect}.")
    return sentences


def draw_subsets(answers: dict) -> None:
    """The answer of the one model for every subset of the given inputs."""
    rows = []
    for subset, answer in reversed(answers.items()):
        cells = {task: f"{answer.best(task)[0]} ({answer.best(task)[1]:.0%})" for task in answer.probs}
        rows.append({"given": charts.inputs_words(subset)} | cells)
    st.dataframe(pd.DataFrame(rows), hide_index=True, width="stretch")


def draw_result() -> None:
    """The result's column: an empty state, or cards for the inputs that are switched on."""
    product = current_product()
    if not product.modalities:
        st.info("Any one input is enough: add a photo, type a description, or give a sound. Or try an example.")
        return
    try:
        answers = answers_for(product)
    except UserError as error:
        st.error(str(error))
        return
    whole = list(answers.values())[-1]
    for note in whole.notes:
        st.warning(note)
    used = draw_switches(tuple(m for m in IMAGE_FIRST if m in whole.used))
    if not used:
        st.info("All inputs are switched off. Any one input is enough: switch one on.")
        return
    answer = answers[used]
    st.caption(f"Used: {charts.inputs_words(used)}.")
    draw_cards(answer)
    for sentence in without_sentences(answers, used):
        st.markdown(f"- {sentence}")
    if len(answers) > 1:
        with st.expander("The answer for every mix of these inputs"):
            draw_subsets(answers)


EMPTY: dict[str, Any] = {"photos": [], "sound": None, "description": "", "example": "", "truth": {}}
for name, empty in EMPTY.items():
    st.session_state.setdefault(name, empty)

st.title("Recognise a product", anchor=False)
recognizer()
left, right = st.columns([2, 3], gap="large")
with left:
    draw_inputs()
with right:
    draw_result()
st.caption("The model knows 24 made-up demo products. How good is it? See Compare.")
