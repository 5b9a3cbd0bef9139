"""Data sets by name: uploads and folders are kept, columns get a meaning, every problem names the user's own column."""

from __future__ import annotations

import errno
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from retail.dataset.columns import NONE, Columns
from retail.dataset.places import archive
from retail.dataset.reader import read_manifest
from retail.dataset.source import open_source
from retail.schema import UserError
from retail.workspace import datasets
from tests.conftest import zipped

pytestmark = pytest.mark.usefixtures("empty_home")

TABLE = (
    "SKU;Picture;Beschreibung;Colour;split\n"
    "a1;photos/a.png;a red tin;red;one\n"
    "a2;photos/none.png;a blue tin;blue;two\n"
    "a3;;;red;one\n"
    "a4;;a red jar;red;one\n"
)


@pytest.fixture
def own():
    content = zipped({"shop/products.csv": TABLE.encode(), "shop/photos/a.png": b"x", "__MACOSX/x.csv": b"y"})
    return datasets.add_upload("My shop", "shop.zip", content)


def test_the_demo_comes_first_and_cannot_be_changed(own):
    first, second = datasets.list_datasets()
    assert first.is_demo and read_manifest(first.path).tasks
    assert (second.id, second.name) == ("my-shop", "My shop") and datasets.find("my-shop") == own
    for change in (lambda: datasets.rename(first, "x"), lambda: datasets.delete(first)):
        with pytest.raises(UserError, match="is built in"):
            change()


def test_columns_are_guessed_and_problems_name_the_users_own_columns(own):
    assert own.columns == Columns(image="Picture", text="Beschreibung", id="SKU")
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
    with pytest.raises(UserError, match="is chosen twice"):
        datasets.set_columns(own, Columns(image="Picture", text="Picture"))
    with pytest.raises(UserError, match="both an input and a question"):
        datasets.set_columns(own, Columns(text="Colour", tasks=("Colour",)))
    none = Columns(split=NONE)
    for columns in (
        replace(none, group="Colour", tasks=("Colour",)),
        Columns(split="Colour", tasks=("Colour",)),
        Columns(group="split"),  # the convention's column of splits
        replace(none, text="Colour", group="Colour"),
        replace(none, id="SKU", group="SKU"),
    ):
        with pytest.raises(UserError, match="is chosen twice"):
            datasets.set_columns(own, columns)
    with pytest.raises(UserError, match="has a reserved name"):
        datasets.set_columns(own, replace(none, tasks=("split",)))
    datasets.set_columns(own, replace(none, text="Beschreibung", group="SKU", tasks=("Colour",)))
    assert read_manifest(own.path).tasks == ("Colour",)


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
        ("notes.pdf", b"%PDF", "is not a data set"),
        ("empty.zip", zipped({"readme.md": b""}), "^x has no table .CSV, Excel, JSON Lines or Parquet., no photo"),
        ("broken.zip", b"PK", "not a usable ZIP"),
        ("empty.csv", b"", "is empty"),
    ):
        with pytest.raises(UserError, match=sentence):
            datasets.add_upload("x", name, content)
    for path in (datasets.datasets_folder() / "nowhere", Path("a" * 300), Path("~nobody-of-this-name/data")):
        with pytest.raises(UserError, match="does not exist on this machine"):
            datasets.add_folder("x", path)
    assert not list(datasets.datasets_folder().glob("*"))


def test_the_template_is_a_data_set_without_problems():
    dataset = datasets.add_upload("template", "template.zip", datasets.template_zip())
    manifest = read_manifest(dataset.path, check_media=True)
    assert len(manifest.products) == datasets.TEMPLATE_ROWS and not manifest.problems
    assert all(product.modalities == ("audio", "image", "text") for product in manifest.products)


def test_a_table_is_found_whatever_its_case_and_a_damaged_data_set_is_left_out(own):
    other = datasets.add_upload("Loud", "loud.zip", zipped({"x/Products.CSV": TABLE.encode(), "x/b.tsv": b"a\n"}))
    assert [path.name for path in open_source(other.path).tables] == ["Products.CSV"]
    (own.path / "dataset.json").write_text("{}")
    assert [dataset.name for dataset in datasets.list_datasets()] == [datasets.DEMO_NAME, "Loud"]
    with pytest.raises(UserError, match="is damaged"):
        read_manifest(own.path)


