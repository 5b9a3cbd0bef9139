"""Train: choose data, inputs, questions and method, see how long it will take, and follow the run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import streamlit as st

from retail.components.choose_data import choose_dataset
from retail.components.follow_run import EVERY_SECONDS, draw_run
from retail.components.read_data import counted, read
from retail.components.words import plain
from retail.dataset.manifest import Manifest
from retail.encoders import PRESETS
from retail.files import PAGES
from retail.pages._methods import REQUESTS, Choice
from retail.schema import MODALITIES, Modality, UserError
from retail.splits import not_found
from retail.wording import INPUT_WORDS
from retail.workspace import estimate, jobs
from retail.workspace.requests import Request
from retail.workspace.runs import KIND_WORDS

TITLE = "Train"
ICON = ":material/model_training:"
ORDER = 3

METHODS = {
    "compare": "Compare fusion methods",
    "finetune": "Fine-tune the encoders",
    "frozen": "Frozen features",
    "curve": "How many examples does it take?",
}
METHOD_HELP = {
    "compare": "The pretrained encoders stay as they are. Small models on top learn to combine photo, description "
    "and sound in several ways, and each single input is trained alone, so you see whether combining pays.",
    "finetune": "The pretrained encoders themselves learn from your products. Often more accurate, and far "
    "slower: minutes become hours without a graphics card.",
    "frozen": "Features of one input from its pretrained encoder, reduced in several ways, with a simple classifier "
    "on top: the quickest answer to “is there anything to learn?”",
    "curve": "A learning curve: accuracy of one input with 1, 2, 4 … products per class, so you see whether more "
    "products would help. Compare shows it under “Details”.",
}
ONE_INPUT = ("frozen", "curve")
ENCODERS = {
    "bundled": "Bundled: small, fast, no network needed",
    "hub": "From the hub: larger (about 1.2 GB, downloaded once)",
    "own": "My own: a checkpoint on this machine or on a hub",
}
MULTI_TASK = (
    "**Multi-task**: one model answers all questions at once and shares what it learns between them. Off: every "
    "question gets its own model and its own run."
)
MULTI_MODAL = (
    "**Multi-modal**: photo, description and sound answer together, and any of them may be missing. Off: one input "
    "answers alone."
)


def choose_encoders() -> str:
    """A preset, or a mix of the user's own names."""
    known = [*PRESETS, "own"]
    chosen = st.selectbox(
        "Encoders",
        known,
        format_func=lambda name: ENCODERS.get(name, name),
        help="An encoder is a pretrained network that turns a photo, a text or a sound into numbers to learn from.",
    )
    if chosen != "own":
        return chosen
    st.caption(
        "Name only those you want to replace: `timm:NAME` or `timm:NAME@FILE` for photos, `hf:ORG/NAME` or "
        "`hf:/path/of/folder` for descriptions, `torchaudio:NAME` for sounds."
    )
    cells = st.columns(3)
    names = {
        modality: cell.text_input(f"Encoder for {word}", placeholder="bundled").strip()
        for cell, (modality, word) in zip(cells, INPUT_WORDS.items(), strict=True)
    }
    return ",".join(f"{modality}={name}" for modality, name in names.items() if name) or "bundled"


def choose_questions(manifest: Manifest, method: str) -> tuple[tuple[str, ...], bool]:
    """The label columns to learn, and whether one model answers them all."""
    tasks = st.multiselect(
        "What to learn",
        manifest.label_columns,
        manifest.tasks,
        help="Each column is a question that the model answers.",
    )
    several = len(tasks) > 1
    together = st.toggle("Multi-task: one model answers all questions", True, disabled=not several, help=MULTI_TASK)
    return tuple(tasks), together or not several


def choose_inputs(manifest: Manifest, method: str) -> tuple[Modality, ...]:
    """Several inputs, or one alone; one that the data name and lack is among them, so that nobody misses it unseen."""
    found = {modality for product in manifest.products for modality in product.modalities}
    present = [m for m in INPUT_WORDS if m in found or m in manifest.lost]
    words = {m: INPUT_WORDS[m].capitalize() for m in present}
    if method not in ONE_INPUT and len(present) > 1:
        if st.toggle("Multi-modal: several inputs answer together", True, help=MULTI_MODAL):
            chosen = st.multiselect("Inputs", present, present, format_func=words.__getitem__)
            return tuple(m for m in MODALITIES if m in chosen)
    return (st.radio("Input", present, format_func=words.__getitem__, horizontal=True),)


