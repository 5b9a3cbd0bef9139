"""Tables, figures and downloads for all pages: what comes from data, shown as it is.

In: a `Table`, a chart or a file's content. Out: a frame; a figure or a download on the page.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

import pandas as pd
import streamlit as st

from retail.charts.export import Chart, figures_of, png_file, svg_file
from retail.components.drawings import Charted, Drawing, drawing
from retail.escaping import in_file_name
from retail.report.table_formats import Column, Table, as_csv, question_heading, question_shown


def figure(
    chart: Charted,
    key: str | None = None,
    on_select: Callable | str = "ignore",
    selection: str = "",
    name: str = "",
) -> Any:
    """Draws a chart whose description becomes its accessible name; `selection` is the parameter that is listened to.

    It is made anew for other arguments only. With a `name`, which no other chart of the page has, it can be taken along
    as a picture and as figures.
    """
    event = _drawn(drawing(chart), key, on_select, selection)
    if name:
        _offer(chart, name)
    return event


def _drawn(made: Drawing, key: str | None, on_select: Callable | str, selection: str) -> Any:
    if not selection:
        return st.vega_lite_chart(made.sent(), width="stretch", alt=made.words, key=key)
    heard: Any = on_select
    return st.vega_lite_chart(
        made.sent(), width="stretch", alt=made.words, key=key, on_select=heard, selection_mode=selection
    )


def _offer(chart: Charted, name: str) -> None:
    """The chart as PNG, SVG and CSV, made when it is asked for."""
    file = in_file_name(name.lower(), "chart", "-")
    with (
        st.popover("Download", icon=":material/download:"),
        st.container(horizontal=True),
    ):
        download("PNG", lambda: png_file(chart(), name), f"{file}.png", "image/png", key=f"png_{file}")
        download("SVG", lambda: svg_file(chart(), name), f"{file}.svg", "image/svg+xml", key=f"svg_{file}")
        download("CSV", lambda: as_csv(_figures(chart(), name)), f"{file}.csv", "text/csv", key=f"csv_{file}")


def _figures(chart: Chart, name: str) -> Table:
    frame = figures_of(chart)
    rows = [[cell.item() if hasattr(cell, "item") else cell for cell in row] for row in frame.to_numpy(dtype=object)]
    return Table(name, name, [Column(str(column)) for column in frame.columns], rows)


def download(
    label: str,
    content: str | bytes | Callable[[], str | bytes],
    name: str,
    mime: str,
    width: Literal["content", "stretch"] = "content",
    help: str | None = None,
    key: str | None = None,
) -> None:
    """Offers a file, made when it is asked for if `content` is a function.

    A click does not draw the page again, or Streamlit could take the file away before the browser has fetched it.
    """
    st.download_button(label, content, name, mime, on_click="ignore", width=width, help=help, key=key)


def table_frame(table: Table, titles: Mapping[str, str] | None = None) -> pd.DataFrame:
    """The cells as the command line prints them, models by their title; a single question's column is left out."""
    names = [question_heading(column) for column in table.columns]
    rows = [[question_shown(*pair) for pair in zip(row, table.columns, strict=True)] for row in table.rows]
    frame = pd.DataFrame(rows, columns=names)
    if "question" in frame and frame["question"].nunique() == 1:
        frame = frame.drop(columns="question")
    for column in {"model", "fusion"} & set(frame.columns):
        frame[column] = frame[column].map(lambda name: (titles or {}).get(name, name))
    return frame


def show_table(table: Table, titles: Mapping[str, str]) -> None:
    """The frame on the page."""
    st.dataframe(table_frame(table, titles), hide_index=True, width="stretch")