def test_names_written_by_windows_and_macos_are_read_as_meant(tmp_path):
    table = "id,image_file_name,kind\n1,img/a.png,x\n2,café.png,y\n"
    content = zipped({"img\\a.png": b"a", "img\\": b"", "caf__.png": b"b", "metadata.csv": table.encode()})
    content = content.replace(b"caf__.png", "café.png".encode())  # UTF-8 without the flag that says so
    (tmp_path / "shop.zip").write_bytes(content)
    manifest = read_manifest(tmp_path / "shop.zip")
    assert [image.read_bytes() for product in manifest.products for image in product.images] == [b"a", b"b"]
    (tmp_path / "old.zip").write_bytes(zipped({"_t_.png": b"c"}).replace(b"_t_.png", b"\x82t\x82.png"))
    assert archive.extract(tmp_path / "old.zip", tmp_path / "old") == []
    assert [path.name for path in (tmp_path / "old").iterdir()] == ["été.png"], "cp437 stays cp437"


def test_a_member_with_an_impossible_name_is_left_out_alone(tmp_path):
    names = ["good.txt", ".", "a", "a/b.txt", "a/b/c.txt", "d/e.txt", "d", "x" * 300, "..\\out.txt", "\\out.txt", "e"]
    (tmp_path / "odd.zip").write_bytes(zipped({name: name.encode() for name in names}))
    refused = archive.extract(tmp_path / "odd.zip", tmp_path / "files")
    assert all(sentence.startswith("odd.zip: ") for sentence in refused)
    reasons = [sentence.rpartition("' ")[2].removesuffix(", so it was left out.") for sentence in refused]
    both, out = "is a file and a folder at once", "points outside the folder"
    assert reasons == ["names no file", both, both, both, "has too long a name", out, out]
    kept = {path.relative_to(tmp_path / "files").as_posix() for path in (tmp_path / "files").rglob("*")}
    assert kept == {"good.txt", "a", "d", "d/e.txt", "e"} and not (tmp_path / "out.txt").exists()


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_damaged_data_is_said_in_one_sentence(tmp_path, method):
    with zipfile.ZipFile(tmp_path / "bad.zip", "w", method) as file:
        file.writestr("a.txt", bytes(range(256)) * 40)
    content = bytearray((tmp_path / "bad.zip").read_bytes())
    content[39:60] = b"\xff" * 21  # the data begin behind the local header and its name, 35 bytes
    (tmp_path / "bad.zip").write_bytes(content)
    with pytest.raises(UserError, match="^bad.zip (is not a usable ZIP|could not be unpacked)"):
        archive.extract(tmp_path / "bad.zip", tmp_path / "files")


@pytest.mark.parametrize("harm", [b"[", b'{"a": 1}', b""])
def test_what_was_left_out_of_a_zip_is_found_again_after_damage(tmp_path, harm):
    (tmp_path / "shop.zip").write_bytes(zipped({"metadata.csv": b"id,text\n1,tea\n", "..\\out.txt": b""}))
    folder, refused = archive.unpack(tmp_path / "shop.zip")
    assert len(refused) == 1 and archive.unpack(tmp_path / "shop.zip") == (folder, refused)
    (folder.parent / archive.REFUSED).write_bytes(harm)
    (folder / "metadata.csv").unlink()
    assert archive.unpack(tmp_path / "shop.zip") == (folder, refused) and (folder / "metadata.csv").is_file()


def test_a_full_disk_is_one_sentence_and_leaves_nothing(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device", "/a/secret/place")

    monkeypatch.setattr(archive, "_copy", full)
    sentence = r"^shop.zip could not be unpacked \(No space left on device\); check the disk and the ZIP.$"
    (tmp_path / "shop.zip").write_bytes(zipped({"metadata.csv": b"id,text\n1,tea\n"}))
    for add in (read_manifest, lambda path: datasets.add_folder("Shop", path)):
        with pytest.raises(UserError, match=sentence):
            add(tmp_path / "shop.zip")
    assert not list(datasets.datasets_folder().glob("*"))
