"""Sections of Compare on what inputs bring and cost: class by class, in time and memory, and asked for when unsure.

In: a `View`. Out: charts and tables on the page.
"""

from __future__ import annotations

from functools import partial

import pandas as pd
import streamlit as st

from retail import charts
from retail.comparison.chosen_rows import Attribution
from retail.components.compare_runs import View
from retail.components.some_rows import choose_rows
from retail.components.words import figure, show_table
from retail.escaping import plain
from retail.report.mistakes import class_gains
from retail.report.tables import BEST_VALUE, attribution_table, cascade_table, costs_table
from retail.wording import percent, points, task_words


def draw_gains(view: View) -> None:
    """Which classes gain by fusion."""
    gains = class_gains(view.results, view.task, view.model)
    if not gains:
        st.caption("No single input was kept to compare with.")
        return
    single = view.results.titles[gains[0].single]
    st.caption(
        f"{plain(view.title)} minus {plain(single)}, the single input that is best over all classes; mean of the "
        "seeds. At the right: points, and in brackets the test products; where they are few, a single one moves the "
        "bar a lot."
    )
    names = [row.label for row in gains]
    places = choose_rows(names, f"gains_{view.run}_{view.task}", "classes", "The largest gains and losses")
    if places:
        chart = partial(charts.gain_chart, pd.DataFrame([gains[place] for place in places]), view.task)
        figure(chart, name=f"Gains by class {task_words(view.task)}")
    with st.expander("The same as a table"):
        shown = [
            {"class": row.label, "n": row.n, view.title: percent(row.accuracy)}
            | {single: percent(row.single_accuracy), "gain": points(row.gain)}
            for row in gains
        ]
        st.dataframe(pd.DataFrame(shown), hide_index=True, width="stretch")


def draw_attribution(view: View) -> None:
    """Which input decides for which class."""
    rows = sorted(view.cut.attribution, key=_clearest, reverse=True)
    st.caption(
        f"{plain(view.results.titles[rows[0].model])}, first seed: exact Shapley values, in points of probability, "
        "mean over the test products of the class; the clearest first."
    )
    names = [row.label for row in rows]
    places = choose_rows(names, f"adds_{view.run}_{view.task}", "classes", "The clearest and the least clear")
    if places:
        chart = partial(charts.attribution_chart, [rows[place] for place in places], view.task)
        figure(chart, name=f"What each input adds {task_words(view.task)}")
    with st.expander("The same as a table"):
        show_table(attribution_table(view.cut), view.results.titles)


def _clearest(row: Attribution) -> float:
    return max(map(abs, row.parts.values()))


def draw_costs(view: View) -> None:
    """Accuracy beside time."""
    st.caption(
        "Accuracy, and at the right the time to decode and encode one product on the machine of the run, the quickest "
        f"first. {BEST_VALUE}"
    )
    figure(partial(charts.cost_chart, view.cut.costs, view.task), name=f"What each input costs {task_words(view.task)}")
    show_table(costs_table(view.cut), view.results.titles)


def draw_cascade(view: View) -> None:
    """How much accuracy is kept when more is asked only where it is needed."""
    st.caption("From never asking (left) to always asking (right). Thresholds come from validation.")
    figure(
        partial(charts.cascade_chart, view.cut.cascade, view.task),
        name=f"Asking only when unsure {task_words(view.task)}",
    )
    with st.expander("The same as a table"):
        show_table(cascade_table(view.cut), view.results.titles)
