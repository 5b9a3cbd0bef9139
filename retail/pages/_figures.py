"""The section One recogniser of Leaderboard: its figures for the inputs that are given, and for every mix of them."""

from __future__ import annotations

import streamlit as st

from retail.components.kept_choice import choose_kept
from retail.components.page_words import refusal
from retail.components.words import show_table
from retail.escaping import plain
from retail.evaluation.reports import Scores, SubsetCertainty
from retail.files import home
from retail.finetuning.record import FinetuningRecord
from retail.pages._recogniser import all_recognisers, draw_measured, load_from
from retail.pages._scored import INPUTS, View, draw_score_button
from retail.recognizer.bundle import training_of
from retail.report.leaderboard_tables import certainty_sentences, validation_table
from retail.report.tables import subset_certainty_table
from retail.schema import UserError
from retail.wording import inputs_words, percent, task_title, task_words


def draw(view: View) -> None:
    """Test figures, or what its own validation says as long as there are none."""
    if scores := view.scores.get(view.title):
        draw_scores(view, scores)
        return
    if view.title in view.refused:  # the page says why
        draw_score_button(view)
        return
    if view.title in view.recognizers:
        st.info(plain(f"“{view.title}” has not been scored on the test products of these data yet."))
        draw_score_button(view)
    else:
        st.info("These data have no label that it knows; choose the data that it learned from.")
    draw_validation(view)


def draw_scores(view: View, scores: Scores) -> None:
    """A card for each question with the inputs that are chosen, then every mix as a table."""
    rows = scores.subset_certainty
    subsets = sorted({row.modalities for row in rows}, key=lambda subset: (-len(subset), subset))
    given = choose_kept("Inputs given", {",".join(subset): inputs_words(subset) for subset in subsets}, INPUTS)
    chosen = [row for row in rows if ",".join(row.modalities) == given]
    st.caption(plain(f"Measured on the test products of {view.dataset.name} that have these inputs."))
    info = training_of(view.recognizers[view.title])
    if info and info.data.checksum != scores.data.checksum:
        st.warning(
            plain(f"It learned from other data, {info.data.name}; classes that it does not know count as wrong.")
        )
    columns = st.columns(2)
    for place, row in enumerate(chosen):
        with columns[place % 2]:
            draw_card(row)
    table = subset_certainty_table(rows)
    st.subheader(plain(table.title), anchor=False)
    show_table(table, {})
    st.caption(plain(table.note))


def draw_card(row: SubsetCertainty) -> None:
    """One question."""
    with st.container(border=True):
        st.subheader(plain(task_title(row.task)), anchor=False)
        st.markdown("\n".join(f"- {plain(sentence)}" for sentence in certainty_sentences(row)))


def draw_validation(view: View) -> None:
    """What the recogniser knows of itself."""
    folder = all_recognisers(str(home()))[view.title]
    try:
        recognizer = load_from(folder)
    except UserError as error:
        st.error(refusal(error))
        return
    draw_measured(folder, recognizer.strategy)
    table, info = validation_table(recognizer.certainty), recognizer.info
    if table.rows:
        st.subheader(plain(table.title), anchor=False)
        show_table(table, {})
        st.caption(plain(table.note))
    elif isinstance(info, FinetuningRecord):
        last = info.finetuning_history[-1].val_accuracy
        right = ", ".join(f"{task_words(task)} {percent(value)}" for task, value in last.items())
        st.markdown(plain(f"Right on its {info.rows.val:,} validation products: {right}."))
    else:
        st.caption("Nobody wrote down how it did on its validation products.")
