"""Which recogniser answers: the choice, what it knows and how good it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st

from retail.components.kept_choice import choose_kept
from retail.components.page_words import refusal
from retail.escaping import plain
from retail.files import GROCERIES_NAME, PAGES, home
from retail.fusion import strategies
from retail.recognizer import Recognizer
from retail.recognizer.bundle import BUNDLE, agree_to, load_bundle
from retail.recognizer.trust import Untrusted
from retail.schema import Modality, UserError
from retail.wording import joined, percent, task_words
from retail.workspace import recognizers
from retail.workspace.datasets import DEMO_NAME

RECOGNISER = "recogniser"  # of the session: the chosen one, on all pages that ask with it
MADE_UP = f"The demo's products are made up. For an apple or a banana of yours choose “{GROCERIES_NAME}”."
ASKS = (
    "This recogniser was made elsewhere and asks for {names}, from the model hub or this machine. Load them only if "
    "you trust whoever made it; until then the demo is used instead."
)


@dataclass(frozen=True)
class Chosen:
    """The recogniser in use and its folder."""

    title: str
    folder: Path
    recognizer: Recognizer


@st.cache_resource(show_spinner=False)
def prepare_demo(home_folder: str) -> None:
    """At the first start the encoders are loaded, and the demo is trained where the shipped one does not fit."""
    bar = st.progress(0.0, "Getting the recogniser ready")

    def show(stage: str, done: int, total: int) -> None:
        bar.progress(done / max(total, 1), f"Preparing: {stage}")

    recognizers.recognizers(show)
    bar.empty()


@st.cache_data(show_spinner=False, ttl=5)
def all_recognisers(home_folder: str) -> dict[str, Path]:
    """Title -> folder of every recogniser; a new one appears within seconds."""
    return recognizers.recognizers()


@st.cache_resource(show_spinner="Loading the recogniser …", max_entries=16)
def load(folder: str, changed: int) -> Recognizer:
    """A bundle, loaded once for all sessions; `changed` is its time stamp in ns."""
    return load_bundle(Path(folder))


def load_from(folder: Path) -> Recognizer:
    """The recogniser in this folder as it is now; raises UserError when it is damaged."""
    try:
        changed = (folder / BUNDLE).stat().st_mtime_ns
    except OSError:
        raise UserError(f"{folder} is gone; choose another recogniser.") from None
    return load(str(folder), changed)


def choose() -> Chosen:
    """Draws the choice, which the address holds too; a damaged one is named and the demo stays."""
    prepare_demo(str(home()))
    found = all_recognisers(str(home()))
    title = choose_kept("Recogniser", {name: name for name in found}, RECOGNISER, "recogniser")
    try:
        chosen = Chosen(title, found[title], load_from(found[title]))
    except Untrusted as error:
        draw_agreement(found[title], error.names)
        chosen = Chosen(DEMO_NAME, found[DEMO_NAME], load_from(found[DEMO_NAME]))
    except UserError as error:
        st.error(refusal(f"“{title}” cannot be used, so the demo is used instead. {error}"))
        chosen = Chosen(DEMO_NAME, found[DEMO_NAME], load_from(found[DEMO_NAME]))
    return chosen


def draw_agreement(folder: Path, names: Sequence[str]) -> None:
    """What a recogniser from elsewhere would load beside itself, and the button that agrees."""
    st.warning(plain(ASKS.format(names=joined(names))))
    agreed: Callable[..., Any] = agree_to
    st.button("Load them", key=f"agree_{folder}", on_click=agreed, args=(folder,))


def draw_made_up(chosen: Chosen) -> None:
    """Says of the demo that nobody's own products are among its classes."""
    if recognizers.of_demo(chosen.folder):
        st.caption(plain(MADE_UP))


def strategy_title(strategy: str) -> str:
    """What a strategy calls itself."""
    known = strategies()
    return known[strategy].title if strategy in known else strategy


def draw_facts(chosen: Chosen) -> None:
    """How it was made, what it knows, and how good it is if that was measured: small print for the end of a page."""
    recognizer = chosen.recognizer
    tasks = ", ".join(f"{task_words(task)} ({len(classes)})" for task, classes in recognizer.vocabularies.items())
    learned = f" on {recognizer.info.rows.train:,} products" if recognizer.info else ""
    title = strategy_title(recognizer.strategy)
    st.caption(plain(f"“{chosen.title}”: {title}, trained{learned}. Classes: {tasks}."))
    if not recognizer.certainty.promises.records:
        st.caption(
            "It was made before answers were judged: train it again to be told when to look and what is unknown."
        )
    draw_measured(chosen.folder, recognizer.strategy)


def draw_measured(folder: Path, strategy: str) -> None:
    """How good it is, where that was measured before it came here."""
    measured = _accuracies(folder, strategy)
    if measured:
        right = ", ".join(f"{task_words(task)} {percent(share)}" for task, (share, _) in measured.items())
        most = max(n for _, n in measured.values())
        st.caption(plain(f"Accuracy on {recognizers.measured_on(folder)}: {right} (n = {most:,})."))


@st.cache_data(show_spinner=False, max_entries=64, ttl=5)
def _accuracies(folder: Path, strategy: str) -> dict[str, tuple[float, int]]:
    return recognizers.accuracies_on_test(folder, strategy)


def draw_link(chosen: Chosen, used: tuple[Modality, ...]) -> None:
    """The way to the figures of exactly this recogniser, for the inputs that are given right now."""
    asked = {"recogniser": chosen.title, "inputs": ",".join(used)}
    icon = ":material/bar_chart:"
    st.page_link(PAGES / "leaderboard.py", label="How good is this?", icon=icon, query_params=asked)
