"""The tab Problems of Data: every kind of problem with the rows concerned and what to do; all of them as CSV.

In: a `Manifest`. Out: a table and a file.
"""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd
import streamlit as st

from retail.components import read_data
from retail.components.choose_data import keep
from retail.components.words import download
from retail.dataset.manifest import Manifest, Problem, most_alike
from retail.escaping import in_cell, plain
from retail.wording import number_of
from retail.workspace.datasets import Dataset

OF_A_KIND = 10  # rows shown that have the same problem
LISTED = 100  # rows shown of all kinds
COLUMNS = ["line", "column", "what is wrong and what to do"]
Row = tuple[str, str, str]


def draw_problems(dataset: Dataset, manifest: Manifest) -> None:
    """Opening every file is asked for, because it takes a while."""
    opened = read_data.is_opened(dataset)
    if not opened:
        st.caption("The files were found, but not opened yet.")
    words = "Open every file again" if opened else "Open every file"
    if st.button(words, help="Finds damaged photos and sounds; takes seconds to minutes."):
        read_data.forget()  # files may have come back under the same table
        keep(dataset)
    problems = manifest.problems
    if not problems:
        st.caption("No problems were found." if opened else "No problems so far.")
        return
    st.warning(
        f"{number_of(len(problems), 'problem')}. {number_of(len(manifest.products), 'product')} can be used all the "
        "same. Fix these rows when you like and add the data again."
    )
    rows = list(_shown(problems))
    st.table(_frame([tuple(map(plain, row)) for row in rows[:LISTED]]), hide_index=True)  # type: ignore[misc]
    if len(rows) > LISTED:
        st.caption(f"The first {LISTED} lines are listed; the CSV has all problems.")
    text = _frame([_row(problem) for problem in problems]).map(in_cell).to_csv(index=False)
    download("Problems as CSV", text, "problems.csv", "text/csv")


def _shown(problems: Iterable[Problem]) -> Iterable[Row]:
    """The first rows of each kind, and how many more there are."""
    for alike in most_alike(list(problems)).values():
        yield from map(_row, alike[:OF_A_KIND])
        if (more := len(alike) - OF_A_KIND) > 0:
            yield "…", alike[0].column, f"and {more:,} more of this kind."


def _row(problem: Problem) -> Row:
    return problem.where or str(problem.line or ""), problem.column, problem.message


def _frame(rows: Iterable[Row]) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=COLUMNS)
