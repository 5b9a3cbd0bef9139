"""Checks the committed demo set: what the README promises of data/demo is true of the files.

In: data/demo/metadata.csv, the media beside it and the recipe. Out: a failed test where a promise is broken.
"""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import pytest

from recipes.demo.__main__ import plan

DEMO = Path(__file__).parents[1] / "data" / "demo"
INPUTS = ("image_file_name", "audio_file_name", "text")
SPLITS = ("train", "val", "test")


def _speaker(voice: str) -> str:
    """Who speaks: espeak-ng's variant behind the accent, or the person a voice was recorded from."""
    engine, name = voice.split(":")
    if engine == "espeak-ng":
        return name.split("+")[1]
    return next((person for person in ("kal", "slt") if person in name), name)


@pytest.fixture(scope="module")
def rows() -> list[dict[str, str]]:
    with (DEMO / "metadata.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_holds_600_items_with_unique_ids(rows):
    assert len({row["id"] for row in rows}) == len(rows) == 600


@pytest.mark.parametrize(("column", "count"), [("product", 24), ("category", 6), ("packaging", 5), ("brand", 7)])
def test_label_counts(rows, column, count):
    assert len({row[column] for row in rows}) == count
    assert all(row[column] for row in rows)


def test_every_split_has_every_product_in_the_same_number(rows):
    counts = Counter((row["product"], row["split"]) for row in rows)
    assert {split: {counts[product, split] for product, _ in counts} for split in SPLITS} == {
        "train": {13},
        "val": {7},
        "test": {5},
    }


def test_a_group_stays_in_one_split(rows):
    assert len({(row["group"], row["split"]) for row in rows}) == len({row["group"] for row in rows})


def test_every_split_has_shoots_of_its_own_of_every_product(rows):
    shoots = {(row["product"], row["split"], row["group"]) for row in rows}
    counts = Counter((product, split) for product, split, _ in shoots)
    assert {split: {counts[row["product"], split] for row in rows} for split in SPLITS} == {
        "train": {3},
        "val": {3},
        "test": {2},
    }


def test_no_voice_is_heard_in_two_splits(rows):
    heard = {split: {row["voice"] for row in rows if row["split"] == split and row["voice"]} for split in SPLITS}
    assert {split: len(voices) for split, voices in heard.items()} == {"train": 14, "val": 6, "test": 6}
    assert len(set().union(*heard.values())) == 26


def test_no_speaker_is_heard_in_two_splits(rows):
    """Engines share speakers: festival's and flite's kal and slt are one person each."""
    heard = {
        split: {_speaker(row["voice"]) for row in rows if row["split"] == split and row["voice"]} for split in SPLITS
    }
    assert not heard["train"] & heard["val"] and not heard["train"] & heard["test"] and not heard["val"] & heard["test"]


def test_the_recipe_still_plans_the_committed_table(rows):
    assert plan()[0] == rows


def test_no_row_is_empty_and_about_eight_percent_of_cells_are(rows):
    assert all(any(row[column] for column in INPUTS) for row in rows)
    missing = sum(not row[column] for row in rows for column in INPUTS) / (len(rows) * len(INPUTS))
    assert 0.05 < missing < 0.10


def test_the_table_and_the_folders_name_the_same_files(rows):
    named = [name for row in rows for column in INPUTS[:2] for name in row[column].split(";") if name]
    found = {path.relative_to(DEMO).as_posix() for folder in ("images", "audio") for path in (DEMO / folder).iterdir()}
    assert set(named) == found and len(named) == len(found)


def test_some_rows_have_several_photos(rows):
    assert sum(";" in row["image_file_name"] for row in rows) == 12


def test_files_are_small_and_not_empty():
    sizes = [path.stat().st_size for path in DEMO.rglob("*") if path.is_file()]
    assert min(sizes) > 500
    assert sum(sizes) <= 15 * 1024 * 1024


def test_some_descriptions_fit_both_look_alikes(rows):
    """Descriptions that name the brand and not the variant: the words alone cannot settle the product."""
    described = [row for row in rows if row["text"]]
    variants = [row["product"].removeprefix(row["brand"]).split()[0].lower() for row in described]
    unsettled = [row for row, word in zip(described, variants, strict=True) if word not in row["text"].lower()]
    assert len(unsettled) > 0.2 * len(rows)
