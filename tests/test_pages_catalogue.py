"""The Catalogue page without a browser: find, open, edit, merge, remove, add with a forecast, import, export."""

from __future__ import annotations

import csv
import io
from types import SimpleNamespace

import pytest

from retail.catalogue.choice import OWN, catalogue_of
from retail.catalogue.database import Catalogue
from retail.catalogue.places import names
from retail.catalogue.record import CatalogueProduct
from retail.catalogue.shelf import Shelf
from retail.files import DEMO_BUNDLE, GROCERIES_NAME
from retail.pages import _catalogue_shelf
from retail.pages._catalogue_export import _maker
from retail.pages._catalogue_search import A_PAGE
from retail.schema import Match, Product
from retail.workspace import datasets
from tests.conftest import photo
from tests.pages_driving import element, open_page, press, said

pytestmark = pytest.mark.usefixtures("empty_home")


@pytest.fixture(autouse=True)
def quick_shelf(monkeypatch):
    """Embedding the demo's training rows would take a minute; the forecast itself has tests of its own."""
    monkeypatch.setattr(_catalogue_shelf, "_learned", lambda *_: [])  # not what it calls, whose answer it would keep

    def foresee(shelf, product, name):
        match = Match(shelf.products[0].id, shelf.products[0].name, {}, 0.4, {})
        return SimpleNamespace(
            sentence=f"About 8 of 10 photos of {name} would be recognised.", confused_with=[(match, 0.2)]
        )

    monkeypatch.setattr(Shelf, "foresee", foresee, raising=False)


@pytest.fixture
def shop(tmp_path) -> Catalogue:
    """An apple with a photo, a tea with words; `*` in a name is no markdown."""
    photo(tmp_path / "apple.png", "green")
    shop = Catalogue.open(OWN)
    apple = CatalogueProduct("apple", "Granny *Smith*", {"category": "fruit"}, {"sku": "1", "price": "0.50"})
    tea = CatalogueProduct("tea", "Green tea", {"category": "tea"}, {"sku": "2", "price": "2.49"})
    shop.add([(apple, Product.of(image=tmp_path / "apple.png")), (tea, Product.of(text="twenty bags"))])
    return shop


def titles(app) -> list[str]:
    return [button.label for button in app.button if (button.key or "").startswith("open_gallery")]


def opened(app, product_id: str):
    app.query_params["product"] = product_id
    app.run()
    assert not app.exception, app.exception
    return app


def test_an_empty_catalogue_says_what_to_do():
    app = open_page("catalogue")
    assert "This catalogue has no products yet. **Import** takes them from a data set" in said(app)
    box = element(app, "selectbox", "Catalogue")
    assert (box.value, box.options) == (OWN, [GROCERIES_NAME, OWN])
    assert "answers with this catalogue" in said(app)


def test_products_are_cards_with_name_labels_fields_and_what_shows_them(shop):
    app = open_page("catalogue")
    assert titles(app) == ["Granny \\*Smith\\*", "Green tea"]
    assert "**2 products**: 1 photo, 1 description" in said(app)
    assert "fruit · sku 1 · price 0.50" in said(app) and "“twenty bags”" in said(app)
    assert "2 products, by name." in said(app)


def test_many_products_come_a_page_at_a_time_and_a_search_begins_at_its_first(shop):
    shop.add([(CatalogueProduct(f"p{n:03}", f"box {n:03}"), Product.of(text=f"box {n}")) for n in range(2 * A_PAGE)])
    app = open_page("catalogue")
    assert len(titles(app)) == A_PAGE and "50 products, by name." in said(app)
    app = app.get("pagination")[0].set_value(3).run()
    assert titles(app) == ["Granny \\*Smith\\*", "Green tea"]
    app = element(app, "text_input", "Search").set_value("tea").run()
    assert not app.exception and titles(app)[0] == "Green tea"


