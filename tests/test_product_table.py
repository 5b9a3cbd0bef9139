"""A large data set, held by columns, is the same data set as one that is held product by product."""

from __future__ import annotations

import csv
from dataclasses import fields, replace

import pytest

from retail.dataset import reader, tables
from retail.dataset.finding import Finder, Wish
from retail.dataset.product_table import ProductTable, each, each_label, with_splits
from retail.dataset.reader import read_manifest

HEADER = ["id", "image_file_name", "audio_file_name", "text", "kind", "brand", "shoot", "split"]
SPLITS = ("train", "train", "train", "val", "test")


def rows_of(count: int = 120) -> list[list[str]]:
    """Products with all that a table may have wrong: absent files, ids that come again, rows that say nothing."""
    rows = [
        [
            f"p{n}",
            f"photos/{n % 50}.jpg",
            f"sounds/{n}.ogg" if n % 3 else "",
            f"Oat drink number {n}",
            f"kind {n % 4}",
            ("Alpha", "alpha", "Beta", "n/a")[n // 4 % 4],
            f"shoot {n // 4}",
            SPLITS[n % 5],
        ]
        for n in range(count)
    ]
    rows[7][1], rows[8][1:4], rows[9][0] = "gone.jpg", ["", "", ""], "p3"
    rows[11][0], rows[11][1], rows[13][1] = "p4", "photos/4.jpg", "PHOTOS/7.JPG"
    rows[14][1], rows[15][0], rows[16][5] = "photos/1.jpg;photos/2.jpg", "", ""
    return [*rows, [""] * len(HEADER), HEADER]


@pytest.fixture
def shop(tmp_path):
    """Writes these columns of the rows."""

    def write(*without: str):
        for kind, ending in (("photos", "jpg"), ("sounds", "ogg")):
            (tmp_path / kind).mkdir()
            for n in range(120 if kind == "sounds" else 50):
                (tmp_path / kind / f"{n}.{ending}").write_text(f"{kind} {n}")
        kept = [place for place, name in enumerate(HEADER) if name not in without]
        path = tmp_path / "metadata.csv"
        with path.open("w", newline="", encoding="utf-8") as stream:
            csv.writer(stream).writerows([row[place] for place in kept] for row in [HEADER, *rows_of()])
            stream.write("too,few\n")
        return path

    return write


@pytest.fixture
def large(monkeypatch):
    """From here on every table is large."""

    def switch() -> None:
        monkeypatch.setattr(tables, "LARGE_BYTES", 0)
        monkeypatch.setattr(tables, "PIECE_ROWS", 7)
        monkeypatch.setattr(reader, "MOST_MADE", 0)

    return switch


@pytest.mark.parametrize("place", ["table", "folder"])
@pytest.mark.parametrize(
    ("without", "group"),
    [((), ()), (("split",), ()), (("split",), ("shoot",)), (("id", "split"), ()), (("split",), ("shoot", "brand"))],
)
def test_a_large_table_is_read_as_a_small_one(shop, large, without, group, place):
    path = shop(*without)
    data = path if place == "table" else path.parent
    small = read_manifest(data, group=group)
    large()
    found = read_manifest(data, group=group)
    assert isinstance(found.products, ProductTable) and isinstance(small.products, tuple)
    assert tuple(found.products) == small.products and found.checksum == small.checksum
    plain = {field.name for field in fields(small)} - {"products", "seal"}
    assert {name: getattr(found, name) for name in plain} == {name: getattr(small, name) for name in plain}
    assert found.vocabularies() == small.vocabularies() and found.classes == small.classes
    assert found.given == small.given and found.support("kind", "test") == small.support("kind", "test")
    for split in ("train", "val", "test"):
        assert [*found.in_split(split)] == small.in_split(split)
    assert Finder(found).find(Wish("number 1", has=("audio",))) == Finder(small).find(Wish("number 1", has=("audio",)))


def test_validation_rows_are_taken_from_training_in_a_large_table_too(shop, large):
    path = shop()
    path.write_text(path.read_text().replace(",val\n", ",train\n").replace(",val\r\n", ",train\r\n"))
    small = read_manifest(path)
    large()
    assert tuple(read_manifest(path).products) == small.products and small.in_split("val")


def test_products_by_columns_are_a_sequence(shop, large):
    large()
    products = read_manifest(shop()).products
    made = [*products]
    assert products[3] == made[3] and products[-1] == made[-1] and [*products[5:20:3]] == made[5:20:3]
    assert [*products[10:][:4]] == made[10:14] and len(products) == len(made)
    with pytest.raises(IndexError):
        products[len(made)]
    some = products[10:20]
    some.put(2, replace(made[12], text="another", labels={"kind": "tin"}))
    assert some[2].text == "another" and [*each(some, "text")][:4] == [
        made[10].text,
        made[11].text,
        "another",
        made[13].text,
    ]
    assert [*each_label(some, "kind")][2] == "tin" and [*each_label(some, "colour")][1] == ""
    moved = with_splits(some, ["test"] * 10)
    assert {product.split for product in moved} == {"test"} and moved[2].text == "another"
    assert {product.split for product in some} != {"test"}
