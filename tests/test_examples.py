"""Examples: rows of a recogniser's own data that it has not learned from."""

from __future__ import annotations

import shutil

from retail.build import train_recognizer
from retail.config import TrainConfig
from retail.dataset.reader import read_manifest
from retail.files import DEMO_BUNDLE, GROCERIES_BUNDLE
from retail.recognizer.bundle import save_bundle
from retail.schema import MODALITIES
from retail.workspace.demo import example_products
from retail.workspace.examples import examples_of
from retail.workspace.jobs import runs_folder
from retail.workspace.recognizers import RUN_BUNDLES
from retail.workspace.requests import TrainRequest, write_request


def test_the_demos_are_its_test_rows_with_all_inputs_and_the_groceries_are_real_products():
    assert examples_of(DEMO_BUNDLE) == example_products()
    groceries = examples_of(GROCERIES_BUNDLE)
    assert groceries[0].labels["product"] == "Banana" and groceries[0].modalities == MODALITIES
    assert all({"audio", "text"} <= set(row.modalities) for row in groceries)


def test_a_trained_recogniser_shows_its_own_test_rows_and_nothing_when_its_data_is_gone(
    small_data, tmp_path, monkeypatch
):
    monkeypatch.setenv("RETAIL_HOME", str(tmp_path))
    config, run = TrainConfig(strategy="concatenation", modalities=("text",), max_epochs=1), runs_folder() / "one"
    bundle = save_bundle(train_recognizer(small_data, ("drink",), config), run / RUN_BUNDLES / "concatenation")
    assert examples_of(bundle) == []  # nobody knows where its data is
    write_request(TrainRequest(data=small_data, tasks=("drink",), config=config, out=bundle), run)
    found = examples_of(bundle)
    test = {row.id for row in read_manifest(small_data, ("drink",)).in_split("test")}
    assert found and {row.id for row in found} <= test and all(row.text for row in found)
    shutil.rmtree(small_data)
    assert examples_of(bundle) == []


def test_a_copy_of_the_demo_has_the_demos_examples(tmp_path):
    assert examples_of(shutil.copytree(DEMO_BUNDLE, tmp_path / "copy")) == example_products()
