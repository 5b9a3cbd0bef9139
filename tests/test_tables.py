"""Every table of a results file."""

from __future__ import annotations

from retail.report.tables import all_tables
from tests.made_up_data import made_up_results


def test_every_reading_has_its_table():
    names = {table.name for table in all_tables(made_up_results())}
    assert names == set(
        "accuracy differences settings dedicated calibration thresholds reliability coverage conformal attribution "
        "costs cascade hierarchy doctor subset_certainty".split()
    )
