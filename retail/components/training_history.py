"""How a fine-tuned recogniser was trained: curves of training and validation rows, cost, what a source lost.

In: a bundle's training record. Out: elements on the page.
"""

from __future__ import annotations

from functools import partial

import streamlit as st

from retail import charts
from retail.charts.history import LOSS
from retail.components.words import figure
from retail.finetuning.record import FinetuningRecord
from retail.report.frozen_tables import finetuning_table
from retail.training.record import TrainingRecord
from retail.wording import task_words


def draw_training(info: TrainingRecord | None, key: str) -> None:
    """Nothing for a recogniser whose encoders stayed frozen."""
    if not isinstance(info, FinetuningRecord):
        return
    history = info.finetuning_history
    with st.expander("How the training went", expanded=True):
        tasks = list(history[-1].val_accuracy)
        words = {LOSS: "Loss", **{task: f"Accuracy for {task_words(task)}" for task in tasks}}
        measure = st.selectbox("Show", list(words), format_func=words.__getitem__, key=f"measure_{key}")
        figure(partial(charts.training_chart, history, measure), name=f"Training {key} {measure}")
        st.caption(
            "Training photos are cropped, changed and blended, so training looks worse than it is. A model overfits "
            "where training keeps improving while validation gets worse."
        )
        st.code(finetuning_table(info), language=None, wrap_lines=True)
