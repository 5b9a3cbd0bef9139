"""Recognisers on the shelf: the demo is always there, runs and imports join it under titles of their own."""

from __future__ import annotations

import json

from retail.config import home
from retail.jobs import runs_folder
from retail.shelf import DEMO_TITLE, RUN_BUNDLES, imported_folder, recognizers


def make_bundle(folder, strategy="gated"):
    folder.mkdir(parents=True)
    (folder / "bundle.json").write_text(json.dumps({"strategy": strategy}))


def test_demo_runs_and_imports_stand_side_by_side_under_unique_titles(tmp_path, monkeypatch):
    monkeypatch.setenv("RETAIL_HOME", str(tmp_path))
    for run in ("20260101-000000-aaaa", "20260102-000000-bbbb"):
        make_bundle(runs_folder() / run / RUN_BUNDLES / "gated")
        (runs_folder() / run / "job.json").write_text(json.dumps({"title": "Shoes", "pid": 0}))
    make_bundle(imported_folder() / "hats", "attention")
    found = recognizers()
    assert list(found)[0] == DEMO_TITLE
    assert found["Shoes · gated"].parts[-3] == "20260102-000000-bbbb"
    assert found["Shoes · gated (20260101-000000-aaaa)"].is_relative_to(home())
    assert found["Imported: hats"] == imported_folder() / "hats"
