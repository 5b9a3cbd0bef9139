"""The findings of the fusion doctor as tables and text.

In: the `Diagnosis` of `comparison.doctor_visit.visit`. Out: `Table`s and what the terminal shows.
"""

from __future__ import annotations

from retail.comparison.doctor_rows import Diagnosis
from retail.report.table_formats import Column, Estimate, Table, as_text
from retail.report.tables import Rows, doctor_table
from retail.wording import INPUT_WORDS


def doctor_tables(found: Diagnosis) -> list[Table]:
    """Inputs, complementarity and plain concatenation, those that have rows."""
    tables = (doctor_table(found), complementarity_table(found), concatenation_table(found))
    return [table for table in tables if table.rows]


def complementarity_table(found: Diagnosis) -> Table:
    """How often all, one or no input alone is right, and the ceiling of choosing among them."""
    rows: Rows = [
        [
            row.task,
            INPUT_WORDS[row.best],
            row.best_accuracy,
            row.fusion,
            row.oracle,
            row.oracle_by_luck,
            row.all_right,
            row.exactly_one,
            row.none_right,
            row.n,
        ]
        for row in found.complementarity
    ]
    names = ("its accuracy", "fusion", "ceiling", "ceiling by chance", "all right", "exactly one", "none right")
    columns = [Column("task"), Column("best input"), *(Column(name, "%") for name in names), Column("n")]
    note = (
        "Ceiling: at least one input alone is right. A fusion that combines evidence may exceed it; by chance: with "
        "the other inputs' answers shuffled."
    )
    return Table("complementarity", "Do the inputs complement each other?", columns, rows, note)


def concatenation_table(found: Diagnosis) -> Table:
    """A plain linear head side by side, as they are and standardised, against the best input alone."""
    rows: Rows = [
        [
            row.task,
            row.head,
            row.accuracy,
            INPUT_WORDS[row.best],
            row.best_accuracy,
            Estimate(row.difference, row.low, row.high),
            row.n,
        ]
        for row in found.concatenation
    ]
    columns = [Column("task"), Column("side by side"), Column("accuracy", "%"), Column("best alone")]
    columns += [Column("its accuracy", "%"), Column("difference", "points"), Column("n")]
    return Table("concatenation", "A plain linear head on embeddings of different lengths", columns, rows)


def doctor_text(found: Diagnosis) -> str:
    """Findings with their remedies, then the measurements."""
    lines = [f"{f.kind}: {f.sentence}\n  Remedy: {f.remedy}" for f in found.findings]
    said = "\n".join(lines) or "Nothing found: no input is drowned out, dominates, lags behind or repeats another."
    return "\n\n".join([said, *(as_text(table) for table in doctor_tables(found))])
