"""A results file leads back to its data, and what ships names no folder of any machine."""

from __future__ import annotations

import json

from retail.comparison.sources import data_source, stored_path
from retail.dataset.manifest import read_manifest
from retail.files import DEMO_DIR, DEMO_RESULTS


def test_own_data_is_stored_with_its_folder_and_found_again(small_data):
    stored = stored_path(read_manifest(small_data))
    assert data_source({"data": {"name": "data", "path": stored}}) == small_data.resolve()


def test_the_demo_is_stored_by_name_and_found_on_any_machine():
    assert stored_path(read_manifest(DEMO_DIR)) == "demo"
    assert data_source({"data": {"name": "demo", "path": "demo"}}) == DEMO_DIR
    assert data_source(json.loads(DEMO_RESULTS.read_text(encoding="utf-8"))) == DEMO_DIR


def test_a_folder_that_is_gone_or_was_never_said_is_none(tmp_path):
    assert data_source({"data": {"name": "data", "path": str(tmp_path / "gone")}}) is None
    assert data_source({"data": {"name": "old"}}) is None
