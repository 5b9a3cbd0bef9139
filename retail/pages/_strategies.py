"""The same upload through other recognisers that answer the same questions, one row each.

In: the chosen recogniser and what was asked of it. Out: a table, and a button that trains the demo's other strategies.
"""

from __future__ import annotations

import pandas as pd
import streamlit as st

from retail import charts
from retail.components.page_words import refusal
from retail.escaping import plain
from retail.files import home
from retail.pages._recogniser import Chosen, all_recognisers, load_from, strategy_title
from retail.pages._result import Asked, embedded
from retail.pages._why import cells
from retail.recognizer import Recognizer
from retail.schema import Modality, Prediction, Product, UserError
from retail.wording import task_words
from retail.workspace import demo
from retail.workspace.background import Background
from retail.workspace.recognizers import of_demo

FOLDED = "other_recognisers"  # of the session: whether the table is unfolded


def rivals(chosen: Chosen) -> list[tuple[str, Recognizer]]:
    """Other recognisers that answer at least one of the same questions, and what their rows are called."""
    found = []
    for title, folder in all_recognisers(str(home())).items():
        if folder == chosen.folder:
            continue
        try:
            other = load_from(folder)
        except (UserError, KeyError, RuntimeError, ValueError):
            continue
        if any(other.vocabularies.get(task) == own for task, own in chosen.recognizer.vocabularies.items()):
            found.append((strategy_title(other.strategy) if of_demo(folder) else title, other))
    return found


@st.cache_resource(show_spinner=False)
def demo_training(home_folder: str) -> Background:
    """Trains the demo's other strategies, once for all sessions."""
    return Background(demo.train_demo_strategies)


@st.fragment(run_every=1)
def draw_training(work: Background) -> None:
    """How far the training is; the page is drawn again when it ends."""
    if work.running:
        st.progress(work.share, f"{plain(work.stage)} ({work.done:,} of {work.total:,})" if work.total else "Starting")
        return
    demo_training.clear()
    all_recognisers.clear()
    st.session_state.update(training_demo=False, training_error=work.error)
    st.rerun()


def answer_of(recognizer: Recognizer, product: Product, used: tuple[Modality, ...]) -> Prediction | None:
    """Its answer from these inputs; None where it cannot use them, such as a clip in which it hears no words."""
    try:
        return recognizer.answer_subsets(product, *embedded(product, recognizer.encoders)).get(used)
    except UserError:
        return None


def draw(chosen: Chosen, asked: Asked) -> None:
    """One row a strategy: the same upload, the same switches; nobody is asked before it is unfolded."""
    box = st.expander("The same upload through other recognisers", key=FOLDED, on_change="rerun")
    if not box.open:
        return
    with box:
        _draw_table(chosen, asked)
        if of_demo(chosen.folder) and demo.missing_demo_strategies():
            _draw_train()


def _draw_table(chosen: Chosen, asked: Asked) -> None:
    rows = [
        {"fusion method": f"{strategy_title(chosen.recognizer.strategy)} (chosen)"} | cells(asked.answers[asked.used])
    ]
    for title, other in rivals(chosen):
        used = tuple(m for m in asked.used if m in other.modalities)
        answer = answer_of(other, asked.product, used)
        own = {task: v for task, v in chosen.recognizer.vocabularies.items() if other.vocabularies.get(task) == v}
        shown = cells(answer) if answer else {}
        rows.append({"fusion method": title} | {task_words(task): shown.get(task_words(task), "–") for task in own})
    if len(rows) < 2:
        st.caption("There is no other recogniser for these questions yet.")
        return
    st.caption(f"Used: {charts.inputs_words(asked.used)}, as switched on above. All share the same embeddings.")
    frame = pd.DataFrame(rows).fillna("–")
    st.dataframe(frame, hide_index=True, width="stretch", alt="Answers of every fusion method to this upload")


def _draw_train() -> None:
    """The button that trains the demo's other strategies, and how far that is."""
    if st.session_state.get("training_demo"):
        draw_training(demo_training(str(home())))
        return
    if error := st.session_state.get("training_error"):
        st.error(f"The other fusion methods could not be trained. {refusal(error)}")
    if st.button("Train the other fusion methods on the demo data (about 40 s)"):
        st.session_state.training_demo = True
        st.rerun()
