"""The tab Leaks of Data: look for leaks in a run of its own, then every finding with its products and how to fix it.

In: the chosen `Dataset` and its `Manifest`. Out: a button, progress, findings and their products on the page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from retail.components.data_cards import draw_cards
from retail.components.follow_run import draw_run, follow
from retail.components.read_data import Read
from retail.components.words import download, show_table
from retail.dataset.manifest import Manifest
from retail.dataset.summary import Repeat
from retail.escaping import plain
from retail.report.table_formats import as_csv
from retail.wording import number_of, task_words
from retail.workspace import audits, jobs
from retail.workspace.datasets import Dataset

if TYPE_CHECKING:
    from retail.audit.report import AuditReport, LocatedFinding

SEVERITY_WORDS = {"leak": "Leak", "warning": "Warning", "note": "Note"}
SHARING = 5  # products named that share one file
LISTED = 200  # products of a finding in the table; the file holds all
WHY = (
    "A model can look good on test products for the wrong reason: the same photo is also in training, the answer is "
    "written in the description, or one class alone was photographed in another size. The audit looks for six such "
    "reasons. A **leak** means that test accuracy cannot be trusted, a **warning** that it is probably too high, a "
    "**note** is something to know."
)


def draw_audit(dataset: Dataset, read: Read, places: Mapping[str, str]) -> None:
    """Files that several products share; then the newest audit: how far it is, or what it found."""
    manifest = read.manifest
    _draw_repeats(read.repeats)
    st.markdown(WHY)
    if not manifest.tasks:
        st.info("A leak gives a label away, and this data has none yet. Choose under Columns what to learn.")
        return
    job = audits.latest(dataset)
    state = jobs.status(job).state if job else ""
    if job is not None and state in jobs.UNFINISHED:
        follow(job, live=True)
        return
    found = audits.report(job) if job and state == "done" else None
    if job is not None and found is None:
        draw_run(job, links=False)
    words = "Look again" if found else "Look for leaks"
    if st.button(words, help="Takes seconds to minutes, and continues when you close this page."):
        audits.start(dataset)
        st.rerun()
    if found is not None:
        _draw_report(dataset, manifest, found, places)


def _draw_repeats(found: Sequence[Repeat]) -> None:
    leaks = [repeat for repeat in found if repeat.leaks]
    if leaks:
        st.warning(
            f"{number_of(len(leaks), 'file')} in more than one split: the test would look better than it is. Give the "
            "rows of each one group, or keep one of them."
        )
        rows = [(", ".join(repeat.products[:SHARING]), " and ".join(repeat.splits)) for repeat in leaks[:LISTED]]
        frame = pd.DataFrame(rows, columns=["products that share a file", "splits"])
        st.dataframe(frame, hide_index=True, width="stretch", alt="Products that share a file")
    elif found:
        st.caption(f"{number_of(len(found), 'file')} of several products each, always within one split.")
    else:
        st.caption("No photo or sound file appears twice.")


def _draw_report(dataset: Dataset, manifest: Manifest, report: AuditReport, places: Mapping[str, str]) -> None:
    from retail.report.audit_tables import controls_table, not_found, rows_table, severities_words

    if report.data.checksum != manifest.checksum:
        st.warning("The data has changed since this check: look again before you rely on it.")
    findings = report.findings
    st.markdown(
        f"**{severities_words(report)}** in {number_of(report.data.n, 'product')}; "
        f"learned: {plain(', '.join(map(task_words, report.tasks)))}."
    )
    for finding in findings:
        _draw_finding(finding)
    if absent := not_found(report):
        st.caption(plain(f"Not found: {', '.join(absent)}."))
    if findings:
        _draw_rows(manifest, findings, dataset.id, places)
        download("Findings as CSV", as_csv(rows_table(report)), "leaks.csv", "text/csv")
    if report.controls:
        with st.expander("Control: how much each input gives away, intact and shuffled"):
            table = controls_table(report)
            show_table(table, {})
            st.caption(plain(table.note))


def _draw_finding(finding: LocatedFinding) -> None:
    from retail.report.audit_tables import listed_rows

    box = {"leak": st.error, "warning": st.warning, "note": st.info}[finding.severity]
    head = f"**{SEVERITY_WORDS[finding.severity]}: {plain(_kind(finding))}.** {plain(finding.sentence)}"
    box(f"{head}\n\nProducts: {plain(listed_rows(finding))}.")


def _draw_rows(manifest: Manifest, findings: Sequence[LocatedFinding], key: str, places: Mapping[str, str]) -> None:
    """The products of one finding: their lines in the table, and cards."""
    place = st.selectbox(
        "Products of",
        range(len(findings)),
        index=None,
        key=f"finding_{key}",
        format_func=lambda number: _title(findings[number]),
        placeholder="Choose a finding",
    )
    if place is None:
        return
    finding = findings[place]
    known = {product.id: product for product in manifest.products}
    rows = [
        {"line": line, "product": name, "split": known[name].split if name in known else "no longer in the data"}
        for name, line in zip(finding.rows, finding.lines, strict=True)
    ]
    if len(rows) > LISTED:
        st.caption(f"The first {LISTED} of {len(rows):,} products; the CSV has all of them.")
    frame = pd.DataFrame(rows[:LISTED]).astype({"line": "Int64"})
    if finding.twins:
        frame["copy of"] = finding.twins[:LISTED]
    st.dataframe(frame, hide_index=True, width="stretch", alt=f"Products of {_title(finding)}")
    draw_cards([known[name] for name in finding.rows if name in known], places, f"{key}_{place}")


def _title(finding: LocatedFinding) -> str:
    task = f" · {task_words(finding.task)}" if finding.task else ""
    return f"{SEVERITY_WORDS[finding.severity]}: {_kind(finding)}{task} ({finding.n:,})"


def _kind(finding: LocatedFinding) -> str:
    return finding.kind.replace("text", "description")