def choose() -> Choice | None:
    """Everything that all methods share; None, with the reason on the page, where the data is of no use."""
    dataset = choose_dataset()
    try:
        manifest = read(dataset).manifest
    except UserError as error:
        st.error(plain(str(error)))
        st.page_link(PAGES / "data.py", label="Fix it on the Data page", icon=":material/folder_open:")
        return None
    if not manifest.label_columns:
        st.warning("No column looks like something to learn. Choose one on the Data page, under Columns.")
        return None
    st.caption(counted(manifest))
    method = st.radio(
        "Method", list(METHODS), format_func=METHODS.__getitem__, captions=list(METHOD_HELP.values()), key="method"
    )
    left, right = st.columns(2)
    with left:
        tasks, together = choose_questions(manifest, method)
    with right:
        inputs = choose_inputs(manifest, method)
    encoders = choose_encoders()
    return Choice(dataset, manifest, method, encoders, tasks, together, inputs)


def draw_new() -> None:
    """The form, the estimate and Start."""
    st.subheader("New run", anchor=False)
    choice = choose()
    if choice is None:
        return
    if not choice.tasks or not choice.inputs:
        st.warning("Choose at least one column to learn and one input.")
        return
    if lost := not_found(choice.manifest, choice.inputs):
        for sentence in lost:
            st.error(plain(f"{sentence}; mend the paths on the Data page, or take this input out above."))
        st.button("Start", type="primary", disabled=True)
        return
    try:
        asked, words = REQUESTS[choice.method](choice)
    except UserError as error:
        st.warning(plain(str(error)))
        return
    st.info(f"**Time:** {words}" if asked else words)
    rough = choice.method == "compare" and estimate.known_speed(choice.encoders).rough
    if rough and st.button("Measure this machine", help="Takes about half a minute."):
        measure(choice)
    usual = f"{KIND_WORDS[choice.method]}: {choice.dataset.name}, {', '.join(choice.tasks)}"
    title = st.text_input("Name of the run", placeholder=usual[:80])
    if st.button("Start", type="primary", disabled=not asked):
        start(asked, title.strip() or usual[:80])


def measure(choice: Choice) -> None:
    """A short trial for a better estimate."""
    try:
        with st.spinner("Encoding a few products and training one small model …"):
            estimate.measure(replace(choice.manifest, tasks=choice.tasks), choice.encoders)
    except UserError as error:
        st.error(str(error))
        return
    st.rerun()


def start(asked: Sequence[Request], title: str) -> None:
    """Queues the runs and watches the first."""
    started = [jobs.start(request, title if len(asked) == 1 else f"{title} ({request.tasks[0]})") for request in asked]
    st.query_params["run"] = started[0].id
    st.rerun()


def draw_runs() -> None:
    """The run in the address, and all that wait or work; the page looks again while any does."""
    wanted = jobs.find(st.query_params.get("run", ""))
    states = {job: jobs.status(job).state for job in jobs.list_jobs()}
    found = [job for job, state in states.items() if state in jobs.UNFINISHED]
    found = sorted(found, key=lambda job: (states[job] == jobs.QUEUED, job.record.started))
    if wanted is not None:
        found = [wanted, *(job for job in found if job.id != wanted.id)]
    unfinished = [job.id for job in found if states.get(job) in jobs.UNFINISHED]
    before = st.session_state.get("watched", [])
    st.session_state.watched = unfinished
    if before != unfinished:
        # The whole page, so that it looks again, or no more; before a link is drawn whose click would be lost by it.
        st.rerun()
    for job in found:
        with st.container(border=True):
            draw_run(job)
    if unfinished:
        jobs.advance()


st.title("Train", anchor=False)
live = any(jobs.status(job).state in jobs.UNFINISHED for job in jobs.list_jobs())
st.fragment(draw_runs, run_every=EVERY_SECONDS if live else None)()
draw_new()
