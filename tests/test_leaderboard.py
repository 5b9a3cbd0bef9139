"""Leaderboards: order, pairing on the same rows, ties, groups, missing tasks; scores that are kept; damaged bundles."""

from __future__ import annotations

import csv
import json
import shutil

import numpy as np
import pytest
from typer.testing import CliRunner

from retail import charts
from retail.__main__ import app
from retail.build import train_recognizer
from retail.config import FrozenConfig, TrainConfig
from retail.dataset.reader import read_manifest
from retail.evaluation.leaderboard import Leaderboard, leaderboard
from retail.evaluation.reports import PromiseKept, ScoredData, Scores, SubsetCertainty
from retail.metrics.paired import holm, mcnemar
from retail.recognizer.bundle import load_bundle, save_bundle
from retail.report.leaderboard_tables import (
    board_sentence,
    certainty_sentences,
    leaderboard_table,
    leaderboard_text,
    learned_words,
    made_words,
    validation_table,
)
from retail.schema import UserError
from retail.training.record import RowCounts, TrainingData, TrainingRecord
from retail.workspace import leaderboards
from retail.workspace.execution import execute
from retail.workspace.requests import LeaderboardRequest
from tests.bundle_sample import finetuning_record
from tests.conftest import share
from tests.scored_sample import CHECKSUM, candidate, record

N = 60
BEST, CLOSE, POOR = [1] * 54 + [0] * 6, [1] * 52 + [0] * 8, [0] * 30 + [1] * 30


def board_of_three(groups=()) -> Leaderboard:
    return leaderboard(
        [candidate("poor", {"fruit": POOR}, groups), candidate("close", {"fruit": CLOSE}, groups)]
        + [candidate("best", {"fruit": BEST}, groups)]
    )


def test_the_most_accurate_comes_first_and_all_are_paired_with_it_row_by_row():
    first, second, third = board_of_three().of_task("fruit")
    assert [row.name for row in (first, second, third)] == ["best", "close", "poor"]
    assert first.behind is None and not first.tied and (first.n, first.accuracy) == (N, 0.9)
    assert second.behind.difference == pytest.approx(-2 / N)
    assert (second.behind.wins, second.behind.losses) == (0, 2)
    assert (third.behind.wins, third.behind.losses) == (6, 30)
    p_values = [mcnemar(0, 2), mcnemar(6, 30)]
    assert [second.behind.p_value, third.behind.p_value] == p_values
    assert [second.behind.p_holm, third.behind.p_holm] == holm(p_values)
    assert third.behind.low < third.behind.difference < third.behind.high < 0


def test_a_tie_is_said_plainly_and_whoever_is_clearly_behind_is_counted():
    rows = board_of_three().of_task("fruit")
    assert [row.tied for row in rows] == [False, True, False]
    assert board_sentence(rows) == (
        f"fruit: best leads with 90.0 % ({rows[0].accuracy_low * 100:.1f} % to {rows[0].accuracy_high * 100:.1f} %, "
        "n = 60); close cannot be told apart from the leader; 1 of 2 others is clearly behind."
    )
    assert "no other recogniser has been scored" in board_sentence(rows[:1])
    assert "close cannot be told apart from the leader." in board_sentence(rows[:2])
    verdicts = [row[5] for row in leaderboard_table(board_of_three()).rows]
    assert verdicts == ["leader", "tied", "behind"]


def test_rows_of_one_group_are_no_independent_evidence():
    alone = board_of_three().of_task("fruit")[-1]
    together = board_of_three([f"shoot {row // 15}" for row in range(N)]).of_task("fruit")[-1]
    assert alone.behind.difference == together.behind.difference
    assert alone.behind.clear and together.tied and together.behind.p_holm > alone.behind.p_holm
    assert together.accuracy_high - together.accuracy_low > alone.accuracy_high - alone.accuracy_low


def test_equal_accuracy_is_ordered_by_calibration_then_by_name_whatever_the_order_of_asking():
    given = [candidate(name, {"fruit": BEST}) for name in ("b", "a")]
    for order in (given, given[::-1]):
        assert [row.name for row in leaderboard(order).rows] == ["a", "b"]


def test_a_recogniser_without_a_task_is_not_on_that_board():
    board = leaderboard([candidate("both", {"fruit": POOR, "colour": CLOSE}), candidate("one", {"fruit": BEST})])
    assert board.tasks == ["fruit", "colour"]
    assert [row.name for row in board.of_task("fruit")] == ["one", "both"]
    assert [row.name for row in board.of_task("colour")] == ["both"]
    labels = {"fruit": BEST, "empty": []}
    assert leaderboard([candidate("both", labels)]).tasks == ["fruit"]


