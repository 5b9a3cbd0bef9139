"""Writes a comparison's results as CSV, LaTeX or HTML files.

In: results and the paths that were asked for. Out: files, each whole or not at all.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from retail.comparison.results import Results
from retail.files import whole_file
from retail.report.html import html_report
from retail.report.table_formats import Table, as_csv, as_latex
from retail.report.tables import all_tables

LATEX_HEAD = "% Needs \\usepackage{booktabs}.\n"


def latex_text(results: Results) -> str:
    """Every table as LaTeX, one after another."""
    return LATEX_HEAD + "\n\n".join(map(as_latex, all_tables(results))) + "\n"


def csv_zip(results: Results) -> bytes:
    """A ZIP with one CSV file a table."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for table in all_tables(results):
            archive.writestr(f"{table.name}.csv", as_csv(table))
    return stream.getvalue()


def write_outputs(
    results: Results, csv: Path | None = None, latex: Path | None = None, html: Path | None = None
) -> list[Path]:
    """`csv` is a folder that gets one file a table. Returns what was written."""
    tables = all_tables(results)
    files = _csv_files(tables, csv)
    if latex is not None:
        files[latex] = latex_text(results)
    if html is not None:
        files[html] = html_report(results)
    return _written(files)


def write_tables(tables: Sequence[Table], csv: Path | None) -> list[Path]:
    """One CSV file a table into a folder, where one is named. Returns what was written."""
    return _written(_csv_files(tables, csv))


def _csv_files(tables: Sequence[Table], folder: Path | None) -> dict[Path, str]:
    return {} if folder is None else {folder / f"{table.name}.csv": as_csv(table) for table in tables}


def _written(files: Mapping[Path, str]) -> list[Path]:
    for path, text in files.items():
        with whole_file(path) as partial:
            partial.write_text(text, encoding="utf-8")
    return list(files)
