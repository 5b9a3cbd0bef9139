"""A catalogue gets another name or goes; who answers with it follows, and nothing else is touched."""

from __future__ import annotations

import pytest

from retail.catalogue.choice import OWN, catalogue_of, choose
from retail.catalogue.database import Catalogue
from retail.catalogue.naming import delete, rename
from retail.catalogue.places import catalogues_folder, names
from retail.catalogue.record import CatalogueProduct
from retail.files import DEMO_BUNDLE, GROCERIES_BUNDLE, GROCERIES_NAME
from retail.schema import Product, UserError
from tests.conftest import photo

pytestmark = pytest.mark.usefixtures("empty_home")


@pytest.fixture
def shop(tmp_path) -> Catalogue:
    """One product with a copied photo."""
    photo(tmp_path / "front.png", "red")
    shop = Catalogue.open("Spring range")
    shop.add([(CatalogueProduct("", "Plum jam"), Product.of(tmp_path / "front.png", "dark plums"))])
    return shop


def test_a_renamed_catalogue_has_its_products_and_files_and_takes_writes(shop):
    assert rename("Spring range", " Summer range ") == "Summer range"
    assert set(names()) == {GROCERIES_NAME, "Summer range"}
    moved = Catalogue.open("Summer range")
    (product,) = moved.products()
    (copy,) = (view.source for view in product.views if view.modality == "image")
    assert product.name == "Plum jam" and copy.is_file() and copy.is_relative_to(moved.folder)
    moved.add([(CatalogueProduct("", "Quince"), Product.of(text="yellow"))])
    assert len(moved) == 2 and moved.search("quince")[0].product.name == "Quince"


def test_recognisers_that_answer_with_it_follow_and_others_stay(shop, tmp_path):
    choose(DEMO_BUNDLE, "Spring range")
    choose(tmp_path / "other", "Winter")
    rename("Spring range", "Summer range")
    assert (catalogue_of(DEMO_BUNDLE), catalogue_of(tmp_path / "other")) == ("Summer range", "Winter")
    delete("Summer range")
    assert (catalogue_of(DEMO_BUNDLE), catalogue_of(tmp_path / "other")) == (OWN, "Winter")


def test_a_deleted_catalogue_is_gone_and_files_outside_it_stay(shop, tmp_path):
    Catalogue.open("Winter")
    delete("Spring range")
    assert set(names()) == {GROCERIES_NAME, "Winter"} and (tmp_path / "front.png").is_file()
    assert [path.name for path in catalogues_folder().iterdir() if path.is_dir()] == ["Winter"]
    assert len(Catalogue.open("Spring range")) == 0


@pytest.mark.parametrize("new", ["winter", OWN, GROCERIES_NAME, "a/b", ""])
def test_a_name_that_is_taken_or_none_is_refused_and_nothing_changes(shop, new):
    Catalogue.open("Winter")
    with pytest.raises(UserError, match="already; take another|cannot be the name"):
        rename("Spring range", new)
    assert len(Catalogue.open("Spring range")) == 1


def test_only_the_case_of_a_name_may_change(shop):
    assert rename("Spring range", "SPRING range") == "SPRING range"
    assert len(Catalogue.open("SPRING range")) == 1


def test_what_ships_and_what_everybody_answers_with_keep_their_names(shop):
    Catalogue.open(OWN)
    for name, change in ((GROCERIES_NAME, delete), (GROCERIES_NAME, lambda one: rename(one, "Mine"))):
        with pytest.raises(UserError, match="comes with the product"):
            change(name)
    with pytest.raises(UserError, match="where nobody chose"):
        rename(OWN, "Mine")
    with pytest.raises(UserError, match="There is no catalogue “Autumn”; there are: "):
        delete("Autumn")
    assert catalogue_of(GROCERIES_BUNDLE) == GROCERIES_NAME
