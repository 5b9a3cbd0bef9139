"""The way to a recogniser of one's own: three steps on an empty home, the next one marked, gone when it is walked."""

from __future__ import annotations

import shutil

import pytest

from retail.components import steps
from retail.components.mark import NAME, mark, wordmark
from retail.files import DEMO_BUNDLE
from retail.workspace import datasets, recognizers
from tests.pages_driving import open_page, press


@pytest.fixture(autouse=True)
def empty_home(tmp_path, monkeypatch):
    monkeypatch.setenv("RETAIL_HOME", str(tmp_path / "home"))
    steps._there.clear()


def shown(app) -> list[str]:
    return [item.proto.label for item in app.sidebar.get("page_link")]


def test_an_empty_home_shows_three_steps_and_own_data_moves_the_mark(small_data):
    app = open_page("runs")
    assert shown(app) == ["1. Add your data (next)", "2. Make a recogniser", "3. Recognise your products"]
    datasets.add_folder("Small", small_data)
    steps._there.clear()
    assert shown(app.run()) == ["1. Add your data (done)", "2. Make a recogniser (next)", "3. Recognise your products"]


def test_the_steps_are_gone_once_a_recogniser_is_there():
    shutil.copytree(DEMO_BUNDLE, recognizers.imported_folder() / "mine")
    assert shown(open_page("runs")) == []


def test_own_data_lead_to_train_by_the_primary_button(small_data):
    added = datasets.add_folder("Small", small_data)
    app = open_page("data", dataset=added.id)
    button = next(item for item in app.button if item.label == "Make a recogniser")
    assert button.proto.type == "primary"
    press(app, "Make a recogniser")
    assert app.title[0].value == "Train"


def test_the_mark_is_a_picture_of_its_own_in_both_shapes():
    assert mark().startswith("<svg ") and mark().endswith("</svg>") and NAME in wordmark()
    assert mark().count("<circle") == wordmark().count("<circle") == 4
