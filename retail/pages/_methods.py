"""The options of each method on Train, and how long it will take.

In: what all methods share, a `Choice`, what the user sets here, and the folded box for what only experts set. Out: a
request for each run, and words about time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from retail.config import (
    CLASSIFIERS,
    FEATURE_MAPS,
    CompareConfig,
    CurveConfig,
    FinetuneConfig,
    SearchConfig,
    TrainConfig,
)
from retail.dataset.manifest import Manifest
from retail.fusion import strategies
from retail.pages._settings import ask, labelled
from retail.schema import Modality
from retail.wording import INPUT_WORDS, MAP_WORDS, capital, method_title, number_of
from retail.workspace import estimate
from retail.workspace.datasets import Dataset
from retail.workspace.recognizers import RUN_BUNDLES
from retail.workspace.requests import CompareRequest, CurveRequest, FinetuneRequest, FrozenRequest, Request

LEVEL_WORDS = {
    "feature": "combines the embeddings, then decides once",
    "decision": "each input decides alone, then the answers are combined",
}
SIZES = [96, 128, 160, 192, 224, 256, 288]
BUNDLES = Path(RUN_BUNDLES)
RESULTS = Path("results.json")  # where Compare finds them
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


def compare_requests(choice: Choice, options: DeltaGenerator) -> tuple[Sequence[Request], str]:
    """Strategies, seeds and extras -> requests, and the estimate in words."""
    with options:
        names = choose_strategies(choice)
        config = CompareConfig(strategies=tuple(names), encoders=choice.encoders)
        config = ask(config, labelled(config))
    if not names:
        return [], "Choose at least one fusion method."
    asked = [
        CompareRequest(
            data=choice.dataset.path,
            modalities=choice.inputs,
            config=replace(config, tasks=tasks),
            out=RESULTS,
            bundles=BUNDLES,
        )
        for tasks in choice.task_groups
    ]
    return asked, compare_estimate(choice, config)


def choose_strategies(choice: Choice) -> list[str]:
    """Ways to join the inputs, each explained; all of them where there is nothing to join."""
    known = strategies()
    usual = [name for name, head in known.items() if head.compared]
    if len(choice.inputs) < 2:
        return usual
    names = st.multiselect("Fusion methods", usual, usual, format_func=lambda name: known[name].title)
    with st.expander("What are these methods?"):
        st.markdown(
            "Single inputs are always trained as well: fusion has to beat them. The *level* says where the inputs meet."
        )
        for name in usual:
            head = known[name]
            st.markdown(f"**{head.title}**: {head.summary} *{head.level} level: {LEVEL_WORDS[head.level]}.*")
            st.caption(head.source)
    return names


def compare_estimate(choice: Choice, config: CompareConfig) -> str:
    """How long all runs of a comparison take together."""
    names = len(config.strategies)
    speed = estimate.known_speed(choice.encoders)
    counts = [
        estimate.fits(names, len(choice.inputs), len(g), config.seeds, config.settings) for g in choice.task_groups
    ]
    trials = 5 * (names + len(choice.inputs)) * config.tune * len(counts)
    total = sum(low for low, _ in counts) + trials, sum(high for _, high in counts) + trials
    found = estimate.estimate(choice.manifest, speed, total, choice.inputs)
    low, high = total
    models = number_of(high, "small model")
    return f"{found.sentence} It trains {models if low == high else f'{low:,} to {models}'}."


def finetune_requests(choice: Choice, options: DeltaGenerator) -> tuple[Sequence[Request], str]:
    """The main options of fine-tuning -> requests, and what is known about the time."""
    words = {m: INPUT_WORDS[m].capitalize() for m in choice.inputs}
    usual = [modality for modality in INPUT_WORDS if modality in choice.inputs][:1]
    tuned = st.multiselect("Encoders to fine-tune", choice.inputs, usual, format_func=words.__getitem__, key="tuned")
    known = strategies()
    # Few layers by default: what fits a laptop.
    head, tuning = TrainConfig(modalities=choice.inputs), FinetuneConfig(layers=3)
    cells = st.columns(3)
    strategy = cells[0].selectbox(
        "Fusion method", list(known), list(known).index("concatenation"), format_func=lambda name: known[name].title
    )
    for cell, name in zip(cells[1:], first := ("epochs", "layers"), strict=True):
        with cell:
            tuning = ask(tuning, [name])
    with options:
        help_text = tuning.help("size")
        size = st.select_slider("Photo size in pixels", SIZES, tuning.size, help=help_text)
        tuning = ask(tuning, [name for name in labelled(tuning) if name not in first])
        head = ask(head, [name for name in labelled(head) if name not in labelled(tuning)])
    if not tuned:
        return [], "Choose at least one encoder to fine-tune."
    tuning = replace(tuning, tune=tuple(tuned), size=size)
    head = replace(head, strategy=strategy, seed=tuning.seed)
    asked = [
        FinetuneRequest(
            data=choice.dataset.path,
            tasks=tasks,
            encoders=choice.encoders,
            config=head,
            tuning=tuning,
            out=BUNDLES / "finetuned",
        )
        for tasks in choice.task_groups
    ]
    return asked, finetune_estimate(choice, tuning)


def finetune_estimate(choice: Choice, tuning: FinetuneConfig) -> str:
    """How long all runs of fine-tuning take together, from the last one here."""
    per_row = estimate.finetuning_speed(tuning.tune)
    if per_row is None:
        return (
            "No estimate yet: no fine-tuning of these encoders has finished on this machine. The run shows the time "
            "left after its first epochs; without a graphics card, expect hours for thousands of products."
        )
    seconds = per_row * tuning.epochs * len(choice.manifest.in_split("train")) * len(choice.task_groups)
    return estimate.Estimate(0.7 * seconds, 1.5 * seconds, "Based on the last fine-tuning on this machine.").sentence


def frozen_requests(choice: Choice, options: DeltaGenerator) -> tuple[Sequence[Request], str]:
    """Maps and classifiers of frozen features -> requests."""
    cells = options.columns(2)
    maps = cells[0].multiselect("Features", FEATURE_MAPS, ("none", "pca"), format_func=_map_title)
    classifiers = cells[1].multiselect("Classifiers", CLASSIFIERS, CLASSIFIERS, format_func=method_title)
    names = tuple(kind if m == "none" else f"{m}+{kind}" for m in maps for kind in classifiers)
    if not names:
        return [], "Choose at least one classifier and one kind of features."
    kept = any(kind != "prototypes" for kind in classifiers)
    asked = [
        FrozenRequest(
            data=choice.dataset.path,
            tasks=tasks,
            encoders=choice.encoders,
            modality=choice.inputs[0],
            config=SearchConfig(methods=names),
            out=Path("frozen.json"),
            bundle_out=BUNDLES / "frozen" if kept else None,
        )
        for tasks in choice.task_groups
    ]
    return asked, NO_FIGURE


def _map_title(name: str) -> str:
    return capital(MAP_WORDS[name])


def curve_requests(choice: Choice, options: DeltaGenerator) -> tuple[Sequence[Request], str]:
    """Classifiers, numbers of examples and draws of a learning curve -> requests."""
    usual, cells = CurveConfig(), options.columns(3)
    classifiers = cells[0].multiselect("Classifiers", CLASSIFIERS, usual.methods, format_func=method_title)
    shots = cells[1].multiselect("Examples per class", usual.shots, usual.shots, help=usual.help("shots"))
    with cells[2]:
        config = ask(usual, labelled(usual))
    if not classifiers or not shots:
        return [], "Choose at least one classifier and one number of examples."
    asked = [
        CurveRequest(
            data=choice.dataset.path,
            tasks=tasks,
            encoders=choice.encoders,
            modality=choice.inputs[0],
            config=replace(config, methods=tuple(classifiers), shots=tuple(shots)),
            out=RESULTS,
        )
        for tasks in choice.task_groups
    ]
    return asked, NO_FIGURE


REQUESTS = {
    "compare": compare_requests,
    "finetune": finetune_requests,
    "frozen": frozen_requests,
    "curve": curve_requests,
}
