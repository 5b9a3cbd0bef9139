"""Whatever strings a table holds: a manifest or one sentence, no row lost or doubled, no group in two splits."""

from __future__ import annotations

import csv
import tempfile
from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as st

from retail.dataset.labels import settle
from retail.dataset.labels.rule import LabelRule
from retail.dataset.reader import read_manifest
from retail.dataset.splitting import split_products
from retail.schema import Product, UserError

QUIETLY = settings(max_examples=80, deadline=None, derandomize=True, database=None)
NAMES = "id text image_file_name audio_file_name split kind brand group price title".split()
LETTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
CELL = st.one_of(
    st.sampled_from(["", "a", "b", "1", "2", "train", "val", "test", "a.jpg", "nan", "a;b", '["a"]', "?", " a "]),
    st.text(LETTERS, max_size=12),
)
COLUMN = st.one_of(st.sampled_from(NAMES), st.text(LETTERS, min_size=1, max_size=8))
HEADER = st.lists(COLUMN, max_size=5).map(lambda names: list(dict.fromkeys(["text", *names])))


@st.composite
def tables(draw: st.DrawFn) -> list[list[str]]:
    """A header and rows of its width, now and then one that is too long or short."""
    header = draw(HEADER)
    rows = draw(st.lists(st.lists(CELL, min_size=len(header), max_size=len(header)), max_size=12))
    odd = draw(st.lists(st.lists(CELL, max_size=8), max_size=2))
    return [header, *rows, *odd]


def read(table: list[list[str]], folder: str, **options):
    """The manifest of a table in a folder, None for a refusal, which is one line."""
    with (Path(folder) / "metadata.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(table)
    try:
        return read_manifest(Path(folder), **options)
    except UserError as error:
        assert str(error).strip() and "\n" not in str(error)
        return None


@QUIETLY
@given(tables(), st.sampled_from([(), ("kind",), ("kind", "brand")]))
@example([["kind", "text"], ["a.jpg", "oat"], ["a.jpg", "tea"]], ("kind",))
def test_any_table_is_a_manifest_or_one_sentence_and_no_row_is_lost_or_doubled(table, group):
    with tempfile.TemporaryDirectory() as folder:
        manifest = read(table, folder, group=group)
    if manifest is None:
        return
    ids = [product.id for product in manifest.products]
    used, said = set(manifest.lines.values()), {problem.line for problem in manifest.problems}
    assert len(set(ids)) == len(ids) and set(manifest.lines) == set(ids) and len(used) == len(ids)
    assert manifest.rows <= len(used | said), "a row is neither used nor a problem"
    assert all(product.split in ("train", "val", "test") for product in manifest.products)
    if not manifest.has_split:
        for name in {product.group for product in manifest.products} - {""}:
            assert len({product.split for product in manifest.products if product.group == name}) == 1, name


@QUIETLY
@given(st.lists(CELL, max_size=40), st.sampled_from(["", "each", "first"]))
def test_any_cells_make_labels_of_as_many_rows(cells, several):
    rule = LabelRule(several=several) if several else LabelRule()
    try:
        desk = settle("kind", cells, rule)
    except UserError as error:
        assert "\n" not in str(error)
        return
    assert several == "each" or desk.columns
    assert all(len(labels) == len(cells) for labels in desk.columns.values())


@QUIETLY
@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["", "g", "h", "i", "j"])), min_size=1, max_size=60))
def test_dividing_keeps_every_product_once_and_groups_together(rows):
    products = [
        Product(str(place), text="words", labels={"kind": kind}, group=group)
        for place, (kind, group) in enumerate(rows)
    ]
    divided = split_products(products, {product.id: product.id for product in products}, ("kind",), ("kind",))
    assert [product.id for product in divided] == [product.id for product in products]
    assert {product.split for product in divided} <= {"train", "val", "test"}
    for name in "ghij":
        assert len({product.split for product in divided if product.group == name}) <= 1