def test_words_that_fit_come_first_and_filters_narrow(shop):
    app = open_page("catalogue")
    app = element(app, "text_input", "Search").set_value("bags").run()
    assert titles(app)[0] == "Green tea" and "words fit" in said(app)
    app = element(app, "text_input", "Search").set_value("").run()
    app = element(app, "selectbox", "Field").set_value("category").run()
    app = element(app, "selectbox", "Value").set_value("fruit").run()
    assert titles(app) == ["Granny \\*Smith\\*"] and "Only category fruit." in said(app)
    app = element(app, "selectbox", "Field").set_value("price").run()
    app = element(app, "slider", "price").set_range(2.0, 2.49).run()
    assert titles(app) == ["Green tea"] and "Only price 2 to 2.49." in said(app)


def test_a_photo_finds_its_product_and_is_taken_away_again(shop, tmp_path):
    app = open_page("catalogue")
    box = next(item for item in app.get("file_uploader") if item.key.startswith("given_search"))
    box.set_value([("shot.png", (tmp_path / "apple.png").read_bytes(), "image/png")])
    app.run()
    assert not app.exception, app.exception
    assert titles(app)[0] == "Granny \\*Smith\\*" and "photo similarity 1.00" in said(app)
    app = press(app, "Clear")
    assert "2 products, by name." in said(app)


def test_a_file_that_is_no_photo_is_refused_by_name(shop):
    app = open_page("catalogue")
    box = next(item for item in app.get("file_uploader") if item.key.startswith("given_search"))
    box.set_value([("broken.png", b"no photo", "image/png")])
    app.run()
    assert "broken.png" in said(app) and "2 products, by name." in said(app)


def test_a_product_is_edited_and_an_emptied_field_goes(shop):
    app = press(open_page("catalogue"), "Granny")
    assert app.query_params["product"] in ("apple", ["apple"])
    name = next(item for item in app.text_input if item.value == "Granny *Smith*")
    name.set_value("Granny Smith apple")
    element(app, "text_input", "Category").set_value("apples")
    element(app, "text_input", "Price").set_value("")
    element(app, "text_input", "New field").set_value("ean")
    element(app, "text_input", "Its value").set_value("4011")
    app = press(app, "Save")
    kept = shop.get("apple")
    assert (kept.name, kept.labels, kept.fields) == (
        "Granny Smith apple", {"category": "apples"}, {"sku": "1", "ean": "4011"},
    )  # fmt: skip
    assert "Saved." in said(app) and "Granny Smith apple" in [item.value for item in app.subheader]


def test_views_are_added_and_removed(shop):
    app = opened(open_page("catalogue"), "tea")
    element(app, "text_area", "Description").set_value("loose leaves").run()
    app = press(app, "Add to this product")
    assert [view.source for view in shop.get("tea").views] == ["twenty bags", "loose leaves"]
    app = press(app, "Remove")
    assert [view.source for view in shop.get("tea").views] == ["loose leaves"] and "Removed description 1." in said(app)


def test_another_product_is_found_and_merged_once_it_was_confirmed(shop):
    app = opened(open_page("catalogue"), "apple")
    element(app, "text_input", "Which product?").set_value("r").run()
    found = [button for button in app.button if "take_merge" in (button.key or "")]
    assert [button.label.split(" · ")[0] for button in found] == ["Green tea"], "a product is not merged with itself"
    app = found[0].click().run()
    assert "“Green tea” (1 description) becomes part of" in said(app) and len(shop) == 2
    app = press(app, "Merge")
    assert len(shop) == 1 and [view.modality for view in shop.get("apple").views] == ["image", "text"]


def test_a_product_is_removed_once_it_was_confirmed(shop):
    app = press(opened(open_page("catalogue"), "tea"), "Remove this product")
    assert len(shop) == 2
    app = press(app, "Remove it")
    assert [product.id for product in shop.products()] == ["apple"] and "Removed “Green tea”." in said(app)
    assert titles(app) == ["Granny \\*Smith\\*"]


def test_a_product_that_somebody_else_removed_shows_all_products(shop):
    assert titles(opened(open_page("catalogue"), "gone")) == ["Granny \\*Smith\\*", "Green tea"]


