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

__all__ = [
    "KINDS",
    "audit",
    "audit_tables",
    "audit_text",
    "controls_table",
    "counted",
    "listed_rows",
    "not_found",
    "rows_table",
]

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
        "findings": [
            asdict(finding) | {"n": len(finding.rows), "lines": [manifest.lines.get(name) for name in finding.rows]}
            for finding in findings
        ],
        "controls": controls,
        "limits": [] if embedded else ["No embeddings were given: look-alikes and shuffled inputs were not looked at."],
    }


def audit_tables(report: Mapping[str, Any]) -> list[Table]:
    """Findings, their products and the control, those that have rows."""
    tables = (findings_table(report), rows_table(report), controls_table(report))
    return [table for table in tables if table.rows]


def findings_table(report: Mapping[str, Any]) -> Table:
    """One line a finding, the gravest first."""
    rows = [[f["severity"], f["kind"], f["task"] or "all", f["n"], f["sentence"]] for f in report["findings"]]
    names_ = ("severity", "kind", "task", "products", "what was found")
    return Table("audit", "Leaks and shortcuts", [Column(name) for name in names_], rows)


def rows_table(report: Mapping[str, Any]) -> Table:
    """One line for each product of each finding, with its line in the table of the data."""
    rows = [
        [line, name, twin, f["severity"], f["kind"], f["task"] or "all", f["sentence"]]
        for f in report["findings"]
        for name, line, twin in zip(f["rows"], f["lines"], f["twins"] or [""] * f["n"], strict=True)
    ]
    names_ = ("line", "product", "copy of", "severity", "kind", "task", "what was found")
    return Table("audit_rows", "Products concerned", [Column(name) for name in names_], rows, printed=False)


def counted(report: Mapping[str, Any]) -> str:
    """'1 leak, 0 warnings, 2 notes'."""
    counts = {severity: sum(f["severity"] == severity for f in report["findings"]) for severity in SEVERITIES}
    return ", ".join(f"{count} {severity}{'s' * (count != 1)}" for severity, count in counts.items())


def not_found(report: Mapping[str, Any]) -> list[str]:
    """The kinds of leak that were looked for in vain."""
    return [check["kind"] for check in report["checks"] if not check["found"]]


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
    lines = [f"{len(KINDS)} kinds of leak were looked for in {report['data']['n']:,} products: {counted(report)}."]
    for finding in report["findings"]:
        lines.append(f"\n{finding['severity'].upper()} · {finding['kind']} · {finding['sentence']}")
        lines.append(f"  rows: {listed_rows(finding)}")
    if absent := not_found(report):
        lines.append(f"\nNot found: {', '.join(absent)}.")
    if report["controls"]:
        lines.append("\n" + as_text(controls_table(report)))
    return "\n".join([*lines, *report["limits"]])


def listed_rows(finding: Mapping[str, Any]) -> str:
    """'17 (line 4), 23 (line 9) and 12 more'."""
    pairs = list(zip(finding["rows"], finding["lines"], strict=True))
    said = [f"{name} (line {line})" if line and name != f"line-{line}" else name for name, line in pairs[:SHOWN_ROWS]]
    more = len(pairs) - SHOWN_ROWS
    return ", ".join(said) + (f" and {more:,} more" if more > 0 else "")
