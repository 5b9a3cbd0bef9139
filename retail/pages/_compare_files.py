"""Sections of Compare with every table, downloads, the strategies' sources, and several runs side by side.

In: a `View`. Out: tables and files on the page.
"""

from __future__ import annotations

import json
from collections.abc import Callable

import pandas as pd
import streamlit as st

from retail.evaluation.outputs import csv_zip, latex_text
from retail.evaluation.report import html_report
from retail.evaluation.tables import all_tables
from retail.evaluation.verdict import verdict
from retail.pages._compare_runs import View, read, results_files, titles
from retail.pages._words import plain, show_table

MOST_RUNS = 4


def draw_files(view: View) -> None:
    """Every table that the command line writes, and the whole of it as files."""
    results = view.results
    st.subheader("Every table, all tasks", anchor=False)
    tables = {table.title: table for table in all_tables(results)}
    table = tables[st.selectbox("Table", list(tables))]
    show_table(table, titles(view.results))
    if table.note:
        st.caption(table.note)
    st.subheader("Take it with you", anchor=False)
    name = f"retail-{view.run}"
    files: list[tuple[str, Callable[[], str | bytes], str, str]] = [
        ("Tables (CSV, zipped)", lambda: csv_zip(results), f"{name}-tables.zip", "application/zip"),
        ("Tables (LaTeX)", lambda: latex_text(results), f"{name}-tables.tex", "text/plain"),
        ("Report (HTML)", lambda: html_report(results), f"{name}-report.html", "text/html"),
        (
            "Results (JSON)",
            lambda: _for_others(results),
            f"{name}.json",
            "application/json",
        ),
    ]
    with st.container(horizontal=True):
        for label, make, file, mime in files:
            st.download_button(label, make, file, mime, on_click="ignore")
    st.caption("The HTML report is one file that opens without a network.")
    if protocol := results.get("protocol"):
        st.subheader("How the race was run", anchor=False)
        st.markdown("\n".join(f"- {rule}" for rule in protocol))
    with st.expander("What the strategies do, and where they come from"):
        for model in results["models"]:
            if model["kind"] == "fusion":
                st.markdown(f"**{model['title']}** ({model['level']} level). {model['summary']}  \n{model['source']}")


def _for_others(results: dict) -> str:
    """The results file without the folder on this machine, which is nobody else's business."""
    data = {key: value for key, value in results["data"].items() if key != "path"}
    return json.dumps({**results, "data": data}, ensure_ascii=False)


def draw_side_by_side(view: View) -> None:
    """Two to four runs: a verdict per task each."""
    files = results_files()
    st.subheader("Runs side by side", anchor=False)
    if len(files) < 2:
        st.info("There is only one run so far; run another comparison to set them side by side.")
        return
    others = [run for run in files if run != view.run]
    chosen = st.multiselect(
        "Runs", list(files), [view.run, others[0]], format_func=lambda run: files[run][0], max_selections=MOST_RUNS
    )
    if len(chosen) < 2:
        st.info("Choose at least two runs.")
        return
    rows = []
    for run in chosen:
        results = read(files[run][1])
        for task in results["tasks"]:
            rows.append({"run": files[run][0], "task": task} | _row(results, task))
    shared = [task for task in dict.fromkeys(r["task"] for r in rows) if sum(r["task"] == task for r in rows) > 1]
    rows.sort(key=lambda row: (row["task"] not in shared, row["task"]))
    st.dataframe(pd.DataFrame(rows), hide_index=True, width="stretch")
    sums = {read(files[run][1])["data"]["checksum"] for run in chosen}
    if len(sums) > 1:
        st.caption("These runs are on different data, so their accuracies cannot be compared.")
    for row in rows:
        if row["task"] in shared:
            st.markdown(f"- **{plain(row['run'])}**: {plain(verdict_of(files, row))}")


def verdict_of(files: dict, row: dict) -> str:
    """The sentence of one row."""
    path = next(path for title, path in files.values() if title == row["run"])
    return verdict(read(path), row["task"]).sentence


def _row(results: dict, task: str) -> dict[str, str]:
    words = {"yes": "fusion pays", "no": "fusion does not pay", "unclear": "cannot tell"}
    answer, chosen = verdict(results, task), results["selected"][task]
    accuracy = {r["model"]: r for r in results["scores"] if r["task"] == task and r["seed"] is None}
    best = max((r for r in accuracy.values() if r["kind"] == "single"), key=lambda r: r["accuracy"])
    fusion = accuracy[chosen.get("fusion", best["model"])]
    row = {"verdict": words[answer.kind], "n": f"{fusion['n']:,}"}
    for name, score in (("fusion, %", fusion), ("best single input, %", best)):
        low, high = 100 * score["accuracy_low"], 100 * score["accuracy_high"]
        row[name] = f"{100 * score['accuracy']:.1f} [{low:.1f}, {high:.1f}]"
    return row
