"""Classes that training lacks count as wrong in every room, which is said; all rooms speak of the same rows."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from retail import build
from retail.__main__ import app
from retail.certainty.calibration import Calibration
from retail.certainty.judged import judged_rows
from retail.comparison.on_data import compare_manifest
from retail.config import CompareConfig, TrainConfig
from retail.dataset.reader import read_manifest
from retail.encoders import load_preset
from retail.evaluation.scores import evaluate
from retail.finetuning.run import Tally
from retail.metrics.conformal import least_probability
from retail.recognizer.bundle import load_bundle
from retail.schema import Vocabulary
from retail.splits import prepare, unseen_classes, unseen_sentences
from retail.store import EmbeddingStore
from retail.training import MultiTaskLoss, fit

DRINKS = ("green tea", "black coffee", "oat milk", "apple juice", "cola")
ONE_INPUT = TrainConfig(strategy="concatenation", modalities=("text",), max_epochs=3)


def write(folder: Path, *, split: bool = False, rows: int = 60) -> Path:
    """Five drinks and ten classes of one product each; the table may mark splits so that two are never trained."""
    folder.mkdir(exist_ok=True)
    lines = []
    for row in range(rows):
        drink = DRINKS[row % 5]
        part = ("train", "train", "train", "val", "test")[row // 5 % 5]
        lines.append(
            (f"p{row}", f"{drink} no {row}", drink, "hot" if row % 5 < 2 else "cold", f"voice {row % 6}", part)
        )
    for row in range(10):
        part = {0: "val", 1: "test", 2: "holdout"}.get(row, "train")
        lines.append((f"s{row}", f"something special {row}", f"special {row}", "cold", "", part))
    header = ("id", "text", "drink", "served", "voice", "split")
    table = [line if split else line[:-1] for line in (header, *lines)]
    (folder / "metadata.csv").write_text("\n".join(map(",".join, table)))
    return folder


@pytest.fixture(scope="module")
def unsplit(tmp_path_factory) -> Path:
    return write(tmp_path_factory.mktemp("unseen") / "drinks")


@pytest.fixture(scope="module")
def marked(tmp_path_factory) -> Path:
    return write(tmp_path_factory.mktemp("marked") / "drinks", split=True)


def run(*words: object):
    return CliRunner().invoke(app, [str(word) for word in words])


def test_the_target_of_an_unknown_class_is_beyond_the_known_ones():
    vocabulary = Vocabulary(("a", "b"))
    assert [vocabulary.target(label) for label in ("b", "", "c")] == [1, -1, 2] and vocabulary.index("c") == -1


def test_the_sentence_counts_products_and_names_at_most_five_classes(marked):
    manifest = read_manifest(marked, ["drink", "served"])
    assert unseen_classes(manifest) == [
        f"drink: 1 of 11 {word} products belongs to a class without a training product ({name!r}); every answer to it "
        "counts as wrong."
        for word, name in (("validation", "special 0"), ("test", "special 1"))
    ]
    known = {"drink": Vocabulary(("cola", "oat milk"))}
    said = unseen_sentences(manifest.products, known, "scored")
    assert said[0].startswith(
        "drink: 45 of 69 scored products belong to classes without a training product ('apple juice',"
    )
    assert "and others" in said[0] and said[0].count("'") == 10
    assert unseen_sentences(manifest.in_split("train"), manifest.vocabularies(), "training") == []


def test_training_stops_and_counts_with_unseen_classes_as_wrong(marked):
    manifest = read_manifest(marked, ["drink"])
    splits = prepare(manifest, load_preset("bundled", ("text",)), EmbeddingStore(), need_test=False)
    unseen = splits.val.targets["drink"] == len(splits.vocabularies["drink"])
    assert int(unseen.sum()) == 1 and not (splits.train.targets["drink"] >= len(splits.vocabularies["drink"])).any()
    whole = fit(splits.train, splits.val, splits.task_sizes, ONE_INPUT)
    known = fit(splits.train, splits.val.rows(~unseen), splits.task_sizes, ONE_INPUT)
    n = len(splits.val)
    for with_it, without in zip(whole.history, known.history, strict=True):
        assert with_it.val_loss == without.val_loss, "no loss can be computed, so stopping is as before"
        assert with_it.val_accuracy == pytest.approx(without.val_accuracy * (n - 1) / n)
    everyone, taught = (
        Calibration.fit(whole.head, judged_rows(whole.head, rows)) for rows in (splits.val, splits.val.rows(~unseen))
    )
    assert everyone == taught
    only = fit(splits.train, splits.val.rows(unseen), splits.task_sizes, ONE_INPUT)
    assert {epoch.val_accuracy for epoch in only.history} == {0.0}
    assert all(np.isfinite(epoch.val_loss) for epoch in only.history)


def test_losses_tallies_and_prediction_sets_know_such_targets():
    logits, target = torch.tensor([[2.0, 0.0], [0.0, 2.0], [1.0, 0.0]]), torch.tensor([0, 2, -1])
    loss = MultiTaskLoss({"a": 2}, False, 0.1, {})
    assert float(loss({"a": logits}, {"a": target})) == float(loss({"a": logits[:1]}, {"a": target[:1]}))
    tally = Tally()
    tally.add({"a": logits}, {"a": target})
    assert tally.accuracy() == {"a": 0.5}
    probs = np.array([[0.9, 0.1]] * 19 + [[0.8, 0.2]])
    assert least_probability(probs, np.zeros(20, dtype=int), 0.9) == pytest.approx(0.9)
    assert least_probability(probs, np.array([0] * 17 + [2] * 3), 0.9) == 0, "three of twenty are in no set"


def test_train_evaluate_and_compare_agree_to_the_last_digit(unsplit):
    manifest = read_manifest(unsplit)
    assert set(manifest.tasks) == {"drink", "served"} and not unseen_classes(manifest)
    config = CompareConfig(strategies=("gated",), seeds=1, settings=False)
    compared = compare_manifest(manifest, config, ("text",))
    own = TrainConfig(strategy="concatenation", modalities=("text",))
    trained = build.train_recognizer(manifest, None, own)
    best = trained.info.history[trained.info.best_epoch]
    results = compared.comparison.results
    again = read_manifest(unsplit, list(trained.vocabularies), every_split=True)
    val, test = (evaluate(trained, again, split) for split in ("val", "test"))
    assert best.val_accuracy == np.mean([row.accuracy for row in val.scores])
    assert trained.info.rows.val == val.data.n == results.data.n_val
    assert {row.task: row.accuracy for row in val.scores} == {row.task: row.accuracy for row in results.validation}
    assert test.predictions["drink"].ids == results.predictions.ids
    for row in test.scores:
        assert row.accuracy == next(s.accuracy for s in results.scores if s.task == row.task and s.seed == 0)


def test_the_curve_with_all_examples_is_the_figure_of_frozen(unsplit, tmp_path):
    shared = ("--modality", "text", "--tasks", "drink", "--methods", "prototypes", "--split", "test")
    files = tmp_path / "frozen.json", tmp_path / "curve.json"
    found = run("frozen", unsplit, *shared, "--out", files[0])
    drawn = run("curve", unsplit, *shared, "--shots", "1,all", "--out", files[1])
    assert (found.exit_code, drawn.exit_code) == (0, 0), found.output + drawn.output
    frozen, curve = (json.loads(file.read_text()) for file in files)
    everything = next(row for row in curve["rows"] if row["shots"] == "all")
    assert (everything["accuracy"], everything["n"]) == (frozen["rows"][0]["accuracy"], frozen["rows"][0]["n"])
    assert frozen["data"]["n_scored"] == len(read_manifest(unsplit).in_split("test"))


def test_every_command_says_which_classes_training_lacks(marked, tmp_path):
    words = "1 of 11 validation products belongs to a class without a training product ('special 0')"
    bundle = tmp_path / "bundle"
    shared = ("--tasks", "drink", "--modalities", "text")
    assert words in run("check", marked, "--tasks", "drink").output
    trained = run("train", marked, *shared, "--out", bundle)
    assert words in trained.output and "on 11 rows" in trained.output
    frozen = run("frozen", marked, "--tasks", "drink", "--modality", "text", "--methods", "prototypes")
    assert words in frozen.output and re.search(r"prototypes +drink +11 ", frozen.output)
    scored = run("evaluate", bundle, marked, "--split", "test")
    assert "1 of 11 test products belongs to a class without a training product ('special 1')" in scored.output


def test_evaluate_takes_any_split_of_the_data_and_all_rows(marked, tmp_path):
    bundle, out = tmp_path / "bundle", tmp_path / "scores.json"
    trained = run("train", marked, "--tasks", "drink", "--modalities", "text", "--out", bundle)
    assert "'holdout' is not train, val or test; this row is left out." in trained.output
    for split, n in {"holdout": 1, "HOLDOUT": 1, "validation": 11, "test": 11, "all": 70}.items():
        scored = run("evaluate", bundle, marked, "--split", split, "--out", out)
        assert scored.exit_code == 0 and "left out" not in scored.output, scored.output
        assert json.loads(out.read_text())["data"]["n"] == n
    wrong = run("evaluate", bundle, marked, "--split", "later")
    assert wrong.exit_code == 1
    assert "no rows marked 'later'; choose --split among holdout (1), test (11), train (47), val (11), or use all" in (
        " ".join(wrong.output.split())
    )
    assert len(read_manifest(marked).products) == 69, "nobody else meets the row"


def test_groups_that_are_named_stay_whole_and_the_bundle_remembers_them(unsplit, tmp_path):
    bundle, out = tmp_path / "bundle", tmp_path / "scores.json"
    done = run("train", unsplit, "--tasks", "served", "--modalities", "text", "--group", "voice", "--out", bundle)
    assert done.exit_code == 0, done.output
    grouped = read_manifest(unsplit, ["served"], group=["voice"])
    sides: dict[str, set[str]] = {}
    for product in grouped.products:
        if product.group:
            sides.setdefault(product.group, set()).add(product.split)
    assert len(sides) == 6 and all(len(found) == 1 for found in sides.values())
    assert "voice" not in grouped.label_columns
    plain = read_manifest(unsplit, ["served"])
    assert plain.in_split("test") != grouped.in_split("test") and plain.checksum != grouped.checksum
    recognizer = load_bundle(bundle)
    assert recognizer.info.data.group == ("voice",) and recognizer.learned_from == grouped.checksum
    assert run("evaluate", bundle, unsplit, "--out", out).exit_code == 0
    ids = json.loads(out.read_text())["predictions"]["served"]["ids"]
    assert ids == [product.id for product in grouped.in_split("test")], "not one of the rows that it learned from"


def test_a_wrong_group_is_one_sentence(unsplit):
    missing = run("check", unsplit, "--group", "shoot")
    assert missing.exit_code == 1 and "no column 'shoot' for group" in " ".join(missing.output.split())
    learned = run("check", unsplit, "--group", "served", "--tasks", "served")
    assert learned.exit_code == 1 and "'served' says which rows form a group" in " ".join(learned.output.split())
    tied = run("check", unsplit, "--group", "voice,served")
    assert "column 'served, voice': these columns tie 70 of 70 rows into one group" in tied.output
