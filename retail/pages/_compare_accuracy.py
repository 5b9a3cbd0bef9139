"""Sections of Compare about accuracy: all models, paired differences, missing inputs, settings.

In: a `View`. Out: charts and tables on the page.
"""

from __future__ import annotations

from functools import partial

import pandas as pd
import streamlit as st

from retail import charts
from retail.components.compare_runs import View, look_at
from retail.components.words import figure, show_table, table_frame
from retail.escaping import plain
from retail.report.tables import dedicated_table, differences_table, hierarchy_table
from retail.wording import percent, percent_range, task_words

SETTING_WORDS = {
    "neither": "one input, one model per question",
    "multi-task": "one input, one model for all questions",
    "multi-modal": "all inputs, one model per question",
    "both": "all inputs, one model for all questions",
}


def draw_accuracy(view: View) -> None:
    """Chart and table of every strategy and baseline."""
    data, rows = view.results.data, charts.summary_rows(view.results, view.task)
    st.subheader("How often each model is right", anchor=False)
    line = " The dashed line is the best single input." if view.results.selected[view.task].fusion else ""
    st.caption(
        f"n = {rows[0].n:,} of {data.n_test:,} test products, with 95 % intervals.{line} Click a row, or choose a "
        "model above, to mark it in every chart."
    )
    chart = partial(charts.accuracy_chart, view.cut, view.task, view.title)
    key = f"accuracy_{view.run}_{view.task}_{view.model}"  # a chart that stays would not hear the same row again
    figure(chart, key, lambda: _take(view, key), "model", name=f"How often right {task_words(view.task)}")
    shown = [
        {
            "model": view.results.titles[row.model],
            "accuracy": percent(row.accuracy),
            "95 % interval": percent_range(row.accuracy_low, row.accuracy_high),
            "inputs": charts.inputs_words(row.modalities),
            "balanced accuracy": percent(row.balanced_accuracy),
            "macro-F1": percent(row.macro_f1),
            "calibration error": percent(row.ece),
            "n": row.n,
        }
        for row in rows
    ]
    with st.expander("The same as a table"):
        st.dataframe(pd.DataFrame(shown), hide_index=True, width="stretch")


def _take(view: View, key: str) -> None:
    clicked = st.session_state[key].selection.get("model", [])
    if clicked:
        look_at(view, clicked[0]["title"])


def draw_differences(view: View) -> None:
    """Each fusion minus the best single input, with both tests."""
    table = differences_table(view.cut)
    frame = table_frame(table, view.results.titles)
    frame.insert(frame.shape[1] - 1, "clear", ["yes" if r.significant else "no" for r in view.cut.differences])
    st.caption(
        "Paired on the same test products, against the single input that does best on them. “Clear” is Holm-corrected "
        f"over the fusions of this table. {plain(table.note)}"
    )
    st.dataframe(frame, hide_index=True, width="stretch")


def draw_missing(view: View) -> None:
    """How accurate one model is when inputs are missing, and what a dedicated model would reach."""
    frame = charts.subset_table(view.results, view.task)
    st.caption("Each row is one trained model; the columns say what it was given. Test split, all test products.")
    chart = partial(charts.subset_chart, view.cut, view.task, view.title)
    figure(chart, name=f"If an input is missing {task_words(view.task)}")
    with st.expander("The same as a table"):
        st.dataframe(frame.map(percent), width="stretch")
    if rows := view.cut.dedicated:
        st.subheader("One model for every mix of inputs, or one model each?", anchor=False)
        st.caption("What one model for any inputs loses against a model trained for exactly these inputs.")
        chart = partial(charts.dedicated_chart, rows, view.task)
        figure(chart, name=f"One model or one each {task_words(view.task)}")
        show_table(dedicated_table(view.cut), view.results.titles)


def draw_settings(view: View) -> None:
    """The four settings side by side, and answers of tasks that lie within each other."""
    if rows := view.cut.settings:
        single = next((charts.inputs_words(row.modalities) for row in rows if len(row.modalities) == 1), "")
        st.caption(f"“One input” is the single input that is best on the test products: {plain(single)}.")
        shown = [
            {
                "setting": SETTING_WORDS[row.setting],
                "known as": row.setting,
                "inputs": charts.inputs_words(row.modalities),
                "accuracy": percent(row.accuracy),
                "95 % interval": percent_range(row.accuracy_low, row.accuracy_high),
                "n": row.n,
            }
            for row in rows
        ]
        st.dataframe(pd.DataFrame(shown), hide_index=True, width="stretch")
    table = hierarchy_table(view.cut)
    if table.rows:
        st.subheader(plain(table.title), anchor=False)
        st.caption(
            "A child belongs to its parents (a product to its category). Answered separately, they can contradict "
            "each other; answered together, they cannot. A child that is not sure enough is left open."
        )
        show_table(table, view.results.titles)
