"""Columns get their meaning from names and cells, and a data set's JSON survives or says that it is damaged."""

from __future__ import annotations

import pytest

from retail.columns import DATASET, NONE, Columns, Pointer, read_pointer, suggest, write_pointer
from retail.schema import UserError


def test_suggestions_read_names_and_cells():
    header = ["EAN", "Foto", "clip", "Title", "Product description", "part", "Brand", "price"]
    rows = [
        ["1", "a.JPG", "", "tea", "a long description of tea", "train", "Fen", "1.20"],
        ["2", "b.png", "b.wav", "oats", "a long description of oats", "test", "Fen", "2.20"],
        ["3", "", "c.ogg", "milk", "a long description of milk", "dev", "Oak", "3.20"],
    ]
    assert suggest(header, rows) == Columns("Foto", "clip", "Product description", "EAN", "part", "", ("Brand",))


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


def test_the_json_is_read_as_written(tmp_path):
    pointer = Pointer("Shop", "files/x.csv", Columns(text="words", tasks=("a", "b")), ("one note",), 3.0)
    write_pointer(tmp_path, pointer)
    assert read_pointer(tmp_path) == pointer
    (tmp_path / DATASET).write_text("{")
    with pytest.raises(UserError, match="damaged"):
        read_pointer(tmp_path)
    assert read_pointer(tmp_path / "nowhere") is None
