"""Data sets by name: uploads and folders are kept, columns get a meaning, every problem names the user's own column."""

from __future__ import annotations

import io
import zipfile

import pytest

from retail import datasets
from retail.columns import NONE, Columns
from retail.manifest import read_manifest
from retail.schema import UserError

TABLE = (
    "SKU;Picture;Beschreibung;Colour;split\n"
    "a1;photos/a.png;a red tin;red;one\n"
    "a2;photos/none.png;a blue tin;blue;two\n"
    "a3;;;red;one\n"
    "a4;;a red jar;red;one\n"
)


@pytest.fixture(autouse=True)
def empty_home(tmp_path, monkeypatch):
    monkeypatch.setenv("RETAIL_HOME", str(tmp_path / "home"))


def zipped(files: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return stream.getvalue()


@pytest.fixture
def own():
    content = zipped({"shop/products.csv": TABLE.encode(), "shop/photos/a.png": b"x", "__MACOSX/x.csv": b"y"})
    return datasets.add_upload("My shop", "shop.zip", content)


def test_the_demo_comes_first_and_cannot_be_changed(own):
    first, second = datasets.list_datasets()
    assert first.is_demo and read_manifest(first.path).tasks
    assert (second.id, second.name) == ("my-shop", "My shop") and datasets.find("my-shop") == own
    for change in (lambda: datasets.rename(first, "x"), lambda: datasets.delete(first)):
        with pytest.raises(UserError, match="belongs to the program"):
            change()


def test_columns_are_guessed_and_problems_name_the_users_own_columns(own):
    assert own.columns == Columns(image="Picture", id="SKU", tasks=("Colour",))
    datasets.set_columns(own, Columns(image="Picture", text="Beschreibung", id="SKU", split=NONE, tasks=("Colour",)))
    manifest = read_manifest(own.path)
    assert [product.id for product in manifest.products] == ["a1", "a2", "a4"]
    assert manifest.source == own.path and read_manifest(manifest.source).products == manifest.products
    assert manifest.tasks == ("Colour",) and manifest.title == "My shop" and not manifest.has_split
    assert [(p.line, p.column) for p in manifest.problems] == [(3, "Picture"), (4, "")]
    assert "photos/none.png" in manifest.problems[0].message


def test_a_meaning_that_cannot_be_is_refused(own):
    with pytest.raises(UserError, match="no column 'Bild' for image"):
        datasets.set_columns(own, Columns(image="Bild"))
    with pytest.raises(UserError, match="chosen for two things"):
        datasets.set_columns(own, Columns(image="Picture", text="Picture"))
    with pytest.raises(UserError, match="an input and a task at once"):
        datasets.set_columns(own, Columns(text="Colour", tasks=("Colour",)))


def test_rename_keeps_the_id_and_delete_removes_the_files(own):
    renamed = datasets.rename(own, "Shelf 2")
    assert renamed.id == own.id and datasets.find(own.id).name == "Shelf 2"
    with pytest.raises(UserError, match="needs a name"):
        datasets.rename(own, " ")
    datasets.delete(renamed)
    assert datasets.find(own.id) is None and not own.path.exists()


def test_a_folder_is_pointed_at_and_survives_its_data_set(small_data):
    before = sorted(small_data.rglob("*"))
    one, two = (datasets.add_folder("small", small_data) for _ in range(2))
    assert (one.id, two.id) == ("small", "small-2")
    assert len(read_manifest(one.path).products) == 48
    assert read_manifest(one.path).checksum == read_manifest(small_data).checksum
    datasets.delete(one)
    assert sorted(small_data.rglob("*")) == before


def test_what_is_no_data_set_is_refused_in_words_and_leaves_nothing():
    for name, content, sentence in (
        ("notes.pdf", b"%PDF", "no data set"),
        ("empty.zip", zipped({"readme.md": b""}), "no other CSV table"),
        ("broken.zip", b"PK", "not a usable ZIP"),
        ("empty.csv", b"", "is empty"),
    ):
        with pytest.raises(UserError, match=sentence):
            datasets.add_upload("x", name, content)
    with pytest.raises(UserError, match="does not exist on this machine"):
        datasets.add_folder("x", datasets.datasets_folder() / "nowhere")
    assert not list(datasets.datasets_folder().glob("*"))


def test_the_template_is_a_data_set_without_problems():
    dataset = datasets.add_upload("template", "template.zip", datasets.template_zip())
    manifest = read_manifest(dataset.path, check_media=True)
    assert len(manifest.products) == datasets.TEMPLATE_ROWS and not manifest.problems
    assert all(product.modalities == ("audio", "image", "text") for product in manifest.products)
