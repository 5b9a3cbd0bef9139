"""Sections of Compare on what inputs bring and cost: class by class, in time and memory, and asked for when unsure.

In: a `View`. Out: charts and tables on the page.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from retail import charts
from retail.comparison.chosen_rows import Attribution
from retail.components.compare_runs import View
from retail.components.words import figure, show_table
from retail.report.mistakes import ClassGain, class_gains
from retail.report.tables import BEST_VALUE, attribution_table, cascade_table, costs_table
from retail.wording import percent

# A chart with more classes cannot be read; the tables hold them all.
MOST_CLASSES = 30


def _ends(rows: list[ClassGain]) -> list[ClassGain]:
    """The first and the last of sorted rows, when there are too many to draw."""
    half = MOST_CLASSES // 2
    return rows if len(rows) <= MOST_CLASSES else rows[:half] + rows[-half:]


def draw_helps(view: View) -> None:
    """Which classes gain by fusion, and which input decides for which class."""
    if view.results.kind(view.model) != "fusion":
        st.info("Gains by class are shown for fusions only: choose one under Model.")
    elif gains := class_gains(view.results, view.task, view.model):
        single = view.results.titles[gains[0].single]
        st.subheader("What fusion gains, class by class", anchor=False)
        some = f" The {MOST_CLASSES} classes with the largest gains and losses." if len(gains) > MOST_CLASSES else ""
        st.caption(
            f"{view.title} minus {single}, the single input that is best over all classes; mean of the seeds. "
            f"Where a class has few test products, a single one moves its bar a lot.{some}"
        )
        chart = charts.gain_chart(pd.DataFrame(_ends(gains)), view.task)
        figure(chart)
        with st.expander("The same as a table"):
            shown = [
                {"class": row.label, "n": row.n, view.title: percent(row.accuracy)}
                | {single: percent(row.single_accuracy), "gain, points": f"{100 * row.gain:+.1f}"}
                for row in gains
            ]
            st.dataframe(pd.DataFrame(shown), hide_index=True, width="stretch")
    if rows := view.cut.attribution:
        _draw_attribution(view, rows)


def _draw_attribution(view: View, rows: Sequence[Attribution]) -> None:
    def clearest(row: Attribution) -> float:
        return max(map(abs, row.parts.values()))

    st.subheader("What each input adds to the right answer", anchor=False)
    chosen = sorted(rows, key=clearest, reverse=True)[:MOST_CLASSES]
    some = f" The {MOST_CLASSES} clearest of {len(rows)} classes." if len(chosen) < len(rows) else ""
    st.caption(
        f"{view.results.titles[rows[0].model]}, first seed: exact Shapley values, in points of probability, mean "
        f"over the test products of the class.{some}"
    )
    chart = charts.attribution_chart(chosen, view.task)
    figure(chart)
    with st.expander("The same as a table"):
        show_table(attribution_table(view.cut), view.results.titles)


def draw_costs(view: View) -> None:
    """Accuracy against time, and how much accuracy is kept when more is asked only where it is needed."""
    cut = view.cut
    if rows := cut.costs:
        st.subheader("What each input costs", anchor=False)
        st.caption(
            "Time to decode and encode one product on the machine of the run, and the size of the encoders. "
            + BEST_VALUE
        )
        chart = charts.cost_chart(rows, view.task)
        figure(chart)
        show_table(costs_table(cut), view.results.titles)
    if steps := cut.cascade:
        st.subheader("One input first, more only when unsure", anchor=False)
        st.caption("From never asking (left) to always asking (right). Thresholds come from validation.")
        chart = charts.cascade_chart(steps, view.task)
        figure(chart)
        with st.expander("The same as a table"):
            show_table(cascade_table(cut), view.results.titles)
