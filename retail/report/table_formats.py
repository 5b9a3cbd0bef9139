"""One table, three ways to write it: aligned text, CSV and LaTeX; the HTML report writes it in its template.

In: a `Table` of plain numbers with their units. Out: strings. CSV keeps every digit; the others round for reading.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from retail.escaping import in_cell, in_latex, in_line
from retail.wording import task_words

Unit = Literal["", "%", "points", "p", "ms", "MiB", "number"]


@dataclass(frozen=True)
class Estimate:
    """A value with its 95 % interval."""

    value: float
    low: float
    high: float


OF_TASKS = ("task", "child", "parent")  # columns that hold the names of tasks

Cell = str | int | float | None | Estimate


@dataclass(frozen=True)
class Column:
    """What a column is called and how its numbers are meant; shares are kept as fractions."""

    name: str
    unit: Unit = ""


@dataclass(frozen=True)
class Table:
    """`printed` tables are short enough for the terminal; the others appear in files only."""

    name: str  # of its file
    title: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    note: str = ""
    printed: bool = True


def _missing(cell: Cell) -> bool:
    return cell is None or (isinstance(cell, float) and math.isnan(cell))


def shown(cell: Cell, unit: Unit = "") -> str:
    """0.841 in % -> '84.1'; an interval follows in brackets; what could not be computed is a dash."""
    if isinstance(cell, str):
        return cell
    if cell is None or _missing(cell):
        return "–"
    if isinstance(cell, Estimate):
        return f"{shown(cell.value, unit)} [{shown(cell.low, unit)}, {shown(cell.high, unit)}]"
    if unit == "p":
        return "<0.001" if cell < 0.001 else f"{cell:.3f}"
    formats = {"": f"{cell:,}", "%": f"{100 * cell:.1f}", "points": f"{100 * cell:+.1f}", "ms": f"{1000 * cell:.0f}"}
    return formats.get(unit) or (f"{cell:.0f}" if unit == "MiB" else f"{cell:.3f}")


def exact(cell: Cell) -> str:
    """A number with every digit, an interval's without its ends; "" for text and for what could not be computed."""
    number = cell.value if isinstance(cell, Estimate) else cell
    return "" if isinstance(number, str) or _missing(number) else repr(number)


def heading(column: Column) -> str:
    """'accuracy, %'."""
    return f"{column.name}, {column.unit}" if column.unit in ("%", "points", "ms", "MiB") else column.name


def question_heading(column: Column) -> str:
    """As pages and reports head it: a task is a question there, and its name has no underscores."""
    return "question" if column.name == "task" else task_words(heading(column))


def question_shown(cell: Cell, column: Column) -> str:
    """As pages and reports show it: the name of a task without underscores."""
    words = shown(cell, column.unit)
    return task_words(words) if column.name in OF_TASKS else words


def _shown_rows(table: Table) -> list[list[str]]:
    return [[shown(cell, column.unit) for cell, column in zip(row, table.columns, strict=True)] for row in table.rows]


def as_text(table: Table) -> str:
    """Title, aligned columns and note."""
    rows = [[in_line(cell) for cell in row] for row in (map(heading, table.columns), *_shown_rows(table))]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join(filter(None, [in_line(table.title), *lines, in_line(table.note)]))


def as_csv(table: Table) -> str:
    """Every digit, fractions as fractions; an interval takes three columns."""
    wide = [any(isinstance(row[place], Estimate) for row in table.rows) for place in range(len(table.columns))]
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    names = [
        (c.name, f"{c.name} low", f"{c.name} high") if w else (c.name,)
        for c, w in zip(table.columns, wide, strict=True)
    ]
    writer.writerow([in_cell(name) for group in names for name in group])
    for row in table.rows:
        writer.writerow([value for cell, w in zip(row, wide, strict=True) for value in _csv_cells(cell, w)])
    return stream.getvalue()


def _csv_cells(cell: Cell, wide: bool) -> list[str]:
    if isinstance(cell, Estimate):
        return ["" if _missing(value) else repr(value) for value in (cell.value, cell.low, cell.high)]
    text = "" if _missing(cell) else in_cell(cell) if isinstance(cell, str) else repr(cell)
    return [text, "", ""] if wide else [text]


def as_latex(table: Table) -> str:
    """A booktabs table with caption and label."""
    texts = [all(isinstance(row[place], str) for row in table.rows) for place in range(len(table.columns))]
    lines = [
        r"\begin{table}",
        rf"\caption{{{in_latex(table.title + ('. ' + table.note if table.note else ''))}}}",
        rf"\label{{tab:{table.name}}}",
        rf"\begin{{tabular}}{{{''.join('l' if text else 'r' for text in texts)}}}",
        r"\toprule",
        " & ".join(in_latex(heading(column)) for column in table.columns) + r" \\",
        r"\midrule",
        *(" & ".join(map(in_latex, row)) + r" \\" for row in _shown_rows(table)),
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table}",
    ]
    return "\n".join(lines)
