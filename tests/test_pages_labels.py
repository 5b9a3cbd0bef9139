"""The label desk on the Data page without a browser: every decision is shown, kept, changes the data and goes back."""

from __future__ import annotations

import pytest

from retail.dataset.reader import read_manifest
from retail.workspace import datasets
from tests.pages_driving import element, open_page, press, said

TAGS = ("organic|vegan", "vegan|organic", "organic", "vegan", "sale|organic", "sale")


@pytest.fixture(autouse=True)
def empty_home(tmp_path, monkeypatch):
    monkeypatch.setenv("RETAIL_HOME", str(tmp_path / "home"))


def shop() -> datasets.Dataset:
    """60 products with spellings, words for nothing, a typing error, lists, prices, and a product number used twice."""
    lines = ["sku,description,brand,tags,price,country"]
    for row in range(60):
        brand = ("Nike", "NIKE", "Puma", "Pumma", "N/A", "Nike")[row % 6]
        lines.append(f"{row},a thing {row},{brand},{TAGS[row % 6]},{row}.{row % 9}9,SE")
    return datasets.add_upload("Shop", "shop.csv", "\n".join(lines).encode())


@pytest.fixture
def desk():
    added = shop()
    return added, open_page("data", tab="Labels", dataset=added.id)


def classes(added: datasets.Dataset, task: str) -> set[str]:
    return {label for row in read_manifest(added.path).products if (label := row.labels.get(task, ""))}


def column(app, name: str):
    element(app, "selectbox", "Label column").set_value(name).run()
    assert not app.exception, app.exception
    return app


def test_spellings_are_joined_and_shown_and_can_be_kept_apart_and_joined_again(desk):
    added, app = desk
    column(app, "brand")
    table = next(item.value for item in app.dataframe if "written as" in item.value)
    assert table.iloc[0].tolist() == ["Nike", 30, "Nike (20), NIKE (10)"]
    assert "**3 classes.** 2 spellings of 1 class were joined." in said(app)
    before = read_manifest(added.path).checksum
    element(app, "toggle", "Keep spellings apart").set_value(True).run()
    assert classes(added, "brand") == {"Nike", "NIKE", "Puma", "Pumma"}
    assert read_manifest(added.path).checksum != before
    element(app, "toggle", "Keep spellings apart").set_value(False).run()
    assert classes(added, "brand") == {"Nike", "Puma", "Pumma"}
    assert read_manifest(added.path).checksum == before


def test_words_for_nothing_are_counted_and_may_be_a_class(desk):
    added, app = desk
    column(app, "brand")
    assert "A word for “nothing” stands in 10 cells: “N/A” (10)." in said(app)
    element(app, "toggle", "Count them as a class").set_value(True).run()
    assert "N/A" in classes(added, "brand")
    element(app, "toggle", "Count them as a class").set_value(False).run()
    assert "N/A" not in classes(added, "brand")


def test_near_spellings_are_offered_joined_by_a_button_and_parted_by_another(desk):
    added, app = desk
    column(app, "brand")
    assert "Pumma (10) → Puma (10), one letter" in said(app)
    press(app, "Join")
    assert classes(added, "brand") == {"Nike", "Puma"} and "Pumma → Puma" in said(app)
    press(app, "Undo")
    assert classes(added, "brand") == {"Nike", "Puma", "Pumma"} and "Joined by you" not in said(app)


def test_cells_with_several_labels_are_a_choice_of_three(desk):
    added, app = desk
    column(app, "tags")
    assert "Two or more labels stand in 30 cells, joined by '|'" in said(app).replace("\\", "")
    choice = element(app, "radio", "Several labels")
    assert choice.value == "together" and len(classes(added, "tags")) == 6
    choice.set_value("first").run()
    assert classes(added, "tags") == {"organic", "vegan", "sale"}
    element(app, "radio", "Several labels").set_value("each").run()
    assert set(read_manifest(added.path).tasks) == {"brand", "tags: organic", "tags: vegan", "tags: sale"}
    assert "3 questions." in said(app)
    element(app, "radio", "Several labels").set_value("together").run()
    assert len(classes(added, "tags")) == 6


def test_a_column_that_is_no_question_says_why_and_can_be_learned_all_the_same(desk):
    added, app = desk
    assert "price: it holds prices" in said(app) and "country: it has one value only" in said(app)
    assert [item.label for item in app.button].count("Learn it") == 1
    press(app, "Learn it")
    assert set(read_manifest(added.path).tasks) == {"brand", "tags", "price"}
    assert "price: it holds prices" not in said(app)


def test_no_sentence_of_the_page_names_an_option_of_the_command_line(desk):
    added, app = desk
    noted = " ".join(map(str, read_manifest(added.path).remarks))
    assert "--decide" in noted and "--tasks" in noted and "--" not in said(app)


def test_rows_of_one_number_with_other_photos_become_one_product_and_rows_again(tmp_path, small_data):
    photos = sorted((small_data / "images").iterdir())[:24]
    rows = [f"{n // 2},{photo},{'ab'[n // 2 % 2]}" for n, photo in enumerate(photos)]
    (tmp_path / "shop.csv").write_text("\n".join(["id,photo,kind", *rows]))
    added = datasets.add_folder("Shop", tmp_path / "shop.csv")
    app = open_page("data", tab="Labels", dataset=added.id)
    assert "12 products have several rows with other photos" in said(app) and "**24 usable products" in said(app)
    press(app, "Join into one product with several photos")
    assert "**12 usable products" in said(app)
    assert all(len(product.images) == 2 for product in read_manifest(added.path).products)
    press(app, "Count every row as a product")
    assert "**24 usable products" in said(app)


def test_the_desk_of_the_demo_is_read_only():
    app = open_page("data", tab="Labels")
    assert "The demo is built in, so nothing can be decided" in said(app)
    columns = element(app, "selectbox", "Label column").options
    assert len(columns) == 4 and not any(item.label == "Join" for item in app.button if not item.disabled)
