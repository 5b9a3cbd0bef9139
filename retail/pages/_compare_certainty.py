"""Section of Compare on how sure the chosen model is: calibration, thresholds, prediction sets.

In: a `View`. Out: charts and tables on the page.
"""

from __future__ import annotations

import streamlit as st

from retail import charts
from retail.comparison.results import titles
from retail.components.compare_runs import View
from retail.components.words import figure, show_table
from retail.metrics.calibration import as_stored, kept_promise
from retail.report.tables import (
    calibration_table,
    conformal_table,
    coverage_table,
    of_task,
    reliability_table,
    thresholds_table,
)
from retail.wording import percent


def draw_certainty(view: View) -> None:
    """Does 80 % sure mean right 8 times in 10, and how sure is sure enough?"""
    (row,) = view.rows("calibration")
    cut = of_task(view.results, view.task)
    st.subheader("Can you trust the percentages?", anchor=False)
    st.caption(
        f"{titles(view.results)[row['model']]}, first seed, n = {row['n']:,} test products. On the dotted line 80 % "
        "sure means right 8 times in 10. A temperature fitted on validation brings the answers closer to it."
    )
    show_table(calibration_table(cut), titles(view.results))
    left, right = st.columns([3, 2])
    with left:
        figure(charts.reliability_chart(row))
    with right:
        figure(charts.bin_chart(row))
    with st.expander("All bins with counts"):
        show_table(reliability_table(cut), titles(view.results))
    _draw_threshold(view, row)
    if view.rows("conformal"):
        table = conformal_table(cut)
        st.subheader(table.title, anchor=False)
        st.caption(f"A set of answers instead of one, with a promise that it contains the right one. {table.note}")
        show_table(table, titles(view.results))


def _wished(row: dict) -> dict:
    """Any accuracy may be wished for; files of old hold the thresholds of a few."""
    words = "Target accuracy"
    if judged := row.get("judged"):
        wished = st.slider(words, 50.0, 99.5, 95.0, 0.5, format="%.1f %%") / 100
        return kept_promise(as_stored(judged["val"]), as_stored(judged["test"]), wished)
    wishes = {wish["wished"]: wish for wish in row["thresholds"]}
    middle = list(wishes)[len(wishes) // 2]
    return wishes[st.select_slider(words, list(wishes), middle, format_func=lambda value: f"{100 * value:.0f} %")]


def _draw_threshold(view: View, row: dict) -> None:
    """The threshold that validation gives for a wished accuracy, and what it makes of the test products."""
    st.subheader("How sure is sure enough?", anchor=False)
    wish = _wished(row)
    wished = wish["wished"]
    if wish["threshold"] is None or wish["accuracy"] is None:
        st.markdown(f"On validation, no threshold reaches an accuracy of {percent(wished)}.")
    else:
        st.markdown(
            f"Answer when at least **{percent(wish['threshold'])}** sure: that answers **{percent(wish['coverage'])}** "
            f"of the test products, and **{percent(wish['accuracy'])}** of these were right. The threshold was chosen "
            "on validation; the cross shows the result on the test products."
        )
    if row["coverage"]:
        chart = charts.coverage_chart(row, wish)
        figure(chart)
    with st.expander("Both as tables"):
        cut = of_task(view.results, view.task)
        for table in (thresholds_table(cut), coverage_table(cut)):
            st.markdown(f"**{table.title}**")
            show_table(table, titles(view.results))
