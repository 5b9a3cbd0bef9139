"""Columns get their meaning from names and cells, and a data set's JSON survives or says that it is damaged."""

from __future__ import annotations

import pytest

from retail.dataset.columns import (
    DATASET,
    NONE,
    Columns,
    Pointer,
    datasets_folder,
    read_pointer,
    suggest,
    write_pointer,
)
from retail.dataset.reader import read_manifest
from retail.schema import UserError

UNRELATED = ["{", "[]", '{"images": []}', '{"name": "coco", "metadata": {}, "columns": []}', '{"id": 1}\n{"id": 2}']


def test_suggestions_read_names_and_cells():
    header = ["EAN", "Foto", "clip", "Title", "Product description", "part", "Brand", "price"]
    rows = [
        ["1", "a.JPG", "", "tea", "a long description of tea", "train", "Fen", "1.20"],
        ["2", "b.png", "b.wav", "oats", "a long description of oats", "test", "Fen", "2.20"],
        ["3", "", "c.ogg", "milk", "a long description of milk", "dev", "Oak", "3.20"],
    ]
    assert suggest(header, rows) == Columns("Foto", "clip", "Product description", "EAN", "part", "", ("Brand",))


@pytest.mark.parametrize(
    ("name", "is_text"),
    [("colour_name", False), ("brand name", False), ("text_colour", False), ("product_title", True), ("Desc.", True)],
)
def test_what_is_a_question_is_a_description_only_if_its_name_says_so(name, is_text):
    rows = [[f"{n}.jpg", ("red", "blue")[n % 2]] for n in range(12)]
    guess = suggest(["file", name], rows)
    assert (guess.text, guess.tasks) == ((name, ()) if is_text else ("", (name,)))


def test_the_convention_needs_no_words():
    header = ["id", "image_file_name", "text", "kind"]
    assert suggest(header, [["1", "a.jpg", "x", "a"], ["2", "b.jpg", "y", "a"], ["3", "", "z", "b"]]) == Columns(
        tasks=("kind",)
    )


def test_a_name_that_only_looks_like_the_convention_is_told_apart():
    assert Columns(image="photo", split=NONE).renamed(["photo", "image_file_name", "split", "x"]) == [
        "image_file_name",
        "image_file_name (column)",
        "split (column)",
        "x",
    ]
    with pytest.raises(UserError, match="no column 'photo' for image; the columns are x"):
        Columns(image="photo").renamed(["x"])


def test_the_json_is_read_as_written(tmp_path, monkeypatch):
    monkeypatch.setenv("RETAIL_HOME", str(tmp_path))
    folder = datasets_folder() / "shop"
    columns = Columns(text="words", tasks=("a", "b"))
    pointer = Pointer(name="Shop", metadata="files/x.csv", columns=columns, notes=("one note",), added=3.0)
    write_pointer(folder, pointer)
    assert read_pointer(folder) == pointer
    for damaged in UNRELATED:
        (folder / DATASET).write_text(damaged)
        with pytest.raises(UserError, match="damaged"):
            read_pointer(folder)
    assert read_pointer(folder / "nowhere") is None


@pytest.mark.parametrize("content", UNRELATED)
def test_another_dataset_json_in_a_folder_of_the_users_is_no_pointer(tmp_path, content):
    (tmp_path / DATASET).write_text(content)
    assert read_pointer(tmp_path) is None
    (tmp_path / "metadata.csv").write_text("id,text\n1,tea\n")
    assert len(read_manifest(tmp_path).products) == 1
