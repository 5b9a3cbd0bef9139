"""The options of each method on Train, and how long it will take.

In: what all methods share, a `Choice`, and what the user sets here. Out: arguments of the command line, and words.
"""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from retail.config import CLASSIFIERS, FEATURE_MAPS, FinetuneConfig
from retail.dataset.manifest import Manifest
from retail.fusion import strategies
from retail.schema import Modality
from retail.wording import INPUT_WORDS
from retail.workspace import estimate, jobs
from retail.workspace.datasets import Dataset
from retail.workspace.recognizers import RUN_BUNDLES

LEVEL_WORDS = {
    "feature": "combines the embeddings, then decides once",
    "decision": "each input decides alone, then the answers are combined",
}
SHOTS = ("1", "2", "4", "8", "16", "all")
NO_FIGURE = "No estimate yet; most runs take a few minutes. The progress bar shows the time left."


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


def compare_arguments(choice: Choice) -> tuple[list[str], str]:
    """Strategies, seeds and extras -> arguments, and the estimate in words."""
    known = strategies()
    usual = [name for name, head in known.items() if head.compared]
    names = usual
    if len(choice.inputs) > 1:
        names = st.multiselect("Fusion methods", usual, usual, format_func=lambda name: known[name].title)
        with st.expander("What are these?"):
            st.markdown(
                "Single inputs are always trained as well: fusion has to beat them. The *level* says where the inputs "
                "meet."
            )
            for name in usual:
                head = known[name]
                st.markdown(f"**{head.title}**: {head.summary} *{head.level} level: {LEVEL_WORDS[head.level]}.*")
                st.caption(head.source)
    with st.expander("More settings"):
        seeds = int(st.number_input("Seeds", 1, 10, 3, help="Every model is trained once per seed; figures are means."))
        settings = st.checkbox(
            "Also train with multi-task and multi-modal on and off, and a model for each mix of inputs", True
        )
        tune = st.checkbox(
            "Tune every model on validation, with the same settings to try (takes five times as long)", False
        )
    arguments = ["--strategies", ",".join(names), "--seeds", str(seeds), "--encoders", choice.encoders]
    arguments += ["--modalities", ",".join(choice.inputs), "--bundles", f"{jobs.RUN_FOLDER}/{RUN_BUNDLES}"]
    arguments += [*([] if settings else ["--no-settings"]), *(["--tune"] if tune else [])]
    if not names:
        return [], "Choose at least one fusion method."
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
    usual = [modality for modality in INPUT_WORDS if modality in choice.inputs][:1]
    tuned = st.multiselect("Encoders to fine-tune", choice.inputs, usual, format_func=words.__getitem__, key="tuned")
    known = strategies()
    cells = st.columns(3)
    strategy = cells[0].selectbox(
        "Fusion method", list(known), list(known).index("concatenation"), format_func=lambda name: known[name].title
    )
    epochs = int(cells[1].number_input("Epochs", 1, 100, FinetuneConfig.epochs, help="Passes over all products."))
    layers = int(cells[2].number_input("Last layers to fine-tune", 0, 50, 3, help="0: all of them. Fewer is faster."))
    with st.expander("More settings"):
        size = int(st.select_slider("Photo size in pixels", [96, 128, 160, 192, 224, 256, 288], FinetuneConfig.size))
        hidden = st.text_input(
            "New hidden layers", placeholder="512,512", help="Deep transfer: widths separated by commas."
        )
        rank = int(st.number_input("LoRA rank", 0, 64, 0, help="For the text encoder; 0 trains all its weights."))
        contrast = float(st.number_input("Align photo, text and sound", 0.0, 2.0, 0.0, 0.1))
        seed = int(st.number_input("Seed", 0, 999, 0))
    if not tuned:
        return [], "Choose at least one encoder to fine-tune."
    out = f"{jobs.RUN_FOLDER}/{RUN_BUNDLES}/finetuned"
    arguments = ["--tune", ",".join(tuned), "--modalities", ",".join(choice.inputs), "--encoders", choice.encoders]
    arguments += ["--strategy", strategy, "--epochs", str(epochs), "--layers", str(layers), "--size", str(size)]
    arguments += ["--lora-rank", str(rank), "--contrast", str(contrast), "--seed", str(seed), "--out", out]
    if hidden.strip():
        arguments += ["--hidden", hidden.strip()]
    per_row = estimate.finetuning_speed(tuned)
    if per_row is None:
        return arguments, (
            "No estimate yet: no fine-tuning of these encoders has finished on this machine. The run shows the time "
            "left after its first epochs; without a graphics card, expect hours for thousands of products."
        )
    seconds = per_row * epochs * len(choice.manifest.in_split("train")) * len(choice.task_groups)
    found = estimate.Estimate(0.7 * seconds, 1.5 * seconds, "Based on the last fine-tuning on this machine.")
    return arguments, found.sentence


def transfer_arguments(choice: Choice) -> tuple[list[str], str]:
    """Maps and classifiers of frozen features -> arguments."""
    cells = st.columns(2)
    maps = cells[0].multiselect("Reduce features with", FEATURE_MAPS, ("none", "pca"))
    classifiers = cells[1].multiselect("Classifiers", CLASSIFIERS, CLASSIFIERS)
    names = [kind if m == "none" else f"{m}+{kind}" for m in maps for kind in classifiers]
    if not names:
        return [], "Choose at least one classifier and one way to reduce features (“none” counts)."
    arguments = ["--regimes", ",".join(names), "--modality", choice.inputs[0], "--encoders", choice.encoders]
    arguments += ["--out", f"{jobs.RUN_FOLDER}/transfer.json"]
    if any(kind != "prototypes" for kind in classifiers):
        arguments += ["--bundle", f"{jobs.RUN_FOLDER}/{RUN_BUNDLES}/frozen"]
    return arguments, NO_FIGURE


def curve_arguments(choice: Choice) -> tuple[list[str], str]:
    """Classifiers, numbers of examples and draws of a learning curve -> arguments."""
    cells = st.columns(3)
    classifiers = cells[0].multiselect("Classifiers", CLASSIFIERS, ("linear", "prototypes"))
    shots = cells[1].multiselect("Examples per class", SHOTS, SHOTS, help="“all” takes every training product.")
    draws = int(cells[2].number_input("Draws", 2, 20, 5, help="How many times the examples are drawn at random."))
    if not classifiers or not shots:
        return [], "Choose at least one classifier and one number of examples."
    arguments = ["--regimes", ",".join(classifiers), "--modality", choice.inputs[0], "--encoders", choice.encoders]
    return [*arguments, "--shots", ",".join(shots), "--draws", str(draws)], NO_FIGURE


ARGUMENTS = {
    "compare": compare_arguments,
    "finetune": finetune_arguments,
    "transfer": transfer_arguments,
    "curve": curve_arguments,
}
