"""Sections of Compare with every table, downloads, the rules of the race and the methods' sources.

In: a `View`. Out: tables and files on the page.
"""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from retail.components.compare_runs import View
from retail.components.words import download, show_table
from retail.escaping import plain
from retail.fusion import strategies
from retail.report.files import csv_zip, latex_text
from retail.report.html import html_report
from retail.report.tables import all_tables


def draw_files(view: View) -> None:
    """Every table that the command line writes, and the whole of it as files."""
    results = view.results
    tables = {table.title: table for table in all_tables(results)}
    table = tables[st.selectbox("Table, of all questions", list(tables))]
    show_table(table, results.titles)
    if table.note:
        st.caption(plain(table.note))
    st.subheader("Downloads", anchor=False)
    name = f"retail-{view.run}"
    files: list[tuple[str, Callable[[], str | bytes], str, str]] = [
        ("Tables (CSV, zipped)", lambda: csv_zip(results), f"{name}-tables.zip", "application/zip"),
        ("Tables (LaTeX)", lambda: latex_text(results), f"{name}-tables.tex", "text/plain"),
        ("Report (HTML)", lambda: html_report(results), f"{name}-report.html", "text/html"),
        ("Results (JSON)", lambda: results.for_others().as_json(), f"{name}.json", "application/json"),
    ]
    with st.container(horizontal=True):
        for label, content, file, mime in files:
            download(plain(label), content, file, mime)
    st.caption("The HTML report is one file that opens without a network.")


def draw_protocol(view: View) -> None:
    """The rules of the race, and the fusion methods with their sources."""
    st.markdown("\n".join(f"- {plain(rule)}" for rule in view.results.protocol))
    known = strategies()
    for model in view.results.models:
        if model.kind == "fusion":
            # The address of a source is a link where it is one of our own methods.
            source = known[model.model].source if model.model in known else plain(model.source)
            words = f"**{plain(model.title)}** ({plain(model.level)} level). {plain(model.summary)}"
            st.markdown(f"{words}  \n{source}")
