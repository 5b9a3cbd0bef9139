"""One table in three formats: what is shown, what is kept whole, what is made safe."""

from __future__ import annotations

import csv
import io
import math

import pytest

from retail.escaping import in_cell
from retail.report.findings import findings
from retail.report.table_formats import Column, Estimate, Table, as_csv, as_latex, as_text, exact, shown
from retail.report.tables import all_tables
from tests.results_sample import sample_results

TABLE = Table(
    "t",
    "A <title> & 5 %",
    [Column("na_me"), Column("accuracy", "%"), Column("p", "p"), Column("n")],
    [["=1+1", Estimate(0.84123456, 0.8, 0.9), 0.0001, 1200], ["<b>", None, 0.25, 3]],
)


@pytest.mark.parametrize(
    ("cell", "unit", "text"),
    [
        (0.8412, "%", "84.1"),
        (-0.0125, "points", "-1.2"),
        (0.0204, "ms", "20"),
        (1200, "", "1,200"),
        (86.7, "MiB", "87"),
        (0.03, "p", "0.030"),
        (None, "%", "–"),
        (math.nan, "%", "–"),
        (0, "%", "0.0"),
    ],
)
def test_numbers_are_shown_in_their_unit(cell, unit, text):
    assert shown(cell, unit) == text


def test_text_is_aligned():
    lines = as_text(TABLE).splitlines()
    assert lines[1].index("p") == lines[2].index("<0.001") or "84.1 [80.0, 90.0]" in lines[2]
    assert lines[1].split()[-1] == "n" and lines[2].endswith("1,200")


def test_csv_keeps_every_digit_and_runs_no_formula():
    rows = list(csv.reader(io.StringIO(as_csv(TABLE))))
    assert rows[0] == ["na_me", "accuracy", "accuracy low", "accuracy high", "p", "n"]
    assert rows[1] == ["'=1+1", "0.84123456", "0.8", "0.9", "0.0001", "1200"]
    assert rows[2] == ["<b>", "", "", "", "0.25", "3"]
    assert in_cell("=HYPERLINK(1)") == "'=HYPERLINK(1)" and in_cell("oat") == "oat"


def test_latex_is_escaped():
    latex = as_latex(TABLE)
    assert r"\& 5 \%" in latex and r"na\_me" in latex and r"\begin{tabular}{lrrr}" in latex
    assert r"84.1 [80.0, 90.0] & <0.001 & 1,200 \\" in latex


@pytest.mark.parametrize(
    ("cell", "digits"),
    [(0.84123456, "0.84123456"), (Estimate(0.5, 0.4, 0.6), "0.5"), (0, "0"), ("tea", ""), (None, ""), (math.nan, "")],
)
def test_a_number_is_kept_with_every_digit(cell, digits):
    assert exact(cell) == digits


def test_results_cut_to_one_task_hold_nothing_of_the_others():
    cut = sample_results().of_task("brand")
    assert all(
        "product" not in str(row[0]) for table in all_tables(cut) if table.name != "hierarchy" for row in table.rows
    )
    assert {table.name for table in all_tables(cut)} == {table.name for table in all_tables(sample_results())}
    assert set(findings(sample_results().of_task("product"))) & set(findings(sample_results()))
