"""The leak audit: six ways in which a data set gives its labels away, looked for one by one.

In: a `Manifest` and, for look-alikes and the shuffled control, embeddings. Out: a JSON-ready report with findings.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from retail.evaluation.audit.control import shuffled_control
from retail.evaluation.audit.duplicates import near_duplicates
from retail.evaluation.audit.finding import KINDS, SEVERITIES, Audited, Finding
from retail.evaluation.audit.names import codes, names
from retail.evaluation.audit.shortcuts import shortcuts
from retail.evaluation.audit.texts import constant_text, label_words
from retail.evaluation.splits import with_validation
from retail.evaluation.table_formats import Column, Table, as_text
from retail.manifest import Manifest
from retail.schema import MODALITIES, Progress, UserError
from retail.store import EmbeddingBatch

__all__ = ["KINDS", "audit", "audit_tables", "audit_text"]

FORMAT = "retail-audit/1"
SHOWN_ROWS = 8  # ids that the terminal lists; the file has all


def audit(
    manifest: Manifest, embedded: EmbeddingBatch | None = None, progress: Progress | None = None
) -> dict[str, Any]:
    """Runs every check over all rows; `embedded` holds the rows of the manifest in their order.

    Raises UserError when the data has no label column.
    """
    if not manifest.tasks:
        raise UserError("An audit needs labels to look for; name label columns with --tasks.")
    data = Audited(
        manifest.root,
        with_validation(manifest.products),
        manifest.tasks,
        {m: embedded.embeddings[m].numpy() for m in MODALITIES if m in embedded.embeddings} if embedded else {},
        {m: embedded.present[m].numpy() for m in MODALITIES if m in embedded.present} if embedded else {},
    )
    checks: Mapping[str, Callable[[Audited], list[Finding]]] = {
        "constant text": constant_text,
        "label words": label_words,
        "names": lambda data: names(data) + codes(data),
        "near-duplicates": near_duplicates,
        "shortcut": shortcuts,
    }
    findings: list[Finding] = []
    for done, check in enumerate(checks.values(), start=1):
        findings += check(data)
        if progress:
            progress("auditing", done, len(KINDS))
    controlled, controls = shuffled_control(data)
    findings += controlled
    if progress:
        progress("auditing", len(KINDS), len(KINDS))
    findings.sort(key=lambda finding: SEVERITIES.index(finding.severity))
    found = {finding.kind for finding in findings}
    return {
        "format": FORMAT,
        "data": {"name": manifest.title, "checksum": manifest.checksum, "n": len(data.products)},
        "tasks": list(manifest.tasks),
        "checks": [{"kind": kind, "looks_for": words, "found": kind in found} for kind, words in KINDS.items()],
        "findings": [asdict(finding) | {"n": len(finding.rows)} for finding in findings],
        "controls": controls,
        "limits": [] if embedded else ["No embeddings were given: look-alikes and shuffled inputs were not looked at."],
    }


def audit_tables(report: Mapping[str, Any]) -> list[Table]:
    """Findings and control, those that have rows."""
    return [table for table in (findings_table(report), controls_table(report)) if table.rows]


def findings_table(report: Mapping[str, Any]) -> Table:
    """One line a finding, the gravest first."""
    rows = [[f["severity"], f["kind"], f["task"] or "all", f["n"], f["sentence"]] for f in report["findings"]]
    names_ = ("severity", "kind", "task", "products", "what was found")
    return Table("audit", "Leaks and shortcuts", [Column(name) for name in names_], rows)


def controls_table(report: Mapping[str, Any]) -> Table:
    """Intact, shuffled and chance side by side."""
    keys = ("task", "input", "intact", "shuffled", "chance", "n")
    columns = [Column("task"), Column("input"), Column("intact", "%"), Column("shuffled", "%"), Column("chance", "%")]
    rows = [[row[key] for key in keys] for row in report["controls"]]
    title = "Control: each input as it is and shuffled across products"
    note = "Guesses of a small cross-validated classifier; chance is the share of the commonest class."
    return Table("controls", title, [*columns, Column("n")], rows, note)


def audit_text(report: Mapping[str, Any]) -> str:
    """What the terminal shows: findings with their first rows, the control, and what was looked for in vain."""
    findings = report["findings"]
    counts = {severity: sum(f["severity"] == severity for f in findings) for severity in SEVERITIES}
    said = ", ".join(f"{count} {severity}{'s' * (count != 1)}" for severity, count in counts.items())
    lines = [f"{len(KINDS)} kinds of leak were looked for in {report['data']['n']:,} products: {said}."]
    for finding in findings:
        lines.append(f"\n{finding['severity'].upper()} · {finding['kind']} · {finding['sentence']}")
        lines.append(f"  rows: {_listed(finding['rows'])}")
    absent = [check["kind"] for check in report["checks"] if not check["found"]]
    if absent:
        lines.append(f"\nNot found: {', '.join(absent)}.")
    if report["controls"]:
        lines.append("\n" + as_text(controls_table(report)))
    return "\n".join([*lines, *report["limits"]])


def _listed(rows: list[str]) -> str:
    more = len(rows) - SHOWN_ROWS
    return ", ".join(rows[:SHOWN_ROWS]) + (f" and {more:,} more" if more > 0 else "")
