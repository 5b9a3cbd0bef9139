"""A results file leads back to its data, and what ships names no folder of any machine."""

from __future__ import annotations

from retail.comparison.result_rows import DataFacts
from retail.comparison.results import read_results
from retail.comparison.sources import data_source, stored_path
from retail.dataset.reader import read_manifest
from retail.files import DEMO_DIR, DEMO_RESULTS


def facts(path: str | None) -> DataFacts:
    return DataFacts(name="demo", path=path, checksum="0", n_train=1, n_val=1, n_test=1)


def test_own_data_is_stored_with_its_folder_and_found_again(small_data):
    stored = stored_path(read_manifest(small_data))
    assert data_source(facts(stored)) == small_data.resolve()


def test_the_demo_is_stored_by_name_and_found_on_any_machine():
    assert stored_path(read_manifest(DEMO_DIR)) == "demo"
    assert data_source(facts("demo")) == DEMO_DIR
    assert data_source(read_results(DEMO_RESULTS).data) == DEMO_DIR


def test_a_folder_that_is_gone_or_was_never_said_is_none(tmp_path):
    assert data_source(facts(str(tmp_path / "gone"))) is None
    assert data_source(facts(None)) is None
