"""Tables and reports as files: all of them, whole."""

from __future__ import annotations

import io
import zipfile

from retail.report.files import csv_zip, write_outputs
from retail.report.table_formats import as_csv
from retail.report.tables import all_tables
from tests.made_up_data import made_up_results
from tests.results_sample import sample_results


def test_files_are_written(tmp_path):
    files = write_outputs(made_up_results(), tmp_path / "csv", tmp_path / "tables.tex", tmp_path / "report.html")
    assert (tmp_path / "csv" / "conformal.csv") in files and all(path.stat().st_size for path in files)
    assert (tmp_path / "tables.tex").read_text().count(r"\toprule") == 15


def test_the_zip_holds_every_table_as_csv():
    with zipfile.ZipFile(io.BytesIO(csv_zip(sample_results()))) as archive:
        tables = {f"{table.name}.csv": as_csv(table) for table in all_tables(sample_results())}
        assert {name: archive.read(name).decode() for name in archive.namelist()} == tables
