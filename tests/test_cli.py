"""Every command on a small real data set with the bundled encoders: outputs, exit codes and sentences."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
import zipfile

import pytest
from typer.testing import CliRunner

from retail.__main__ import app
from retail.commands.shared import reported
from retail.workspace.records import Status


def run(*arguments, code: int = 0):
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == code, result.output + repr(result.exception)
    return result


@pytest.fixture(scope="module")
def bundle(small_data, session_home, tmp_path_factory):
    out = tmp_path_factory.mktemp("bundle") / "bundle"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RETAIL_HOME", str(session_home))
        result = run("train", small_data, "--tasks", "colour,drink", "--strategy", "concatenation", "--out", out)
    assert "mean validation accuracy" in result.output
    return out


def test_check_counts_rows_and_says_what_is_wrong(small_data, tmp_path):
    result = run("check", small_data)
    assert "48 usable products" in result.output
    assert "Questions  colour (3 classes) · drink (2 classes)" in result.output
    assert "colour 8 · drink 12 training products a class" in result.output
    broken = tmp_path / "metadata.csv"
    broken.write_text("id,image_file_name,text,kind\n1,missing.jpg,a tin,x\n2,,a jar,y\n", encoding="utf-8")
    result = run("check", broken, "--tasks", "kind")
    assert "missing.jpg" in result.output and "2 usable products" in result.output
    broken.write_text("id,image_file_name,text,kind\n1,missing.jpg,,x\n", encoding="utf-8")
    run("check", broken, "--tasks", "kind", code=1)
    assert "colourr" in run("check", small_data, "--tasks", "colourr", code=1).output


def test_second_embedding_computes_nothing(small_data, tmp_path, monkeypatch):
    monkeypatch.setenv("RETAIL_HOME", str(tmp_path))
    first = run("embed", small_data).output
    assert " 0 embeddings computed" not in first
    assert " 0 embeddings computed" in run("embed", small_data).output


def test_distance_says_whether_two_sets_differ(small_data, tmp_path):
    image_line, text_line = (
        run("distance", small_data, small_data, "--modalities", "image,text").stdout.strip().splitlines()
    )
    assert image_line.startswith("image: The two sets look alike") and text_line.startswith("text: ")
    other = tmp_path / "other"
    other.mkdir()
    (other / "metadata.csv").write_text("id,text\n1,tea\n", encoding="utf-8")
    refused = run("distance", small_data, other, "--modalities", "image", code=1)
    assert "no kind of input in common" in refused.output


def test_frozen_prints_a_row_for_each_method_and_task_and_writes_them(small_data, tmp_path):
    out = tmp_path / "frozen.json"
    options = ["--tasks", "colour", "--methods", "prototypes,pca+logistic", "--dims", "4", "--penalties", "0.1,1"]
    result = run("frozen", small_data, *options, "--out", out)
    assert "pca+logistic" in result.output and "colour: 3 classes with 8" in result.output
    results = json.loads(out.read_text())
    assert results["format"] == "retail-frozen/1" and results["data"]["split"] == "val"
    assert [(row["method"], row["n"]) for row in results["rows"]] == [("prototypes", 12), ("pca+logistic", 12)]
    again = run("frozen", small_data, *options, "--split", "test", "--map-data", small_data, "--map-tasks", "drink")
    assert "Scored on the test rows" in again.output
    for wrong, sentence in (
        (["--methods", "magic"], "No method is named 'magic'"),
        (["--modality", "image,text"], "--modality takes one input"),
        (["--dims", "many"], "dims lists whole numbers, separated by commas, not 'many'"),
        (["--split", "train"], "val or test rows, not on 'train'"),
    ):
        assert sentence in run("frozen", small_data, *wrong, code=1).output


def test_a_frozen_model_is_kept_as_a_bundle_that_scores_as_the_table_says(small_data, tmp_path):
    bundle, out = tmp_path / "bundle", tmp_path / "scores.json"
    options = ["--tasks", "colour", "--dims", "4", "--penalties", "0.1", "--bundle", bundle, "--out", out]
    result = run("frozen", small_data, *options, "--methods", "prototypes,pca+logistic")
    assert "Saved pca+logistic, the best by cross-validation" in result.output
    row = next(row for row in json.loads(out.read_text())["rows"] if row["method"] == "pca+logistic")
    run("evaluate", bundle, small_data, "--split", "val", "--out", out)
    assert json.loads(out.read_text())["scores"][0]["accuracy"] == row["accuracy"]
    for wrong in (["--methods", "prototypes"], ["--split", "test"]):
        assert "--bundle needs --split val" in run("frozen", small_data, *options, *wrong, code=1).output


def test_curve_prints_accuracy_against_examples(small_data, tmp_path):
    out = tmp_path / "curve.json"
    result = run("curve", small_data, "--tasks", "drink", "--modality", "text", "--shots", "1,all", "--out", out)
    assert "examples per class" in result.output and "linear" in result.output
    rows = json.loads(out.read_text())["rows"]
    assert [row["shots"] for row in rows] == [1, 1, "all", "all"] and rows[0]["draws"] == 5
    assert rows[-1]["accuracy"] >= 0.9
    assert "numbers above 0 or 'all'" in run("curve", small_data, "--shots", "some", code=1).output


def test_compare_writes_results_and_status(small_data, tmp_path):
    out, status = tmp_path / "results.json", tmp_path / "status.json"
    options = ["--tasks", "colour,drink", "--strategies", "averaged", "--seeds", "1", "--out", out, "--status", status]
    result = run("compare", small_data, *options, "--bundles", tmp_path / "bundles")
    assert "Accuracy in %" in result.output
    results = json.loads(out.read_text())
    assert {row["model"] for row in results["scores"]} == {"audio", "image", "text", "averaged"}
    told = json.loads(status.read_text())
    assert told["state"] == "done" and set(told["partial"]) == {"audio", "image", "text", "averaged"}
    means = {row["model"]: [] for row in results["validation"]}
    for row in results["validation"]:
        means[row["model"]].append(row["accuracy"])
    assert told["partial"] == pytest.approx({model: sum(found) / len(found) for model, found in means.items()})
    run("evaluate", tmp_path / "bundles" / "averaged", small_data, "--out", tmp_path / "scores.json")
    again = {row["task"]: row["accuracy"] for row in json.loads((tmp_path / "scores.json").read_text())["scores"]}
    assert again == {
        row["task"]: row["accuracy"] for row in results["scores"] if (row["model"], row["seed"]) == ("averaged", 0)
    }


def test_compare_with_one_input_keeps_that_recogniser(small_data, tmp_path):
    out = tmp_path / "results.json"
    options = ["--tasks", "drink", "--modalities", "text", "--seeds", "1", "--out", out]
    run("compare", small_data, *options, "--bundles", tmp_path / "bundles")
    assert {row["model"] for row in json.loads(out.read_text())["scores"]} == {"text"}
    assert [path.name for path in (tmp_path / "bundles").iterdir()] == ["text"]


def test_an_unknown_strategy_fails_before_any_work(small_data, tmp_path):
    status = tmp_path / "status.json"
    options = ["--strategies", "magic", "--out", tmp_path / "r.json", "--status", status]
    assert "No fusion strategy is named 'magic'" in run("compare", small_data, *options, code=1).output
    assert json.loads(status.read_text())["state"] == "failed"


def test_a_run_whose_folder_is_gone_ends_and_does_not_make_it_again(small_data, tmp_path):
    gone = tmp_path / "run" / "status.json"
    options = ["--out", tmp_path / "r.json", "--status", gone]
    assert "status.json does not exist; make it first" in run("compare", small_data, *options, code=1).output
    assert not gone.parent.exists() and not (tmp_path / "r.json").exists()
    gone.parent.mkdir()
    with reported(gone) as progress:
        shutil.rmtree(gone.parent)
        progress("training", 1, 1)
    assert not gone.parent.exists()


def test_a_first_figure_that_is_none_is_left_out(tmp_path):
    with reported(tmp_path / "status.json") as progress:
        progress.score("gated", 0.5)
        progress.score("image", float("nan"))
    assert Status.read(tmp_path / "status.json").partial == {"gated": 0.5}


def test_evaluate_counts_unknown_labels_as_wrong(bundle, small_data, tmp_path):
    out = tmp_path / "scores.json"
    assert "colour" in run("evaluate", bundle, small_data, "--out", out).output
    row = next(row for row in json.loads(out.read_text())["scores"] if row["task"] == "colour")
    assert row["n"] == 12 and row["accuracy"] >= 0.75
    folder = small_data.parent
    lines = (small_data / "metadata.csv").read_text().splitlines()
    header, *rows = [line.rsplit(",", 1)[0] for line in lines]  # without the split column
    renamed = small_data / "other.csv"
    renamed.write_text("\n".join([header, *(row.replace(",red,", ",crimson,") for row in rows)]) + "\n")
    moved = folder / "moved"
    if not moved.exists():
        moved.mkdir()
        for name in ("images", "audio"):
            (moved / name).mkdir()
            for file in (small_data / name).iterdir():
                (moved / name / file.name).write_bytes(file.read_bytes())
    renamed.replace(moved / "metadata.csv")
    result = run("evaluate", bundle, moved, "--out", out)
    scores = json.loads(out.read_text())
    assert "crimson" in result.output and scores["unknown_labels"]["colour"] == ["crimson"]
    row = next(row for row in scores["scores"] if row["task"] == "colour")
    assert row["n"] == 48 and row["split"] == "all" and row["accuracy"] <= 32 / 48


def test_predict_one(bundle, small_data):
    photo = small_data / "images" / "0.png"
    result = run("predict", bundle, "--image", photo, "--text", "fresh tea", "--json")
    answer = json.loads(result.stdout)
    assert answer["used"] == ["image", "text"]
    assert next(iter(answer["probs"]["colour"])) == "red" and next(iter(answer["probs"]["drink"])) == "tea"
    assert "at least one photo" in run("predict", bundle, code=1).output
    assert "does not exist" in run("predict", bundle, "--image", "nowhere.jpg", code=1).output
    assert "Unknown modality" in run("evaluate", bundle, small_data, "--modalities", "smell", code=1).output


def test_predict_many(bundle, small_data, tmp_path):
    out = tmp_path / "predictions.csv"
    run("predict", bundle, "--data", small_data, "--out", out)
    with out.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 48 and rows[7]["id"] == "007" and rows[0]["colour"] in ("red", "green", "blue")
    run("predict", bundle, "--data", small_data, code=2)


def test_help_has_examples_and_wrong_usage_exits_with_two():
    for command in (
        "check",
        "embed",
        "distance",
        "train",
        "compare",
        "report",
        "frozen",
        "curve",
        "evaluate",
        "predict",
        "audit",
        "doctor",
        "robustness",
    ):
        assert "Example: python -m retail" in run(command, "--help").output
    run("compare", code=2)


def test_help_loads_nothing_heavy():
    code = (
        "import sys, runpy; sys.argv = ['retail', '--help']\n"
        "try: runpy.run_module('retail', run_name='__main__')\n"
        "except SystemExit: pass\n"
        "sys.exit(any(name in sys.modules for name in ('torch', 'sklearn', 'pandas', 'transformers', 'pydantic')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, capture_output=True).returncode == 0


def test_a_place_that_cannot_be_written_to_is_refused_before_the_work(small_data, tmp_path):
    (tmp_path / "file").touch()
    for command in (["train", small_data, "--out", tmp_path / "file"], ["compare", small_data, "--out", tmp_path]):
        refused = run(*command, code=2)
        assert "is a" in " ".join(refused.output.split()) and refused.exception.code == 2


@pytest.fixture(scope="module")
def described(session_home, tmp_path_factory):
    """Words alone, without a split column, and a bundle that learned from them."""
    folder = tmp_path_factory.mktemp("described")
    words = [(("red", "green", "blue")[n % 3], ("tea", "coffee")[n // 3 % 2]) for n in range(60)]
    lines = [f"{n},a {colour} tin of {drink},{colour},{drink}" for n, (colour, drink) in enumerate(words)]
    (folder / "metadata.csv").write_text("\n".join(["id,text,colour,drink", *lines]), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RETAIL_HOME", str(session_home))
        run("train", folder, "--modalities", "text", "--strategy", "concatenation", "--out", folder / "bundle")
    return folder


def test_the_rows_that_a_bundle_learned_from_are_not_scored(described, tmp_path):
    out = tmp_path / "scores.json"
    assert "Scored: the test rows of" in run("evaluate", described / "bundle", described, "--out", out).output
    scores = json.loads(out.read_text())
    assert scores["data"]["split"] == scores["scores"][0]["split"] == "test" and 6 <= scores["data"]["n"] <= 12
    assert "Scored: the test rows of" in run("robustness", described / "bundle", described, "--out", out).output
    assert json.loads(out.read_text())["n"] == scores["data"]["n"]
    assert "Scored: the rows of" in run("evaluate", described / "bundle", described, "--split", "all").output


def test_a_bundles_task_is_scored_whatever_its_column_looks_like(described, tmp_path):
    """One colour only, every drink once: neither column would be guessed."""
    table = tmp_path / "metadata.csv"
    table.write_text("id,text,colour,drink\n1,a red tin of tea,red,tea\n2,a red tin of coffee,red,coffee\n")
    packed = tmp_path / "packed.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        archive.write(table, "inner/metadata.csv")
    out = tmp_path / "scores.json"
    for data in (tmp_path, packed):
        run("evaluate", described / "bundle", data, "--out", out)
        found = {row["task"]: (row["n"], row["split"]) for row in json.loads(out.read_text())["scores"]}
        assert found == {"colour": (2, "all"), "drink": (2, "all")}
    run("robustness", described / "bundle", tmp_path, "--out", out)
    assert {row["task"] for row in json.loads(out.read_text())["curves"]} == {"colour", "drink"}
    table.write_text("id,text,colour\n1,a red tin of tea,\n2,a red tin of coffee,\n")
    assert "No row to score has a label" in run("evaluate", described / "bundle", tmp_path, code=1).output
    table.write_text("id,text,other\n1,a red tin of tea,x\n2,a red tin of coffee,x\n")
    assert "none of the bundle's tasks" in run("evaluate", described / "bundle", tmp_path, code=1).output
