"""The gallery of Data without a browser: found by words, class, split, input and problem; opened; labels mended."""

from __future__ import annotations

import pytest

from retail.dataset.reader import read_manifest
from retail.workspace import datasets
from tests.pages_driving import element, open_page, press, said

TABLE = (
    "id,image_file_name,text,kind,colour,split\n1,gone.png,a red tin,tin,red,train\n2,,a blue jar,jar,blue,train\n"
    "3,,a jar,jar,red,val\n4,,a tin of tea,tin,blue,test\n5,,a thing,,red,train\n6,,a blue tin,tin,blue,train\n"
)


@pytest.fixture(autouse=True)
def empty_home(tmp_path, monkeypatch):
    monkeypatch.setenv("RETAIL_HOME", str(tmp_path / "home"))


@pytest.fixture
def shop() -> datasets.Dataset:
    return datasets.add_upload("Shop", "shop.csv", TABLE.encode())


def shown(app) -> list[str]:
    """Ids of the cards."""
    return [item.label for item in app.button if str(item.key).startswith("open_gallery_")]


def narrow(app, label: str, value: str) -> list[str]:
    element(app, "selectbox", label).set_value(value).run()
    found = shown(app)
    element(app, "selectbox", label).set_value("any").run()
    return found


def test_products_are_found_by_words_of_any_order_class_split_input_and_problem(shop):
    app = open_page("data", dataset=shop.id)
    assert shown(app) == ["1", "2", "3", "4", "5", "6"] and "6 products" in said(app)
    element(app, "text_input", "Search").set_value("TIN blue").run()
    assert shown(app) == ["4", "6"] and "2 of 6 products" in said(app)
    element(app, "text_input", "Search").set_value("").run()
    assert narrow(app, "Class", "jar") == ["2", "3"]
    assert narrow(app, "Split", "test") == ["4"]
    assert narrow(app, "Inputs", "without a photo") == ["1", "2", "3", "4", "5", "6"]
    assert narrow(app, "Rows", "with a problem") == ["1"]
    assert narrow(app, "Rows", "without a label") == ["5"]
    assert narrow(app, "Inputs", "with a sound") == [] and shown(app) == ["1", "2", "3", "4", "5", "6"]


def test_what_fits_nothing_is_said_with_a_way_out(shop):
    app = open_page("data", dataset=shop.id)
    element(app, "text_input", "Search").set_value("elephant").run()
    assert "No product fits." in said(app) and shown(app) == []


def test_an_opened_product_shows_its_problem_and_a_changed_label_counts_and_can_be_taken_back(shop):
    app = press(open_page("data", dataset=shop.id), "1")
    assert "gone.png" in " ".join(item.value for item in app.warning)
    box = element(app, "selectbox", "Kind")
    assert (box.value, box.options) == ("tin", ["jar", "tin"])
    box.set_value("jar").run()
    assert not app.exception
    assert read_manifest(shop.path).products[0].labels["kind"] == "jar"
    assert element(app, "selectbox", "Kind").value == "jar" and "1: kind tin → jar" in said(app)
    press(app, "Undo")
    assert read_manifest(shop.path).products[0].labels["kind"] == "tin"
    press(app, "All products")
    assert shown(app) == ["1", "2", "3", "4", "5", "6"]


def test_a_missing_label_can_be_filled_in_and_is_listed_as_decided(shop):
    app = press(open_page("data", dataset=shop.id), "5")
    element(app, "selectbox", "Kind").set_value("jar").run()
    press(app, "All products")
    assert narrow(app, "Rows", "decided by you") == ["5"] and narrow(app, "Rows", "without a label") == []


def test_labels_of_the_demo_cannot_be_changed_and_its_pages_turn():
    app = open_page("data")
    first = shown(app)
    app.get("pagination")[0].set_value(25).run()
    assert "577 to 600 of 600 products" in said(app) and len(shown(app)) == 24 and shown(app) != first
    press(app, shown(app)[0])
    assert all(box.disabled for box in app.selectbox if box.label in ("Product", "Category"))
    assert "The demo is built in" in said(app)