def test_scores_of_other_rows_are_refused_in_one_sentence():
    other = ScoredData(name="Vegetables", checksum="others", split="test", n=N)
    with pytest.raises(UserError, match="best was scored on the test rows of Fruit .* far on the test rows of Veg"):
        leaderboard([candidate("best", {"fruit": BEST}), candidate("far", {"fruit": BEST}, data=other)])
    moved = candidate("moved", {"fruit": BEST})
    answers = moved.scores.predictions["fruit"]
    swapped = answers.model_copy(update={"ids": answers.ids[::-1]})
    shifted = moved.scores.model_copy(update={"predictions": {"fruit": swapped}})
    with pytest.raises(UserError, match="scored for 'fruit' on other rows"):
        leaderboard([candidate("best", {"fruit": BEST}), type(moved)("moved", shifted)])
    with pytest.raises(UserError, match="No recogniser could be scored"):
        leaderboard([])


def test_the_board_says_how_each_was_made_and_from_what_it_learned():
    frozen = TrainingRecord(
        config=FrozenConfig(feature_map="pca", classifier="logistic"),
        data=TrainingData("Fruit", CHECKSUM),
        rows=RowCounts(10, 5),
    )
    board = leaderboard(
        [
            candidate("a", {"fruit": BEST}),
            candidate("b", {"fruit": BEST}, inputs=("image",)),
            candidate("c", {"fruit": BEST}, bundle=finetuning_record([0.5]).to_dict()),
            candidate("d", {"fruit": BEST}, bundle=frozen.to_dict(), inputs=("text",)),
            candidate("e", {"fruit": BEST}, bundle={}),
            candidate("f", {"fruit": BEST}, bundle=record("others", "Vegetables"), imported=True),
        ]
    )
    assert [made_words(row) for row in board.rows] == [
        "fusion: Gated fusion",
        "single input: photo",
        "fine-tuned: photo",
        "frozen features: Logistic regression on PCA features",
        "not written down (Gated fusion)",
        "fusion: Gated fusion, imported",
    ]
    assert [learned_words(row) for row in board.rows] == [
        "these data",
        "these data",
        "other data: sample",
        "these data",
        "not written down",
        "other data: Vegetables",
    ]


def test_rows_that_somebody_learned_from_come_with_a_caution():
    train = ScoredData(name="Fruit", checksum=CHECKSUM, split="train", n=N)
    board = leaderboard([candidate("best", {"fruit": BEST}, data=train)])
    assert "best learned from rows that are scored here" in leaderboard_text(board)
    assert board_of_three().seen == [] and "learned from rows" not in leaderboard_text(board_of_three())


def test_the_text_names_who_is_left_out_and_warns_of_choosing_by_test(tmp_path):
    board = board_of_three().model_copy(update={"left_out": {"broken": "It is damaged."}})
    text = leaderboard_text(board)
    assert "Left out: broken. It is damaged." in text and "a little too good" in text
    board.write(tmp_path / "board.json")
    assert Leaderboard.read(tmp_path / "board.json") == board
    assert json.loads((tmp_path / "board.json").read_text())["format"] == "retail-leaderboard/1"


def test_the_chart_draws_every_row_once_and_long_names_stay_apart():
    long = "Comparison: Spring catalogue, article type, base colour, season · "
    board = leaderboard([candidate(long + name, {"fruit": BEST}) for name in ("gated", "gated sum")])
    chart = charts.board_chart(board.of_task("fruit"), long + "gated").to_dict()
    (rows,) = chart["datasets"].values()
    labels = [row["name"] for row in rows]
    assert len(set(labels)) == 2 and all("…" in label and len(label) <= 44 for label in labels)
    assert long + "gated sum 90.0 % (tied)" in chart["description"]


def certainty(**changes) -> SubsetCertainty:
    promise = PromiseKept(
        wished=0.95, threshold=0.8, n=50, answered=20, coverage=0.4, accuracy=0.95, broken=False, needed=None
    )
    figures = {"n": 50, "accuracy": 0.8, "accuracy_low": 0.7, "accuracy_high": 0.9, "temperature": 1.5, "rises": 0.1}
    errors = {"ece_before": 0.2, "ece": 0.04, "ece_by_chance": 0.06, "set_coverage": 0.96, "set_size": 1.84}
    given = {"task": "fruit", "modalities": ("image",), "promises": (promise,)}
    return SubsetCertainty(**given | figures | errors | changes)


