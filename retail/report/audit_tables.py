"""The leak audit as tables and text.

In: an `AuditReport`. Out: `Table`s and what the terminal shows.
"""

from __future__ import annotations

from retail.audit.finding import KINDS, SEVERITIES
from retail.audit.report import AuditReport, LocatedFinding
from retail.report.table_formats import Cell, Column, Table, as_text

SHOWN_ROWS = 8  # ids that the terminal lists; the file has all


def audit_tables(report: AuditReport) -> list[Table]:
    """Findings, their products and the control, those that have rows."""
    tables = (findings_table(report), rows_table(report), controls_table(report))
    return [table for table in tables if table.rows]


def findings_table(report: AuditReport) -> Table:
    """One line a finding, the most severe first."""
    rows: list[list[Cell]] = [[f.severity, f.kind, f.task or "all", f.n, f.sentence] for f in report.findings]
    names_ = ("severity", "kind", "task", "products", "what was found")
    return Table("audit", "Leaks and shortcuts", [Column(name) for name in names_], rows)


def rows_table(report: AuditReport) -> Table:
    """One line for each product of each finding, with its line in the table of the data."""
    rows = [
        [line, name, twin, f.severity, f.kind, f.task or "all", f.sentence]
        for f in report.findings
        for name, line, twin in zip(f.rows, f.lines, f.twins or [""] * f.n, strict=True)
    ]
    names_ = ("line", "product", "copy of", "severity", "kind", "task", "what was found")
    return Table("audit_rows", "Products concerned", [Column(name) for name in names_], rows, printed=False)


def counted(report: AuditReport) -> str:
    """'1 leak, 0 warnings, 2 notes'."""
    counts = {severity: sum(f.severity == severity for f in report.findings) for severity in SEVERITIES}
    return ", ".join(f"{count} {severity}{'s' * (count != 1)}" for severity, count in counts.items())


def not_found(report: AuditReport) -> list[str]:
    """The kinds of leak that were not found."""
    return [check.kind for check in report.checks if not check.found]


def controls_table(report: AuditReport) -> Table:
    """Intact, shuffled and chance side by side."""
    columns = [Column("task"), Column("input"), Column("intact", "%"), Column("shuffled", "%"), Column("chance", "%")]
    rows: list[list[Cell]] = [
        [row.task, row.input, row.intact, row.shuffled, row.chance, row.n] for row in report.controls
    ]
    title = "Control: each input as it is and shuffled across products"
    note = "Guesses of a small cross-validated classifier; chance is the share of the most common class."
    return Table("controls", title, [*columns, Column("n")], rows, note)


def audit_text(report: AuditReport) -> str:
    """What the terminal shows: findings with their first rows, the control, and what was not found."""
    lines = [f"{len(KINDS)} kinds of leak were checked in {report.data.n:,} products: {counted(report)}."]
    for finding in report.findings:
        lines.append(f"\n{finding.severity.upper()} · {finding.kind} · {finding.sentence}")
        lines.append(f"  rows: {listed_rows(finding)}")
    if absent := not_found(report):
        lines.append(f"\nNot found: {', '.join(absent)}.")
    if report.controls:
        lines.append("\n" + as_text(controls_table(report)))
    return "\n".join([*lines, *report.limits])


def listed_rows(finding: LocatedFinding) -> str:
    """'17 (line 4), 23 (line 9) and 12 more'."""
    pairs = list(zip(finding.rows, finding.lines, strict=True))
    said = [f"{name} (line {line})" if line and name != f"line-{line}" else name for name, line in pairs[:SHOWN_ROWS]]
    more = len(pairs) - SHOWN_ROWS
    return ", ".join(said) + (f" and {more:,} more" if more > 0 else "")
