"""The table of answers: the user's own columns in front, no collision, and a decision for each answer."""

from __future__ import annotations

import csv

import pytest
from typer.testing import CliRunner

from retail.__main__ import app
from retail.schema import Answer, KnownProduct, Prediction
from retail.workspace.answers import SET_SHOWN, AnswerColumns

TASKS = ["category", "used", "notes", "category_probability", "Marke/Brand: 100 % [x]"]


OWN = [
    ["id", "text", *TASKS],
    ["id", "text"],
    [*TASKS, *(f"{task}_decision" for task in TASKS), "category (own)", "nearest_product"],
    AnswerColumns.of(["id", *TASKS], TASKS).header,  # the answers of an earlier run, recognised again
]


@pytest.mark.parametrize("own", OWN)
def test_no_two_columns_have_one_name_and_the_users_own_stand_in_front(own):
    columns = AnswerColumns.of(own, TASKS)
    assert len(columns.own) == len(own) and len(set(columns.header)) == len(columns.header)
    assert all(mine == name or mine.startswith(f"{name} (own") for mine, name in zip(columns.own, own, strict=True))
    assert [columns.tasks[task].label for task in TASKS] == TASKS  # whoever asks for an answer finds it by its question
    assert len(columns.header) == len(own) + 4 * len(TASKS) + 4
    assert AnswerColumns.read(columns.header, TASKS) == columns
    with pytest.raises(ValueError, match="not the answers"):
        AnswerColumns.read(columns.header, ["size", "weight"])


def test_names_that_collide_have_a_word_behind_them_and_others_stay_as_they_are():
    columns = AnswerColumns.of(["id", "kind"], ["kind", "brand", "used", "brand_set"])
    assert columns.own == ("id", "kind (own)")
    assert vars(columns.tasks["kind"]) == {
        "label": "kind",
        "probability": "kind_probability",
        "candidates": "kind_set",
        "decision": "kind_decision",
    }
    assert columns.tasks["brand"].candidates == "brand_set (answer)"
    assert list(columns.row.values()) == ["nearest_product", "nearest_similarity", "used (row)", "notes"]


def test_a_row_holds_the_answer_what_it_is_worth_and_no_formula():
    columns = AnswerColumns.of(["id", "=SUM(A1)"], ["kind", "brand"])
    many = tuple(f"c{place}" for place in range(SET_SHOWN + 2))
    answers = {
        "kind": Answer("=tea", 0.87654, ("=tea", "milk"), "review"),
        "brand": Answer("Lark", 0.99, many, "accept"),
    }
    nearest = KnownProduct("@p1", {"kind": "tea"}, 0.5)
    prediction = Prediction("1", {}, ("text",), ("+ something",), answers, nearest=nearest)
    row = dict(zip(columns.header, columns.cells(["1", "-2"], prediction), strict=True))
    assert row.pop("brand_set").endswith(" | c19 | … (2 more)")
    assert row == {
        "id": "1",
        "'=SUM(A1)": "-2",
        "kind": "'=tea",
        "kind_probability": "0.8765",
        "kind_set": "'=tea | milk",
        "kind_decision": "review",
        "brand": "Lark",
        "brand_probability": "0.9900",
        "brand_decision": "accept",
        "nearest_product": "'@p1",
        "nearest_similarity": "0.5000",
        "used": "text",
        "notes": "'+ something",
    }
    empty = columns.cells(["2", ""], Prediction("2", {}, ()))
    assert len(empty) == len(columns.header) and not any(empty[2:])


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A recogniser of questions that are called like columns of the table of answers."""
    folder = tmp_path_factory.mktemp("names")
    rows = [
        [f"p{row}", *((("oat drink", "tea bags")[row % 2],) + ("a", "b")[row % 2 : row % 2 + 1] * 3), split]
        for row, split in enumerate(["train"] * 24 + ["val"] * 12 + ["test"] * 8)
    ]
    with (folder / "metadata.csv").open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([["id", "text", "used", "notes", "category_probability", "split"], *rows])
    options = ["train", str(folder), "--out", str(folder / "bundle"), "--modalities", "text"]
    result = CliRunner().invoke(app, options)
    assert result.exit_code == 0, result.output
    return folder


def test_questions_called_like_other_columns_come_back_under_names_of_their_own(trained):
    out = trained / "out.csv"
    options = ["predict", str(trained / "bundle"), "--data", str(trained), "--out", str(out), "--accuracy", "0.6"]
    result = CliRunner().invoke(app, options)
    assert result.exit_code == 0 and "(target accuracy 60 %)" in result.output
    header, *rows = csv.reader(out.read_text(encoding="utf-8").splitlines())
    own = ["id", "text", "used (own)", "notes (own)", "category_probability (own)", "split"]
    assert header[:6] == own and len(set(header)) == len(header)
    with (trained / "metadata.csv").open(encoding="utf-8") as stream:
        assert [row[:6] for row in rows] == list(csv.reader(stream))[1:]
    columns = AnswerColumns.read(header, ["used", "notes", "category_probability"])
    found = [dict(zip(header, row, strict=True)) for row in rows]
    assert {columns.decision(row, "notes") for row in found} <= {"accept", "review", "unknown"}
    right = sum(row["notes"] == row["notes (own)"] for row in found)
    assert right > 0.9 * len(found) and all(columns.answered(row) for row in found)


def test_a_wish_that_nobody_can_promise_is_one_sentence(trained):
    options = ["predict", str(trained / "bundle"), "--text", "tea", "--accuracy", "1"]
    result = CliRunner().invoke(app, options)
    assert result.exit_code == 1 and "between 0.5 and 0.99, not at 1" in result.output