def test_what_to_expect_is_shown_before_a_product_is_kept(shop):
    app = open_page("catalogue")
    assert element(app, "button", "Add this product").disabled
    words = next(item for item in app.text_area if (item.key or "").startswith("catalogue_new_words"))
    words.set_value("brown and soft").run()
    element(app, "text_input", "Product name").set_value("Medlar").run()
    for _ in range(30):
        if "About 8 of 10 photos of Medlar" in said(app):
            break
        app.run()
    assert "About 8 of 10 photos of Medlar would be recognised." in said(app)
    assert "taken for it: 20 %" in said(app) and len(shop) == 2
    app = press(app, "Add this product")
    assert "Added “Medlar”." in said(app) and "Medlar" in titles(app) and len(shop) == 3


def test_a_new_catalogue_is_chosen_and_answers_once_it_is_asked_to():
    app = open_page("catalogue")
    element(app, "text_input", "Name").set_value("Spring range")
    app = press(app, "Make it")
    assert element(app, "selectbox", "Catalogue").value == "Spring range" and names() == [
        GROCERIES_NAME,
        OWN,
        "Spring range",
    ]
    assert catalogue_of(DEMO_BUNDLE) == OWN and f"answers with “{OWN}”" in said(app)
    app = press(app, "Answer with this one")
    assert catalogue_of(DEMO_BUNDLE) == "Spring range" and "answers with this catalogue" in said(app)


def test_a_data_set_is_imported_in_the_background_and_what_was_left_out_is_named(tmp_path):
    table = "sku,name,image,price\n1,Oat drink,,1.99\n2,Green tea,gone.png,2.49\n"
    (tmp_path / "shop.csv").write_text(table, encoding="utf-8")
    added = datasets.add_folder("Shop", tmp_path / "shop.csv")
    app = open_page("catalogue", catalogue_dataset=added.id)
    element(app, "selectbox", "Column with the name").set_value("name")
    app = press(app, "Import")
    for _ in range(100):
        if "from 2 rows" in said(app):
            break
        app.run()
    assert not app.exception and "2 products (2 new) from 2 rows" in said(app)
    assert "gone.png" in said(app), said(app)
    assert titles(app) == ["Green tea", "Oat drink"]
    assert "What was not imported, as CSV" in [item.label for item in app.get("download_button")]


def test_the_export_is_the_whole_catalogue(shop):
    rows = list(csv.DictReader(io.StringIO(_maker(shop, ".csv")().decode("utf-8-sig"))))
    assert sorted(row["name"] for row in rows) == ["Granny *Smith*", "Green tea"]
    buttons = [item.label for item in open_page("catalogue").get("download_button")]
    assert {"CSV", "Excel", "Parquet"} <= set(buttons)


def test_a_catalogue_gets_another_name_and_is_deleted_after_a_question(tmp_path):
    Catalogue.open("Spring range").add([(CatalogueProduct("", "Plum jam"), Product.of(text="dark plums"))])
    app = open_page("catalogue")
    app = element(app, "selectbox", "Catalogue").set_value("Spring range").run()
    element(app, "text_input", "New name").set_value(OWN)
    app = press(app, "Rename it")
    assert "take another name" in said(app) and "Spring range" in names()
    element(app, "text_input", "New name").set_value("Summer range")
    app = press(app, "Rename it")
    assert element(app, "selectbox", "Catalogue").value == "Summer range" and titles(app) == ["Plum jam"]
    assert "“Spring range” is now “Summer range”." in said(app)
    app = press(app, "Delete …")
    assert "**Summer range** goes with 1 product" in said(app) and "Summer range" in names()
    app = press(app, "Delete it")
    assert "Summer range" not in names() and "“Summer range” was deleted." in said(app)
    assert element(app, "selectbox", "Catalogue").value == OWN
    Catalogue.open("Summer range").add([(CatalogueProduct("", "Quince"), Product.of(text="yellow"))])
    app = element(app.run(), "selectbox", "Catalogue").set_value("Summer range").run()
    assert titles(app) == ["Quince"]  # of the new catalogue, not of the one that went


def test_what_ships_and_ones_own_products_offer_neither(shop):
    app = open_page("catalogue")
    assert not [button for button in app.button if button.label in ("Rename it", "Delete …")]
