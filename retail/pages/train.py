"""Train: choose data, inputs, questions and method, see how long it will take, and follow the run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from retail import datasets, estimate, jobs
from retail.config import CLASSIFIERS, FEATURE_MAPS, FinetuneConfig
from retail.datasets import Dataset
from retail.encoders import PRESETS
from retail.fusion import strategies
from retail.manifest import Manifest, read_manifest
from retail.pages._follow_run import EVERY_SECONDS, draw_run
from retail.schema import INPUT_WORDS, MODALITIES, Modality, UserError
from retail.shelf import RUN_BUNDLES

TITLE = "Train"
ICON = "🏋️"
ORDER = 3

METHODS = {
    "compare": "Compare ways to join the inputs",
    "finetune": "Fine-tune the encoders",
    "transfer": "One input, frozen features",
}
METHOD_HELP = {
    "compare": "The pretrained encoders stay as they are. Small models on top learn to join photo, description and "
    "sound in several ways, and each single input is trained for itself, so that you see whether joining pays.",
    "finetune": "The pretrained encoders themselves go on learning from your products. Often more accurate, and far "
    "slower: minutes become hours without a graphics card.",
    "transfer": "Features of one input from its pretrained encoder, reduced in several ways, with a simple classifier "
    "behind: the quickest answer to “is there anything to learn from?”",
}
ENCODERS = {
    "bundled": "Bundled: small, quick, need no network",
    "hub": "Larger ones from the hub (about 1.2 GB, downloaded once)",
    "own": "My own: a checkpoint on this machine or on a hub",
}
MULTI_TASK = (
    "**Multi-task**: one model answers all questions at once and shares what it learns between them. Off: every "
    "question gets a model, and a run, of its own."
)
MULTI_MODAL = (
    "**Multi-modal**: photo, description and sound answer together, and any of them may be missing. Off: one input "
    "answers alone."
)
LEVEL_WORDS = {
    "feature": "joins what the encoders saw, then decides once",
    "decision": "each input decides for itself, then the answers are joined",
}


@dataclass(frozen=True)
class Choice:
    """What every method needs."""

    dataset: Dataset
    manifest: Manifest
    method: str
    encoders: str
    tasks: tuple[str, ...]
    multi_task: bool
    inputs: tuple[Modality, ...]

    @property
    def task_groups(self) -> list[tuple[str, ...]]:
        """The questions of each run."""
        return [self.tasks] if self.multi_task else [(task,) for task in self.tasks]


@st.cache_data(show_spinner="Reading the data …", max_entries=8)
def manifest_of(path: str, changed: float) -> Manifest:
    """The manifest with every label column."""
    return read_manifest(Path(path))


def choose_data() -> Dataset:
    """The data set that the Data page chose, or another one."""
    known = {dataset.id: dataset for dataset in datasets.list_datasets()}
    wanted = st.session_state.get("dataset", "demo")
    place = list(known).index(wanted) if wanted in known else 0
    chosen = st.selectbox("Data set", list(known), place, format_func=lambda name: known[name].name)
    st.session_state.dataset = chosen
    return known[chosen]


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
        "What to learn", manifest.label_columns, manifest.tasks, help="Each column is a question that is answered."
    )
    several = len(tasks) > 1
    together = st.toggle("Multi-task: one model answers all questions", True, disabled=not several, help=MULTI_TASK)
    return tuple(tasks), together or not several


def choose_inputs(manifest: Manifest, method: str) -> tuple[Modality, ...]:
    """Several inputs, or one alone."""
    present = [m for m in INPUT_WORDS if any(m in product.modalities for product in manifest.products)]
    words = {m: INPUT_WORDS[m].capitalize() for m in present}
    if method != "transfer" and len(present) > 1:
        if st.toggle("Multi-modal: several inputs answer together", True, help=MULTI_MODAL):
            chosen = st.multiselect("Inputs", present, present, format_func=words.__getitem__)
            return tuple(m for m in MODALITIES if m in chosen)
    return (st.radio("Input", present, format_func=words.__getitem__, horizontal=True),)


def choose() -> Choice | None:
    """Everything that all methods share; None, with the reason on the page, where the data is of no use."""
    dataset = choose_data()
    try:
        manifest = manifest_of(str(dataset.path), dataset.changed)
    except UserError as error:
        st.error(str(error))
        st.page_link("retail/pages/data.py", label="Mend it on the Data page", icon="🗂️")
        return None
    if not manifest.label_columns:
        st.warning("No column looks like something to learn. Say on the Data page, under Columns, what to learn.")
        return None
    st.caption(f"{len(manifest.products):,} usable products, {len(manifest.problems):,} problems.")
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


def compare_arguments(choice: Choice) -> tuple[list[str], str]:
    """Strategies, seeds and extras -> arguments, and the estimate in words."""
    known = strategies()
    usual = [name for name, head in known.items() if head.compared]
    names = usual
    if len(choice.inputs) > 1:
        names = st.multiselect("Ways to join the inputs", usual, usual, format_func=lambda name: known[name].title)
        with st.expander("What are these?"):
            st.markdown(
                "A single input is always trained as well: it is what joining has to beat. The *level* says where the "
                "inputs meet."
            )
            for name in usual:
                head = known[name]
                st.markdown(f"**{head.title}**: {head.summary} *{head.level} level: {LEVEL_WORDS[head.level]}.*")
                st.caption(head.source)
    with st.expander("More settings"):
        seeds = int(st.number_input("Seeds", 1, 10, 3, help="Every model is trained once per seed; figures are means."))
        settings = st.checkbox(
            "Also train multi-task and multi-modal on and off, and a model for each mix of inputs", True
        )
        tune = st.checkbox("Let every model try the same settings on validation (five times as long)", False)
    arguments = ["--strategies", ",".join(names), "--seeds", str(seeds), "--encoders", choice.encoders]
    arguments += ["--modalities", ",".join(choice.inputs), "--bundles", f"{jobs.RUN_FOLDER}/{RUN_BUNDLES}"]
    arguments += [*([] if settings else ["--no-settings"]), *(["--tune"] if tune else [])]
    if not names:
        return [], "Choose at least one way to join the inputs."
    return arguments, compare_estimate(choice, len(names), seeds, settings, tune)


def compare_estimate(choice: Choice, names: int, seeds: int, settings: bool, tune: bool) -> str:
    """How long all runs of a comparison take together."""
    speed = estimate.known_speed(choice.encoders)
    counts = [estimate.fits(names, len(choice.inputs), len(g), seeds, settings) for g in choice.task_groups]
    trials = 5 * (names + len(choice.inputs)) * tune * len(counts)
    total = sum(low for low, _ in counts) + trials, sum(high for _, high in counts) + trials
    found = estimate.estimate(choice.manifest, speed, total, choice.inputs)
    return f"{found.sentence} It trains {total[0]:,} to {total[1]:,} small models."


def finetune_arguments(choice: Choice) -> tuple[list[str], str]:
    """The main options of fine-tuning -> arguments, and what is known about the time."""
    words = {m: INPUT_WORDS[m].capitalize() for m in choice.inputs}
    tuned = st.multiselect(
        "Encoders that learn", choice.inputs, choice.inputs[:1], format_func=words.__getitem__, key="tuned"
    )
    known = strategies()
    cells = st.columns(3)
    strategy = cells[0].selectbox(
        "Way to join", list(known), list(known).index("concatenation"), format_func=lambda name: known[name].title
    )
    epochs = int(cells[1].number_input("Epochs", 1, 100, FinetuneConfig.epochs, help="Passes over all products."))
    layers = int(cells[2].number_input("Last layers that learn", 0, 50, 3, help="0: all. Fewer are quicker."))
    with st.expander("More settings"):
        size = int(st.select_slider("Photo size in pixels", [96, 128, 160, 192, 224, 256, 288], FinetuneConfig.size))
        hidden = st.text_input("New hidden layers", placeholder="512,512", help="Deep transfer: widths, by commas.")
        rank = int(st.number_input("Low-rank changes (LoRA) of rank", 0, 64, 0, help="Text encoder; 0: all weights."))
        contrast = float(st.number_input("Draw a product's inputs together", 0.0, 2.0, 0.0, 0.1))
        seed = int(st.number_input("Seed", 0, 999, 0))
    if not tuned:
        return [], "Choose at least one encoder that learns."
    out = f"{jobs.RUN_FOLDER}/{RUN_BUNDLES}/finetuned"
    arguments = ["--tune", ",".join(tuned), "--modalities", ",".join(choice.inputs), "--encoders", choice.encoders]
    arguments += ["--strategy", strategy, "--epochs", str(epochs), "--layers", str(layers), "--size", str(size)]
    arguments += ["--lora-rank", str(rank), "--contrast", str(contrast), "--seed", str(seed), "--out", out]
    if hidden.strip():
        arguments += ["--hidden", hidden.strip()]
    per_row = estimate.finetuning_speed(tuned)
    if per_row is None:
        return arguments, (
            "Nobody can tell yet: no fine-tuning of these encoders has finished on this machine. The run says how much "
            "time is left after its first epochs; without a graphics card, count in hours for thousands of products."
        )
    seconds = per_row * epochs * len(choice.manifest.in_split("train")) * len(choice.task_groups)
    found = estimate.Estimate(0.7 * seconds, 1.5 * seconds, "Based on the last fine-tuning on this machine.")
    return arguments, found.sentence


def transfer_arguments(choice: Choice) -> tuple[list[str], str]:
    """Maps and classifiers of frozen features -> arguments."""
    cells = st.columns(2)
    maps = cells[0].multiselect("Reduce the features by", FEATURE_MAPS, ("none", "pca"))
    classifiers = cells[1].multiselect("Classifiers", CLASSIFIERS, CLASSIFIERS)
    names = [kind if m == "none" else f"{m}+{kind}" for m in maps for kind in classifiers]
    if not names:
        return [], "Choose at least one way to reduce, “none” counts, and one classifier."
    arguments = ["--regimes", ",".join(names), "--modality", choice.inputs[0], "--encoders", choice.encoders]
    arguments += ["--out", f"{jobs.RUN_FOLDER}/transfer.json"]
    if any(kind != "prototypes" for kind in classifiers):
        arguments += ["--bundle", f"{jobs.RUN_FOLDER}/{RUN_BUNDLES}/frozen"]
    return arguments, "No figure for this yet; most runs take a few minutes. Progress shows the time left."


ARGUMENTS = {"compare": compare_arguments, "finetune": finetune_arguments, "transfer": transfer_arguments}


def draw_new() -> None:
    """The form, the estimate and Start."""
    st.subheader("New run", anchor=False)
    choice = choose()
    if choice is None:
        return
    if not choice.tasks or not choice.inputs:
        st.warning("Choose at least one column to learn and one input.")
        return
    arguments, words = ARGUMENTS[choice.method](choice)
    st.info(f"**Time:** {words}" if arguments else words)
    rough = choice.method == "compare" and estimate.known_speed(choice.encoders).rough
    if rough and st.button("Measure this machine", help="Takes about half a minute."):
        measure(choice)
    usual = f"{choice.dataset.name}: {', '.join(choice.tasks)}"
    title = st.text_input("Name of the run", placeholder=usual[:80])
    if st.button("Start", type="primary", disabled=not arguments):
        start(choice, arguments, title.strip() or usual[:80])


def measure(choice: Choice) -> None:
    """A short trial for a better estimate."""
    try:
        with st.spinner("Encoding a few products and training one small model …"):
            estimate.measure(choice.manifest, choice.encoders)
    except UserError as error:
        st.error(str(error))
        return
    st.rerun()


def start(choice: Choice, arguments: list[str], title: str) -> None:
    """Queues one run for each group of questions and watches the first."""
    started = [
        jobs.start(
            [choice.method, str(choice.dataset.path), "--tasks", ",".join(group), *arguments],
            title if len(choice.task_groups) == 1 else f"{title} ({group[0]})",
        )
        for group in choice.task_groups
    ]
    st.query_params["run"] = started[0].id
    st.rerun()


def draw_runs() -> None:
    """The run in the address, and all that wait or work; the page looks again while any does."""
    wanted = jobs.find(st.query_params.get("run", ""))
    found = [job for job in jobs.list_jobs() if jobs.status(job)["state"] in jobs.UNFINISHED]
    found = sorted(found, key=lambda job: (jobs.status(job)["state"] == jobs.QUEUED, job.facts.get("started", 0.0)))
    if wanted is not None:
        found = [wanted, *(job for job in found if job.id != wanted.id)]
    unfinished = []
    for job in found:
        with st.container(border=True):
            if draw_run(job):
                unfinished.append(job.id)
    before = st.session_state.get("watched", [])
    st.session_state.watched = unfinished
    if unfinished:
        jobs.advance()
    if before != unfinished:
        st.rerun()  # the whole page, so that it looks again, or no more


st.title("Train", anchor=False)
live = any(jobs.status(job)["state"] in jobs.UNFINISHED for job in jobs.list_jobs())
st.fragment(draw_runs, run_every=EVERY_SECONDS if live else None)()
draw_new()
