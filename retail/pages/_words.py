"""Words and tables for all pages: text that comes from data, shown as it is.

In: text or a `Table`. Out: markdown that formats, links and loads nothing, or a frame of shown cells.
"""

from __future__ import annotations

import re

import pandas as pd

from retail.evaluation.table_formats import Table, heading, shown


def plain(text: str) -> str:
    """Markdown signs lose their meaning: a class may be called `*` or hold a link to a picture elsewhere."""
    text = re.sub(r"([\\`*_$~<|#])", r"\\\1", text)
    return re.sub(r":(?=[a-z])", r"\:", text.replace("](", "]\\("))


def table_frame(table: Table) -> pd.DataFrame:
    """The cells as the command line prints them; a column that holds the same task throughout is left out."""
    names = [heading(column) for column in table.columns]
    rows = [[shown(cell, column.unit) for cell, column in zip(row, table.columns, strict=True)] for row in table.rows]
    frame = pd.DataFrame(rows, columns=names)
    if "task" in frame and frame["task"].nunique() == 1:
        frame = frame.drop(columns="task")
    return frame
