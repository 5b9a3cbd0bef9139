"""The leak audit as tables and text.

In: an `AuditReport`. Out: `Table`s and what the terminal shows.
"""

from __future__ import annotations

from retail.audit.duplicate_groups import DuplicateGroup
from retail.audit.finding import KINDS, SEVERITIES
from retail.audit.report import AuditReport, LocatedFinding
from retail.report.table_formats import Cell, Column, Table, as_text
from retail.wording import number_of, percent

SHOWN_ROWS = 8  # ids that the terminal lists; the file has all


def audit_tables(report: AuditReport) -> list[Table]:
    """Findings, their products and the control, those that have rows."""
    tables = (
        findings_table(report),
        rows_table(report),
        label_errors_table(report),
        duplicates_table(report),
        controls_table(report),
    )
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


def label_errors_table(report: AuditReport) -> Table:
    """One line for each label that is probably wrong, the surest first, with the decision that puts it right."""
    rows: list[list[Cell]] = [
        [
            e.row,
            e.task,
            e.given,
            e.suggested,
            e.probability,
            ", ".join(e.like_suggested),
            f"rows/{e.row}:{e.task}={e.suggested}",
        ]
        for e in report.label_errors
    ]
    columns = [Column(name) for name in ("product", "task", "label", "probably")]
    more = [Column(name) for name in ("nearest with that label", "to accept: --decide")]
    title = "Labels that are probably wrong"
    return Table("label_errors", title, [*columns, Column("probability", "%"), *more], rows, printed=False)


def duplicates_table(report: AuditReport) -> Table:
    """One line for each copy, with the row that would stay."""
    rows: list[list[Cell]] = [
        [
            copy,
            first,
            reasons(group),
            ", ".join(group.splits),
            ", ".join(group.conflicts),
            f"rows/{copy}=copy-of/{first}",
        ]
        for group in report.duplicates
        for first, *copies in (group.rows,)
        for copy in copies
    ]
    names_ = ("product", "probably the same as", "because of", "splits", "labels differ in", "to accept: --decide")
    return Table("duplicates", "Probably one product", [Column(name) for name in names_], rows, printed=False)


def reasons(group: DuplicateGroup) -> str:
    """'same photo, same text'."""
    return ", ".join(dict.fromkeys(one.reason for one in group.evidence))


def severities_words(report: AuditReport) -> str:
    """'1 leak, 0 warnings, 2 notes'."""
    counts = {severity: sum(f.severity == severity for f in report.findings) for severity in SEVERITIES}
    return ", ".join(number_of(count, severity) for severity, count in counts.items())


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
    lines = [
        f"{len(KINDS)} kinds of leak were checked in {number_of(report.data.n, 'product')}: {severities_words(report)}."
    ]
    for finding in report.findings:
        lines.append(f"\n{finding.severity.upper()} · {finding.kind} · {finding.sentence}")
        lines.append(f"  rows: {listed_rows(finding)}")
    if absent := not_found(report):
        lines.append(f"\nNot found: {', '.join(absent)}.")
    lines += ["", *suspicious_rows(report)]
    if report.controls:
        lines.append("\n" + as_text(controls_table(report)))
    return "\n".join([*lines, *report.limits])


def suspicious_rows(report: AuditReport) -> list[str]:
    """Labels that are probably wrong, and groups that are probably one product, the first of each."""
    errors, groups = report.label_errors, report.duplicates
    lines = [f"{len(errors):,} of {report.labels_judged:,} labels are probably wrong."] if report.labels_judged else []
    for error in errors[:SHOWN_ROWS]:
        said = f"{error.given!r}, probably {error.suggested!r} ({percent(error.probability)})"
        lines.append(f"  {error.row}: {error.task} {said}")
    conflicts = sum(bool(group.conflicts) for group in groups)
    lines.append(f"{len(groups):,} groups of rows are probably one product each; {conflicts:,} have unlike labels.")
    for group in groups[:SHOWN_ROWS]:
        unlike = f"; labels differ in {', '.join(group.conflicts)}" if group.conflicts else ""
        lines.append(f"  {', '.join(group.rows)}: {reasons(group)}{unlike}")
    if errors or groups:
        lines.append("Look at them side by side under Suspicious rows on the Data page; --csv lists all with --decide.")
    return lines


def listed_rows(finding: LocatedFinding) -> str:
    """'17 (line 4), 23 (line 9) and 12 more'."""
    pairs = list(zip(finding.rows, finding.lines, strict=True))
    said = [f"{name} (line {line})" if line and name != f"line-{line}" else name for name, line in pairs[:SHOWN_ROWS]]
    more = len(pairs) - SHOWN_ROWS
    return ", ".join(said) + (f" and {more:,} more" if more > 0 else "")
