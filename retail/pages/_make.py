"""The large button of Train: a recogniser without further questions, within a time.

In: data, questions and inputs. Out: a queued `BestRequest`, and what it will do in words.
"""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from retail.best.budget import CHOICES, usual_minutes
from retail.config import TrainConfig
from retail.dataset.manifest import Manifest
from retail.schema import MODALITIES, Modality
from retail.wording import INPUT_WORDS
from retail.workspace import estimate
from retail.workspace.datasets import Dataset
from retail.workspace.recognizers import RUN_BUNDLES
from retail.workspace.requests import BestRequest

BUTTON = "Make a recogniser"
ENCODERS = "bundled"
KEEPS = "It keeps the best on validation products, and tests that once."


def draw(
    dataset: Dataset, manifest: Manifest, tasks: tuple[str, ...], inputs: tuple[Modality, ...], primary: bool
) -> BestRequest | None:
    """The time and the button; the request once it is pressed."""
    with st.container(border=True):
        st.markdown(f"**One press, and the method is chosen for you.** {_tries(inputs)} {KEEPS}")
        usual = usual_minutes(manifest)
        minutes = st.segmented_control(
            "Time",
            CHOICES,
            default=usual,
            required=True,
            format_func=lambda count: f"{count} minutes",
            key=f"minutes_{dataset.id}",
            help="No method is begun after this time, and what cannot be encoded in it is left out. The size of the "
            "data decides what is chosen at first.",
        )
        chosen = minutes or usual
        if words := _encoding(manifest, inputs, chosen):
            st.caption(words)
        pressed = st.button(
            BUTTON, type="primary" if primary else "secondary", icon=":material/auto_awesome:", width="stretch"
        )
    if not pressed:
        return None
    config = TrainConfig(modalities=tuple(m for m in MODALITIES if m in inputs))
    out = Path(RUN_BUNDLES) / "best"
    return BestRequest(data=dataset.path, tasks=tasks, encoders=ENCODERS, config=config, minutes=chosen, out=out)


def _tries(inputs: tuple[Modality, ...]) -> str:
    """What it does with these inputs."""
    words = [word for modality, word in INPUT_WORDS.items() if modality in inputs]
    if len(words) == 1:
        return f"It tries simple methods on the {words[0]} first, then fine-tuning where the time allows."
    listed = f"{', '.join(words[:-1])} and {words[-1]}"
    return f"It tries {listed} each alone, then together in three ways, then fine-tuning where the time allows."


def _encoding(manifest: Manifest, inputs: tuple[Modality, ...], minutes: float) -> str:
    """How much of the time the encoders take; "" where these products were encoded before."""
    speed = estimate.known_speed(ENCODERS)
    seconds = estimate.encoding_seconds(manifest, speed, inputs)
    if not seconds:
        return ""
    words = f"Encoding takes about {estimate.duration(seconds)} of it"
    basis = " (a guess from another machine)" if speed.rough else ""
    return f"{words}{basis}." + (" What does not fit is left out." if seconds > 60 * minutes else "")
