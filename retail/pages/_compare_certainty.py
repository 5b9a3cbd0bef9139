"""Sections of Compare on how sure the chosen model is: thresholds, calibration, prediction sets.

In: a `View`. Out: charts and tables on the page.
"""

from __future__ import annotations

from functools import partial

import streamlit as st

from retail import charts
from retail.components.compare_runs import View
from retail.components.words import figure, show_table
from retail.escaping import plain
from retail.report.findings import threshold_sentence
from retail.report.tables import (
    calibration_table,
    conformal_table,
    coverage_table,
    reliability_table,
    subset_certainty_table,
    thresholds_table,
)
from retail.wording import task_words


def draw_threshold(view: View) -> None:
    """The threshold that validation gives for a target accuracy, and the result on the test products."""
    (row,) = view.cut.calibration
    st.subheader("How sure is sure enough?", anchor=False)
    wished = st.slider("Target accuracy", 50.0, 99.0, 95.0, 0.5, format="%.1f %%") / 100
    wish = row.threshold_for(wished)
    st.markdown(threshold_sentence(wish))
    if wish.accuracy is not None:
        st.caption("Validation promises it with 95 % confidence; the cross shows the result on the test products.")
    if row.coverage:
        figure(partial(charts.coverage_chart, row, wish), name=f"How sure is sure enough {task_words(view.task)}")
    with st.expander("Both as tables"):
        for table in (thresholds_table(view.cut), coverage_table(view.cut)):
            st.markdown(f"**{plain(table.title)}**")
            show_table(table, view.results.titles)


def draw_certainty(view: View) -> None:
    """Does 80 % sure mean right 8 times in 10?"""
    (row,) = view.cut.calibration
    cut, titles = view.cut, view.results.titles
    st.subheader("Can you trust the percentages?", anchor=False)
    st.caption(
        f"{plain(titles[row.model])}, first seed, n = {row.n:,} test products. On the dotted line 80 % "
        "sure means right 8 times in 10. A temperature fitted on validation brings the answers closer to it."
    )
    left, right = st.columns([3, 2])
    with left:
        figure(partial(charts.reliability_chart, row), name=f"Percentages and how often right {task_words(view.task)}")
    with right:
        figure(partial(charts.bin_chart, row), name=f"How sure the answers are {task_words(view.task)}")
    show_table(calibration_table(cut), titles)
    with st.expander("All bins with counts"):
        show_table(reliability_table(cut), titles)


def draw_each_mix(view: View) -> None:
    """How sure and right with each mix of the inputs."""
    table = subset_certainty_table(view.cut.subset_certainty)
    st.caption(f"Each mix has a temperature and thresholds of its own, from validation. {plain(table.note)}")
    show_table(table, view.results.titles)


def draw_sets(view: View) -> None:
    """Prediction sets, and whether they keep their promise."""
    table = conformal_table(view.cut)
    st.caption(f"A set of answers instead of one, with a promise that it contains the right one. {plain(table.note)}")
    show_table(table, view.results.titles)
