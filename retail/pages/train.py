"""Train: one button makes a recogniser; whoever wants to chooses the method. Runs are followed as they go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import streamlit as st

from retail.components.choose_data import choose_dataset
from retail.components.follow_run import EVERY_SECONDS, draw_run
from retail.components.page_words import refusal
from retail.components.read_data import counted, read
from retail.dataset.manifest import Manifest
from retail.encoders import PRESETS
from retail.escaping import plain
from retail.files import PAGES
from retail.pages import _make
from retail.pages._methods import REQUESTS, Choice
from retail.schema import MODALITIES, Modality, UserError
from retail.splits import not_found
from retail.wording import INPUT_WORDS, task_words
from retail.workspace import estimate, jobs, naming
from retail.workspace.datasets import Dataset
from retail.workspace.requests import Request

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
OWN_CHOICE = "train_own_choice"  # of the session: whether Choose yourself is open
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
        help="An encoder is a pretrained network that turns a photo, a description or a sound into numbers.",
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


def choose_questions(manifest: Manifest) -> tuple[str, ...]:
    """The label columns to learn."""
    return tuple(
        st.multiselect(
            "What to learn",
            manifest.label_columns,
            manifest.tasks,
            format_func=task_words,
            help="Each column is a question that the recogniser answers.",
        )
    )


def choose_inputs(manifest: Manifest) -> tuple[Modality, ...]:
    """What to learn from; an input that the data name and lack is among them, so that nobody misses it unseen."""
    found = {modality for product in manifest.products for modality in product.modalities}
    present = [m for m in INPUT_WORDS if m in found or m in manifest.lost]
    chosen = st.multiselect("Inputs", present, present, format_func=lambda m: INPUT_WORDS[m].capitalize())
    return tuple(m for m in MODALITIES if m in chosen)


def choose_together(tasks: tuple[str, ...]) -> bool:
    """Whether one model answers all questions."""
    several = len(tasks) > 1
    together = st.toggle("Multi-task: one model answers all questions", True, disabled=not several, help=MULTI_TASK)
    return together or not several


def choose_one_or_all(inputs: tuple[Modality, ...], method: str) -> tuple[Modality, ...]:
    """All inputs together, or one alone."""
    if (
        method not in ONE_INPUT
        and len(inputs) > 1
        and st.toggle("Multi-modal: several inputs answer together", True, help=MULTI_MODAL)
    ):
        return inputs
    ordered = [m for m in INPUT_WORDS if m in inputs]
    return (st.radio("Input", ordered, format_func=lambda m: INPUT_WORDS[m].capitalize(), horizontal=True),)


def draw_new() -> None:
    """What to learn from what, then the large button, then everything that can be chosen."""
    dataset = choose_dataset(address="dataset")
    try:
        manifest = read(dataset).manifest
    except UserError as error:
        st.error(refusal(error))
        st.page_link(PAGES / "data.py", label="Fix it on the Data page", icon=":material/folder_open:")
        return
    if not manifest.label_columns:
        st.warning("No column looks like something to learn. Choose one on the Data page, under Columns.")
        return
    left, right = st.columns(2)
    with left:
        tasks = choose_questions(manifest)
    with right:
        inputs = choose_inputs(manifest)
    st.caption(counted(manifest))
    if not tasks or not inputs:
        st.warning("Choose at least one column to learn and one input.")
        return
    if lost := not_found(manifest, inputs):
        st.warning(plain(f"{'; '.join(lost)}; mend the paths on the Data page, or take this input out above."))
        st.button(_make.BUTTON, type="primary", disabled=True, width="stretch")
        return
    watched = jobs.find(st.query_params.get("run", ""))
    made = watched is not None and jobs.status(watched).state == "done"  # to open that one is the next step
    opened = bool(st.session_state.get(OWN_CHOICE))
    if asked := _make.draw(dataset, manifest, tasks, inputs, primary=not opened and not made):
        start([asked], dataset)
    own = st.expander("Choose yourself", key=OWN_CHOICE, on_change="rerun", icon=":material/tune:")
    if own.open:
        with own:
            draw_own(dataset, manifest, tasks, inputs)


def draw_own(dataset: Dataset, manifest: Manifest, tasks: tuple[str, ...], inputs: tuple[Modality, ...]) -> None:
    """A method with its options, the estimate and Start."""
    method = st.radio(
        "Method", list(METHODS), format_func=METHODS.__getitem__, captions=list(METHOD_HELP.values()), key="method"
    )
    left, right = st.columns(2)
    with left:
        together = choose_together(tasks)
    with right:
        inputs = choose_one_or_all(inputs, method)
    options = st.expander("Expert options", icon=":material/build:")
    with options:
        encoders = choose_encoders()
    choice = Choice(dataset, manifest, method, encoders, tasks, together, inputs)
    try:
        asked, words = REQUESTS[method](choice, options)
    except UserError as error:
        st.warning(refusal(error))
        return
    st.caption(f"**Time:** {plain(words)}" if asked else plain(words))
    rough = method == "compare" and estimate.known_speed(choice.encoders).rough
    if rough and st.button("Measure this machine", help="Takes about half a minute."):
        measure(choice)
    usual = naming.run_name(asked[0], dataset.name) if asked else ""
    title = st.text_input("Name of the run", placeholder=usual)
    if st.button("Start", type="primary", disabled=not asked):
        start(asked, dataset, title.strip())


def measure(choice: Choice) -> None:
    """A short trial for a better estimate."""
    try:
        with st.spinner("Encoding a few products and training one small model …"):
            estimate.measure(replace(choice.manifest, tasks=choice.tasks), choice.encoders)
    except UserError as error:
        st.error(refusal(error))
        return
    st.rerun()


def start(asked: Sequence[Request], dataset: Dataset, title: str = "") -> None:
    """Queues the runs and watches the first; without a title each bears its method, data and date."""
    started = []
    for request in asked:
        question = request.tasks[0] if len(asked) > 1 else ""
        name = f"{title} ({question})" if title and question else title
        started.append(jobs.start(request, name or naming.run_name(request, dataset.name, question)))
    st.query_params["run"] = started[0].id
    st.rerun()


def draw_runs() -> None:
    """The run in the address, and all that wait or work; the page looks again while any does."""
    wanted = jobs.find(st.query_params.get("run", ""))
    states = {job: now.state for job, now in jobs.statuses()}
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
live = any(now.state in jobs.UNFINISHED for _, now in jobs.statuses())
st.fragment(draw_runs, run_every=EVERY_SECONDS if live else None)()
draw_new()
