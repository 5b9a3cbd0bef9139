"""The shipped groceries: the catalogue's table is the recipe's, its files are there, and its labels are the classes."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import pytest

from recipes.groceries.__main__ import catalogue_rows, example_rows
from recipes.groceries.clips import EXAMPLE_VOICE, VOICES, plan
from recipes.groceries.products import Grocery, groceries
from recipes.spoken_word.voices import VALIDATION_VARIANTS, VARIANTS
from retail.files import GROCERIES_BUNDLE, GROCERIES_CATALOGUE, GROCERIES_EXAMPLES
from retail.recognizer.bundle import read_record


def table(folder: Path) -> list[dict[str, str]]:
    with (folder / "metadata.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_the_recipe_still_plans_the_committed_tables():
    assert catalogue_rows(groceries()) == table(GROCERIES_CATALOGUE)
    assert example_rows(groceries()) == table(GROCERIES_EXAMPLES)


@pytest.mark.parametrize("folder", [GROCERIES_CATALOGUE, GROCERIES_EXAMPLES])
def test_the_tables_and_the_folders_name_the_same_files(folder):
    named = {row[column] for row in table(folder) for column in row if column.endswith("_file_name")} - {""}
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*.*")} - {"metadata.csv"}
    assert named == found and min((folder / name).stat().st_size for name in found) > 500
    assert sum((folder / name).stat().st_size for name in found) < 3e6


def test_the_labels_are_the_classes_that_the_recogniser_answers_with():
    rows, tasks = table(GROCERIES_CATALOGUE), read_record(GROCERIES_BUNDLE).tasks
    for task in tasks:
        assert {row[task] for row in rows} == set(tasks[task])
    assert len({(row["product"], row["category"], row["department"]) for row in rows}) == 81


def test_a_product_is_said_by_its_name_and_its_everyday_name_and_a_category_only_where_none_is_called_so():
    pear = Grocery("Kaiser", "Pear", "Fruit", "kaiser pear", "large and brown")
    leek = Grocery("Leek", "Leek", "Vegetables", "leek", "long and mild")
    rows = plan([pear, leek])
    assert [(row.words, row.text) for row in rows[:5]] == [
        ("Kaiser", "Kaiser"),
        ("Kaiser", "large and brown"),
        ("kaiser pear", "kaiser pear"),
        ("kaiser pear", ""),
        ("pear", "pear"),
    ]
    assert [(row.words, row.text) for row in rows[5:]] == [
        ("Leek", "Leek"),
        ("Leek", "long and mild"),
        ("leek", ""),
        ("leek", ""),
    ]
    assert len({row.id for row in rows}) == len({row.file for row in rows}) == 9
    both = plan([pear, Grocery("Anjou", "Pear", "Fruit", "anjou pear", "plump and green")])
    assert Counter(row.file for row in both)["audio/pear_rms.ogg"] == 2  # one clip for both


def test_the_voice_of_the_examples_is_heard_by_neither_the_catalogue_nor_the_encoder():
    variant = EXAMPLE_VOICE.name.partition("+")[2]
    assert variant in VALIDATION_VARIANTS and variant not in VARIANTS
    assert all(voice.name.partition("+")[2] != variant for voice in VOICES.values())