def test_the_figures_of_one_mix_of_inputs_read_as_sentences():
    right, error, accepted, sets = certainty_sentences(certainty())
    assert right == "Right 80.0 % of the time (70.0 % to 90.0 %, n = 50)."
    assert error.startswith("Calibration error 4.0 %, 20.0 % before calibration; ") and "6.0 %" in error
    assert accepted == "Sure at a target of 95 %: 40.0 % of the answers, 19 of these 20 right (95.0 %)."
    assert sets.endswith("holds the right one 96.0 % of the time, with 1.8 classes on average.")
    *_, strange = certainty_sentences(certainty(unknown=0.05))
    assert strange == "5.0 % of these products are taken for none of the known ones."
    none = PromiseKept(
        wished=0.95, threshold=None, n=50, answered=0, coverage=0.0, accuracy=None, broken=False, needed=None
    )
    assert certainty_sentences(certainty(promises=(none,)))[2].startswith(
        "Validation cannot promise 95 %, so no answer"
    )
    some = none.model_copy(update={"needed": 1200})
    assert "It would take about 1,200 validation products." in certainty_sentences(certainty(promises=(some,)))[2]
    empty = none.model_copy(update={"threshold": 0.99})
    assert "No answer is sure enough" in certainty_sentences(certainty(promises=(empty,)))[2]


@pytest.fixture(scope="module")
def bundles(small_data, session_home, tmp_path_factory):
    """Two recognisers of words, one of both tasks and one of drinks alone."""
    folder = tmp_path_factory.mktemp("bundles")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RETAIL_HOME", str(session_home))
        for name, tasks in (("both", ("colour", "drink")), ("drinks", ("drink",))):
            config = TrainConfig(strategy="concatenation", modalities=("text",), max_epochs=5)
            save_bundle(train_recognizer(small_data, tasks, config), folder / name)
    return folder


@pytest.fixture
def own_scores(tmp_path, monkeypatch, session_home):
    """A home without scores, with the embeddings of all tests."""
    home = share(tmp_path / "home", session_home)
    monkeypatch.setenv("RETAIL_HOME", str(home))
    return home / "scores"


def asked(data, bundles, *names, **changes) -> LeaderboardRequest:
    return LeaderboardRequest(data=data, recognizers={name: bundles / name for name in names}, **changes)


def test_the_second_look_scores_nothing_and_says_the_same(small_data, bundles, own_scores, tmp_path, monkeypatch):
    request = asked(small_data, bundles, "both", "drinks", out=tmp_path / "board.json")
    first = execute(request)
    assert len(list(own_scores.iterdir())) == 2 and "drink:" in first.text
    board = Leaderboard.read(tmp_path / "board.json")
    assert {(row.task, row.n) for row in board.rows} == {("colour", 12), ("drink", 12)}
    assert all(row.same_data for row in board.rows) and board.data.split == "test"
    monkeypatch.setattr(leaderboards, "evaluate", lambda *a, **k: pytest.fail("it was scored before"))
    assert execute(request) == first
    (next(own_scores.iterdir())).write_text("damaged", encoding="utf-8")
    with pytest.raises(pytest.fail.Exception):  # and is scored again
        execute(request)


def test_other_rows_and_another_recogniser_have_scores_of_their_own(small_data, bundles, own_scores, tmp_path):
    manifest = leaderboards.board_manifest(small_data, ("drink",))
    files = {leaderboards.score_file(bundles / name, manifest, "test") for name in ("both", "drinks")}
    files |= {leaderboards.score_file(bundles / "both", manifest, split) for split in ("val", "all")}
    assert len(files) == 4
    copy = shutil.copytree(bundles / "both", tmp_path / "copy")
    assert leaderboards.score_file(copy, manifest, "test") in files
    (copy / "head.safetensors").write_bytes(b"x")
    assert leaderboards.score_file(copy, manifest, "test") not in files


@pytest.mark.parametrize("damage", ["bundle.json", "head.safetensors"])
def test_a_damaged_bundle_is_named_and_the_others_stay(small_data, bundles, own_scores, tmp_path, damage):
    broken = shutil.copytree(bundles / "both", tmp_path / "broken")
    (broken / damage).write_text("x", encoding="utf-8")
    found = {"both": bundles / "both", "broken": broken}
    outcome = execute(LeaderboardRequest(data=small_data, recognizers=found, out=tmp_path / "board.json"))
    board = Leaderboard.read(tmp_path / "board.json")
    assert list(board.left_out) == ["broken"] and {row.name for row in board.rows} == {"both"}
    assert "Left out: broken. " in outcome.text
    with pytest.raises(UserError, match=r"None of the recognisers could be scored\. .*damaged|checksum"):
        execute(LeaderboardRequest(data=small_data, recognizers={"broken": broken}))


