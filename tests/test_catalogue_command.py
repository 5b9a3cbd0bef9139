"""`retail catalogue …`: from an import to an export, and one sentence for each mistake."""

from __future__ import annotations

import csv
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from retail.__main__ import app
from retail.catalogue.database import Catalogue
from retail.catalogue.places import names
from retail.files import GROCERIES_NAME
from tests.conftest import photo

pytestmark = pytest.mark.usefixtures("empty_home")
TABLE = "sku,name,kind,price,text\n1,Oat drink,drink,1.99,creamy oats\n2,Green tea,tea,2.49,twenty bags\n"


def run(*arguments, code: int = 0) -> str:
    result = CliRunner().invoke(app, ["catalogue", *(str(argument) for argument in arguments)])
    assert result.exit_code == code, result.output + repr(result.exception)
    return result.output if code else result.stdout


@pytest.fixture
def shop(tmp_path) -> str:
    """Two products."""
    table = tmp_path / "shop.csv"
    table.write_text(TABLE, encoding="utf-8")
    said = run("import", "Spring range", table, "--name-column", "name", "--by", "sku")
    assert "2 products (2 new) from 2 rows" in said
    return "Spring range"


def id_of(shop: str, title: str) -> str:
    (product,) = (one for one in Catalogue.open(shop).products() if one.name == title)
    return product.id


def test_a_data_set_is_imported_and_listed_with_fields_to_filter_by(shop):
    assert "Spring range  2 products" in run("list")
    said = run("list", shop)
    assert "Oat drink  (1 description)" in said and "2 products in “Spring range”." in said
    assert "Green tea" not in run("list", shop, "--where", "price=1..2")
    assert "Oat drink" not in run("list", shop, "--words", "bags")


def test_a_product_is_added_shown_edited_and_removed(shop, tmp_path):
    photo(tmp_path / "front.png", "red")
    said = run("add", shop, "Medlar", "--image", tmp_path / "front.png", "--label", "kind=fruit", "--field", "ean=4")
    assert "Added: " in said and "Medlar  (1 photo)" in said
    product = id_of(shop, "Medlar")
    run("edit", shop, product, "--field", "ean=", "--field", "price=3", "--label", "kind=apple", "--text", "brown")
    shown = run("show", shop, product)
    assert "field price: 3" in shown and "ean" not in shown and "label kind: apple" in shown
    assert "description" in shown and "(enrolled): brown" in shown
    view = next(one for one in Catalogue.open(shop).get(product).views if one.modality == "text")
    assert "(1 photo)" in run("edit", shop, product, "--remove-view", view.id, "--title", "Fresh medlar")
    assert "Removed: " in run("remove", shop, product)
    assert "has no product" in run("show", shop, product, code=1)


def test_two_products_become_one(shop):
    oat, tea = id_of(shop, "Oat drink"), id_of(shop, "Green tea")
    assert "Oat drink  (2 descriptions)" in run("merge", shop, oat, tea)
    assert "1 product" in run("list")


def test_words_and_a_photo_find_a_product(shop, tmp_path):
    for colour in ("red", "blue"):
        photo(tmp_path / f"{colour}.png", colour)
        run("add", shop, f"{colour} box", "--image", tmp_path / f"{colour}.png")
    assert run("search", shop, "oats").splitlines()[0].split("  ")[1] == "Oat drink"
    assert run("search", shop, "--image", tmp_path / "blue.png").splitlines()[0].split("  ")[1] == "blue box"
    assert "Oat drink" not in run("search", shop, "oats", "--where", "sku=2")


def test_the_catalogue_is_written_as_a_table(shop, tmp_path):
    assert "Written: " in run("export", shop, tmp_path / "out.csv")
    rows = list(csv.DictReader((tmp_path / "out.csv").open(encoding="utf-8-sig")))
    assert sorted(row["name"] for row in rows) == ["Green tea", "Oat drink"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("list", "Sprnig"), "There is no catalogue 'Sprnig'; there are: Groceries (81 real products), Spring range."),
        (("show", "Spring range", "nobody"), "has no product 'nobody'"),
        (("add", "Spring range", "Nothing"), "needs at least one of --image, --text and --audio"),
        (("add", "Spring range", "", "--text", "x"), "needs a name"),
        (("add", "Spring range", "A", "--text", "x", "--field", "sku"), "--field is a name and a value"),
        (("search", "Spring range"), "Give words, --image or --audio"),
        (("list", "Spring range", "--where", "colour=red"), "No product has a field 'colour'"),
    ],
)
def test_a_mistake_is_one_sentence(shop, arguments, sentence):
    assert sentence in " ".join(run(*arguments, code=1).split())
    assert names() == [GROCERIES_NAME, "Spring range"], "a misspelt name makes no catalogue"


def test_a_view_of_another_product_is_not_removed(shop):
    oat, tea = Catalogue.open(shop).get(id_of(shop, "Oat drink")), id_of(shop, "Green tea")
    assert "has no view" in run("edit", shop, tea, "--remove-view", oat.views[0].id, code=1)
    assert Catalogue.open(shop).get(oat.id).views


def test_help_loads_neither_torch_nor_the_database():
    code = (
        "import sys; from typer.testing import CliRunner; from retail.__main__ import app;"
        "assert CliRunner().invoke(app, ['catalogue', 'import', '--help']).exit_code == 0;"
        "heavy = {'torch', 'lancedb', 'pyarrow', 'pandas'} & set(sys.modules); assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_catalogue_is_renamed_and_deleted_once_somebody_agrees(shop):
    assert "“Spring range” is now “Summer range”." in run("rename", shop, "Summer range")
    assert "There is no catalogue 'Spring range'" in run("list", shop, code=1)
    refused = CliRunner().invoke(app, ["catalogue", "delete", "Summer range"], input="n\n")
    assert refused.exit_code == 0 and "Nothing was deleted." in refused.output
    assert len(Catalogue.open("Summer range")) == 2
    assert "Deleted: “Summer range” with 2 products." in run("delete", "Summer range", "--yes")
    assert "Summer range" not in names()
