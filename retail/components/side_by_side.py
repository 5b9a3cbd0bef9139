"""Two to four finished comparisons beside one another, on Compare and on Runs.

In: the finished comparisons. Out: cautions, a chart, a table and the verdicts on the page.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import streamlit as st

from retail import charts
from retail.components.compare_runs import read, results_files
from retail.components.words import figure
from retail.escaping import plain
from retail.report import side_by_side

MOST_RUNS = 4


def draw_side_by_side() -> None:
    """The choice of runs, and what can be said of the chosen ones."""
    st.header("Side by side", anchor=False)
    files = results_files()
    if len(files) < 2:
        st.info("There is only one comparison so far; run another to see them side by side.")
        return
    chosen = st.multiselect(
        "Two to four finished comparisons",
        list(files),
        format_func=lambda run: files[run][0],
        max_selections=MOST_RUNS,
    )
    if len(chosen) < 2:
        st.caption("Choose at least two.")
        return
    draw_beside(chosen)


def draw_beside(runs: Sequence[str]) -> None:
    """Cautions, figures and verdicts of these runs."""
    files = results_files()
    results = {files[run][0]: read(files[run][1]) for run in runs}
    if cautions := side_by_side.cautions(results):
        st.warning(plain(" ".join(cautions)))
    frame = side_by_side.figures(results)
    if not frame.empty:
        figure(partial(charts.runs_chart, frame), name="Runs side by side")
        st.dataframe(side_by_side.table(frame), hide_index=True, width="stretch", alt="The runs side by side")
    if said := side_by_side.verdicts(results):
        st.markdown("\n".join(f"- **{plain(title)}**: {plain(sentence)}" for title, sentence in said))