def test_without_a_split_column_all_are_scored_on_the_same_rows_whatever_they_learned_from(
    small_data, bundles, own_scores, tmp_path
):
    with (small_data / "metadata.csv").open(newline="", encoding="utf-8") as stream:
        rows = [
            (row["id"], row["text"], row["drink"], f"pair {n // 2}") for n, row in enumerate(csv.DictReader(stream))
        ]
    table = tmp_path / "unsplit.csv"
    with table.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([("id", "text", "drink", "group"), *rows])
    config = TrainConfig(strategy="concatenation", modalities=("text",), max_epochs=2)
    save_bundle(train_recognizer(table, ("drink",), config), tmp_path / "own")
    found = {"own": tmp_path / "own", "foreign": bundles / "drinks"}
    execute(LeaderboardRequest(data=table, recognizers=found, out=tmp_path / "board.json"))
    board = Leaderboard.read(tmp_path / "board.json")
    assert {row.name: row.same_data for row in board.rows} == {"own": True, "foreign": False}
    assert {row.n for row in board.rows} == {board.data.n} and 0 < board.data.n < len(rows) / 2
    kept = [Scores.read(path) for path in own_scores.iterdir()]
    groups = {row[0]: f"group {row[3]}" for row in rows}
    for answers in (scores.predictions["drink"] for scores in kept):
        assert answers.groups == tuple(groups[name] for name in answers.ids)


def test_one_that_other_groups_have_split_the_data_for_is_left_out(small_data, own_scores, tmp_path):
    with (small_data / "metadata.csv").open(newline="", encoding="utf-8") as stream:
        rows = [(row["id"], row["text"], row["drink"], f"v{n // 4}") for n, row in enumerate(csv.DictReader(stream))]
    table = tmp_path / "voices.csv"
    with table.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([("id", "text", "drink", "voice"), *rows])
    config = TrainConfig(strategy="concatenation", modalities=("text",), max_epochs=2)
    for name, group in (("alone", ()), ("tied", ("voice",))):
        save_bundle(train_recognizer(read_manifest(table, ("drink",), group=group), None, config), tmp_path / name)
    found = {name: tmp_path / name for name in ("alone", "tied")}
    for group, left_out in (((), "tied"), (("voice",), "alone")):
        out = tmp_path / "board.json"
        execute(LeaderboardRequest(data=table, recognizers=found, group=group, out=out))
        board = Leaderboard.read(out)
        assert list(board.left_out) == [left_out] and "may have learned from products" in board.left_out[left_out]
        assert [(row.name, row.same_data) for row in board.rows] == [(*set(found) - {left_out}, True)]


def test_the_command_names_bundles_by_their_folders(small_data, bundles, own_scores, tmp_path):
    again = shutil.copytree(bundles / "drinks", tmp_path / "drinks")
    assert list(leaderboards.names_of([bundles / "both", bundles / "drinks", again])) == [
        "both",
        str(bundles / "drinks"),
        str(again),
    ]
    folders = [str(bundles / "both"), str(bundles / "drinks")]
    tables = tmp_path / "tables"
    done = CliRunner().invoke(app, ["leaderboard", str(small_data), *folders, "--csv", str(tables)])
    assert done.exit_code == 0, done.output
    assert "Scored: the test rows of" in done.output and "Recognisers on the same rows" in done.output
    with (tables / "leaderboard.csv").open(newline="", encoding="utf-8") as stream:
        assert {(row["recogniser"], row["n"]) for row in csv.DictReader(stream)} == {("both", "12"), ("drinks", "12")}


def test_a_recogniser_knows_how_it_did_on_validation(bundles):
    table = validation_table(load_bundle(bundles / "both").certainty)
    assert [(row[0], row[1], row[3]) for row in table.rows] == [
        ("colour", "description", 12),
        ("drink", "description", 12),
    ]
    assert np.all([0 <= row[2] <= 1 for row in table.rows])


def test_a_recogniser_fits_data_when_it_knows_a_label_and_not_because_the_questions_are_called_the_same(small_data):
    manifest = leaderboards.board_manifest(small_data, ("drink",))
    own = manifest.products[0].labels["drink"]
    assert leaderboards.fits({"drink": ("soap", own)}, manifest) and leaderboards.fits(
        {"drink": (own.upper(),)}, manifest
    )
    assert not leaderboards.fits({"drink": ("soap",)}, manifest) and not leaderboards.fits({"colour": (own,)}, manifest)
