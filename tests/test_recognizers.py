"""Recognisers of this machine: the demo is always there, runs and imports join it under titles of their own."""

from __future__ import annotations

import json
from pathlib import Path

from retail.config import CompareConfig
from retail.files import DEMO_BUNDLE, DEMO_DIR, DEMO_TASKS, GROCERIES_BUNDLE, GROCERIES_NAME, home
from retail.recognizer.bundle import read_record
from retail.workspace.datasets import DEMO_NAME
from retail.workspace.jobs import runs_folder
from retail.workspace.recognizers import (
    RUN_BUNDLES,
    accuracies_on_test,
    imported_folder,
    measured_on,
    of_demo,
    recognizers,
    title_of,
    training_data,
)
from retail.workspace.requests import CompareRequest, write_request
from tests.bundle_sample import write_best_report
from tests.results_sample import N_TEST, sample_json


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
    assert list(found)[:2] == [DEMO_NAME, GROCERIES_NAME]
    assert found["Shoes · gated"].parts[-3] == "20260102-000000-bbbb"
    assert found["Shoes · gated (20260101-000000-aaaa)"].is_relative_to(home())
    assert found["Imported: hats"] == imported_folder() / "hats"
    assert {title_of(folder): folder for folder in found.values()} == found
    assert title_of(tmp_path) == ""


def test_a_recogniser_leads_back_to_its_data_and_its_measured_accuracy(tmp_path, monkeypatch):
    monkeypatch.setenv("RETAIL_HOME", str(tmp_path))
    assert training_data(DEMO_BUNDLE) == (DEMO_DIR, "text")
    assert set(accuracies_on_test(DEMO_BUNDLE, "concatenation")) == set(DEMO_TASKS)
    run = runs_folder() / "one"
    bundle = run / RUN_BUNDLES / "gated"
    make_bundle(bundle)
    assert training_data(bundle) is None and accuracies_on_test(bundle, "gated") == {}
    config = CompareConfig(tasks=("hat",), text_column="title")
    write_request(CompareRequest(data=Path("/data/hats.zip"), config=config), run)
    (run / "results.json").write_text(json.dumps(sample_json()))
    assert training_data(bundle) == (Path("/data/hats.zip"), "title")
    assert accuracies_on_test(bundle, "gated") == {"product": (0.84, N_TEST), "brand": (0.7, N_TEST)}
    assert accuracies_on_test(bundle, "attention") == {}
    write_best_report(bundle)  # a search tested what it kept
    assert accuracies_on_test(bundle, "linear") == {"kind": (0.8, 60)}
    assert measured_on(bundle) == "its own test products, scored once"


def test_the_groceries_are_real_and_bring_their_own_figures_but_no_photos():
    assert len(read_record(GROCERIES_BUNDLE).tasks["product"]) == 81 and not of_demo(GROCERIES_BUNDLE)
    assert training_data(GROCERIES_BUNDLE) is None
    measured = accuracies_on_test(GROCERIES_BUNDLE, "concatenation")
    assert set(measured) == set(read_record(GROCERIES_BUNDLE).tasks) and measured_on(GROCERIES_BUNDLE) != measured_on(
        DEMO_BUNDLE
    )
    said = (Path(__file__).parents[1] / "benchmarks" / "groceries.md").read_text(encoding="utf-8")
    for accuracy, n in measured.values():
        assert f"{100 * accuracy:.1f} %" in said and f"{n:,} photos" in said
