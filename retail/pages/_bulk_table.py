"""The result of a bulk run on Recognise: what is left to do, the way to Review, and every row with how sure it is.

In: a finished job. Out: elements on the page, and the table as a file.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from retail.components.words import download
from retail.escaping import plain
from retail.files import PAGES
from retail.pages._bulk_summary import summary
from retail.wording import number_of, task_title, task_words
from retail.workspace import bulk, jobs, reviews
from retail.workspace.answers import Row
from retail.workspace.bulk import PREDICTIONS, Shown

ONLY: dict[Shown, str] = {
    "all": "All",
    "Sure": "Sure",
    "Likely": "Likely",
    "Unsure": "Unsure",
    "Not in your range": "Not in your range",
    "failed": "No answer",
}


@st.cache_data(show_spinner=False, max_entries=4)
def load_table(path: str, changed: int) -> bulk.Predictions:
    """A finished table, read once."""
    return bulk.predictions(jobs.Job("", Path(path).parent))


def draw_result(job: jobs.Job) -> None:
    """What the run comes to, what to do next, and the rows."""
    path = job.folder / PREDICTIONS
    if not path.is_file():
        return
    table = load_table(str(path), path.stat().st_mtime_ns)
    found = summary(table)
    box = {"good": st.success, "mixed": st.info, "bad": st.warning}[found.tone]
    box(plain(found.sentence))
    rows, answered = len(table.rows), table.answered()
    st.caption(f"{number_of(rows, 'row')}: {answered:,} answered, {rows - answered:,} without an answer.")
    left = reviews.to_look_at(table)
    with st.container(horizontal=True, vertical_alignment="center"):
        if left:
            label = f"Review {number_of(left, 'product')}"
            if st.button(label, type="primary", icon=":material/rate_review:", key="bulk_review"):
                st.switch_page(PAGES / "review.py", query_params={"run": job.id})
        said = "All rows, your own columns in front; cells are safe to open in a spreadsheet."
        download("Download CSV", path.read_bytes(), file_name(jobs.status(job).title), "text/csv", help=said)
    if found.counts:
        st.markdown("\n".join(f"- **{plain(task)}**: {plain(said)}" for task, said in found.counts))
    draw_rows(table)


def file_name(title: str) -> str:
    """'Recognise spring.zip' -> 'spring recognised.csv'."""
    return f"{Path(title.removeprefix('Recognise ')).stem or 'products'} recognised.csv"


def draw_rows(table: bulk.Predictions) -> None:
    """All rows, sorted by a click on a column, searched by words, narrowed to how sure they are."""
    wanted = st.text_input("Search", placeholder="words to find in a row", key="bulk_words")
    task = ""
    only: Shown = "all"
    if table.columns is not None:
        if len(table.tasks) > 1:
            options, label = table.tasks, "Question"
            task = st.selectbox(label, options, format_func=task_words, key="bulk_task")
        else:
            task = table.tasks[0]
        chosen = st.segmented_control(
            "Show", list(ONLY), default="all", required=True, format_func=lambda name: ONLY[name], key="bulk_only"
        )
        only = chosen or "all"
    kept = table.matching(wanted, task, only)
    st.caption(
        f"{len(kept):,} of {len(table.rows):,} rows. Reasons are in the notes column. Click a column to sort by it."
    )
    frame, config = rows_frame(table, kept)
    st.dataframe(frame, hide_index=True, width="stretch", column_config=config, alt="Recognised products")


def rows_frame(table: bulk.Predictions, rows: list[Row]) -> tuple[pd.DataFrame, dict[str, Any]]:
    """The rows as the page shows them, answers and certainty first, and what their columns are called."""
    header, columns = list(table.rows[0]) if table.rows else [], table.columns
    if columns is None:
        return pd.DataFrame(rows, columns=header), {}
    found: dict[str, list] = {name: [row[name] for row in rows] for name in columns.own[:1]}
    config: dict[str, Any] = {}
    for task, its in columns.tasks.items():
        found[its.label] = [row[its.label] for row in rows]
        found[its.decision] = [columns.certainty(row, task) or "No answer" for row in rows]
        found[its.probability] = [round(float(row[its.probability] or "nan"), 2) for row in rows]
        config[its.label] = task_title(task)
        config[its.decision] = f"{task_title(task)}: certainty"
        config[its.probability] = st.column_config.NumberColumn(f"{task_title(task)}: probability", format="percent")
        config[its.candidates] = f"{task_title(task)}: candidates"
    config |= {name: task_title(title) for title, name in columns.row.items()}
    found |= {name: [row[name] for row in rows] for name in header if name not in found}
    return pd.DataFrame(found), config
