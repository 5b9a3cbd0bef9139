"""Data sets become products of a catalogue, catalogues become tables, and what earlier versions kept moves in."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from retail.catalogue.choice import OWN
from retail.catalogue.database import Catalogue
from retail.catalogue.export import table_of
from retail.dataset.reader import read_rows
from retail.files import DEMO_DIR, home
from retail.schema import Product, UserError
from tests.conftest import photo, zipped
from tests.test_catalogue_database import described, facts

pytestmark = pytest.mark.usefixtures("empty_home")


@pytest.fixture
def catalogue() -> Catalogue:
    return Catalogue.open("Shop")


def write(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def shop(folder: Path) -> Path:
    """Three products with a photo each, and one whose photo is missing, so that its name alone is left."""
    for name in "abc":
        photo(folder / "photos" / f"{name}.png", {"a": "red", "b": "green", "c": "blue"}[name])
    return write(
        folder / "shop.csv",
        "sku,photo,name,description,price,split",
        "A-1,photos/a.png,Red tea,a strong tea with a malty taste,1.50,train",
        "B-2,photos/b.png,Green tea,a mild tea with a grassy taste,2.50,test",
        "C-3,photos/c.png,Blue soap,a soap that smells of the sea,3.50,train",
        "D-4,photos/gone.png,Lost,,4.50,train",
    )


def test_the_demo_becomes_one_product_a_name_with_the_views_of_all_its_rows(catalogue):
    found = catalogue.import_data(DEMO_DIR)
    products = catalogue.products()
    rows = read_rows(DEMO_DIR)
    assert len(products) == found.products == found.new == len({row.cells[4] for row in rows.rows})
    assert (found.by, found.name_column, found.rows) == ("product", "product", len(rows.rows))
    one = catalogue.products(words="Fennimore Original")[0]
    assert one.name == one.labels["product"] == "Fennimore Original Ground Coffee"
    own = [row.cells for row in rows.rows if row.cells[4] == one.name and row.cells[1]]
    assert len([view for view in one.views if view.modality == "image"]) == len(own)
    assert {view.origin for view in one.views} == {"import"}
    assert all(view.source.is_relative_to(DEMO_DIR) for view in one.views if view.modality != "text")
    assert "voice" not in one.fields, "what differs between the rows says nothing of the product"


def test_importing_again_updates_and_does_not_double(catalogue, folder):
    table = shop(folder)
    first = catalogue.import_data(folder)
    before = {one.id: one.views for one in catalogue.products()}
    write(
        table,
        *table.read_text().replace("1.50", "1.75").splitlines(),
        "E-5,,Sponge,a yellow sponge for dishes,5.00,val",
    )
    again = catalogue.import_data(folder)
    after = {one.id: one for one in catalogue.products()}
    assert (first.new, again.new, again.products) == (4, 1, 5)
    assert after["A-1"].fields["price"] == "1.75"
    assert {id: [view.id for view in after[id].views] for id in before} == {
        id: [view.id for view in views] for id, views in before.items()
    }
    assert "5 products (1 new, 4 updated)" in again.sentence


def test_columns_become_names_labels_and_fields_and_problems_keep_their_words(catalogue, folder):
    shop(folder)
    found = catalogue.import_data(folder)
    (one,) = catalogue.products(where={"sku": "A-1"})
    assert (one.id, one.name) == ("A-1", "Red tea")
    assert one.fields == {"sku": "A-1", "price": "1.50"}
    assert [view.modality for view in one.views] == ["image", "text"]
    assert [one.id for one in catalogue.products(where={"price": "2..4"})] == ["C-3", "B-2"]
    (problem,) = [problem for problem in found.problems if "gone.png" in problem.message]
    assert (problem.line, problem.id) == (5, "D-4")


def test_a_row_with_a_name_alone_is_a_product_that_is_described_by_it(catalogue, folder):
    photo(folder / "a.png")
    write(folder / "t.csv", "id,image_file_name,name,text", "1,a.png,Tea,a strong tea", "2,,Sponge,")
    found = catalogue.import_data(folder)
    sponge = catalogue.get("2")
    assert (sponge.name, [view.source for view in sponge.views]) == ("Sponge", ["Sponge"])
    assert found.problems == () and found.products == 2


def test_rows_that_share_a_column_are_one_product_and_labels_that_differ_are_named(catalogue, folder):
    lines = [
        f"{n},{'X' if n % 2 else 'Y'},words number {n},{kind}" for n, kind in enumerate(["tea", "tea", "milk"] * 4)
    ]
    write(folder / "t.csv", "id,article_number,text,kind", *lines)
    found = catalogue.import_data(folder, by="article_number")
    assert [one.id for one in catalogue.products()] == ["X", "Y"]
    assert [len(one.views) for one in catalogue.products()] == [6, 6]
    assert {one.labels["kind"] for one in catalogue.products()} == {"tea"}
    assert any(problem.column == "kind" and "'tea' is kept" in problem.message for problem in found.problems)
    assert found.sentence.endswith("those with the same article_number as one product.")


def test_a_column_that_is_not_there_is_refused_by_name(catalogue, folder):
    shop(folder)
    for given in ({"by": "ean"}, {"name_column": "ean"}):
        with pytest.raises(UserError, match="There is no column 'ean' for .*'sku'"):
            catalogue.import_data(folder, **given)


def test_photos_of_a_zip_are_copied(catalogue, folder, tmp_path):
    shop(folder)
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    archive = tmp_path / "shop.zip"
    archive.write_bytes(zipped(files))
    catalogue.import_data(archive)
    sources = [view.source for view in catalogue.views() if view.modality == "image"]
    assert len(sources) == 3 and all(source.is_relative_to(catalogue.folder / "media") for source in sources)


def test_rows_without_an_id_keep_apart_from_those_of_another_table(catalogue, folder, tmp_path):
    for name, words in (("one", "a strong tea"), ("two", "a mild soap")):
        (tmp_path / name).mkdir()
        write(tmp_path / name / "t.csv", "text,price", f"{words},1.25", "some other words,2.35")
        catalogue.import_data(tmp_path / name)
    assert len(catalogue) == 4


@pytest.mark.parametrize("ending", [".csv", ".xlsx", ".parquet"])
def test_an_export_holds_every_field_and_imports_again(catalogue, folder, tmp_path, ending):
    shop(folder)
    catalogue.import_data(folder)
    catalogue.edit("A-1", fields={"sku": "A-1", "price": "=1+1", "name": "a field that is called name"})
    file = catalogue.export(tmp_path / f"out{ending}")
    rows = read_rows(file)
    assert rows.header == ["id", "name", "image_file_name", "text", "audio_file_name", "sku", "price", "name (field)"]
    cells = {row.cells[0]: row.cells for row in rows.rows}
    assert cells["A-1"][6] == ("'=1+1" if ending == ".csv" else "=1+1")
    again = Catalogue.open(f"Again {ending[1:]}")
    again.import_data(file)
    assert {one.id: one.name for one in again.products()} == {one.id: one.name for one in catalogue.products()}
    assert [view.modality for view in again.get("B-2").views] == ["image", "text"]


def test_photos_that_were_sent_as_bytes_are_exported_with_an_ending_and_found_again(catalogue, tmp_path):
    for name in ("a, b.png", "c.jpg"):
        photo(tmp_path / name, "red" if name == "c.jpg" else "blue")
    shown = Product.of(image=[(tmp_path / name).read_bytes() for name in ("a, b.png", "c.jpg")])
    catalogue.add([(facts("a"), shown)])
    assert [view.source.suffix for view in catalogue.get("a").views] == [".png", ".jpg"]
    again = Catalogue.open("Again")
    assert again.import_data(catalogue.export(tmp_path / "out.csv")).problems == ()
    assert [view.source for view in again.get("a").views] == [view.source for view in catalogue.get("a").views]


def test_only_csv_marks_formulas_and_a_strange_ending_is_refused(catalogue, tmp_path):
    catalogue.add([(facts("@a", "=cmd()"), described("-1"))])
    text = catalogue.export(tmp_path / "out.csv").read_text(encoding="utf-8-sig")
    assert text.splitlines()[1].startswith("'@a,'=cmd(),,-1,"), "a number is no formula"
    assert pq.read_table(catalogue.export(tmp_path / "out.parquet"))["id"].to_pylist() == ["@a"]
    with pytest.raises(UserError, match="exported as .csv, .xlsx, .parquet, not '.doc'"):
        catalogue.export(tmp_path / "out.doc")
    assert not (tmp_path / "out.doc").exists()


def test_what_xml_cannot_hold_does_not_break_a_workbook(catalogue, tmp_path):
    catalogue.add([(facts("a", "bell \x07 & <b>"), described("x" * 40_000))])
    (row,) = read_rows(catalogue.export(tmp_path / "out.xlsx")).rows
    assert row.cells[1] == "bell \ufffd & <b>" and len(row.cells[3]) == 32_767


def test_a_table_of_no_product_has_a_header():
    assert table_of([]) == (["id", "name", "image_file_name", "text", "audio_file_name"], [])


def test_products_of_earlier_versions_move_into_ones_own_catalogue_once(tmp_path):
    old = home() / "catalogue" / "0123456789abcdef"
    for name, words in (("aaa", "sour"), ("bbb", "")):
        photo(old / name / "image_00.png")
        (old / name / "image_00.png").rename(old / name / "image_00")
        (old / name / "product.json").write_text(json.dumps({"name": name.upper(), "text": words}))
    (old / "damaged").mkdir()
    (old / "damaged" / "product.json").write_text("{")
    catalogue = Catalogue.open(OWN)
    assert [(one.id, one.name) for one in catalogue.products()] == [("aaa", "AAA"), ("bbb", "BBB")]
    assert [view.modality for view in catalogue.get("aaa").views] == ["image", "text"]
    assert catalogue.get("aaa").views[0].source.is_file()
    assert [path.name for path in old.iterdir()] == ["damaged"], "what cannot be read stays for somebody to repair"
    catalogue.remove(["aaa"])
    assert [one.id for one in Catalogue.open(OWN).products()] == ["bbb"]


def test_a_move_leaves_no_empty_folder_behind():
    old = home() / "catalogue" / "key" / "aaa"
    old.mkdir(parents=True)
    (old / "product.json").write_text(json.dumps({"name": "A", "text": "words"}))
    Catalogue.open(OWN)
    assert not (home() / "catalogue").exists()
