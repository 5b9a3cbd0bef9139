"""Training again from corrections, from the answer that was wrong to the gain on the test rows."""

import csv
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from retail.__main__ import app
from retail.catalogue.choice import catalogue_of, choose
from retail.catalogue.database import Catalogue
from retail.config import TrainConfig
from retail.dataset.reader import read_manifest
from retail.files import DEMO_BUNDLE, GROCERIES_BUNDLE
from retail.finetuning.record import FinetuningRecord
from retail.recognizer.bundle import load_bundle, save_bundle
from retail.review.corrections import Corrections
from retail.review.gain import Gain, gain
from retail.schema import Product, UserError
from retail.workspace import corrected, jobs
from retail.workspace.corrected import gain_of, offer, request_again, train_again
from retail.workspace.execution import execute
from retail.workspace.requests import CompareConfig, CompareRequest, TrainRequest, write_request

pytestmark = pytest.mark.usefixtures("empty_home")

WORDS = {
    "tea": "green tea leaves",
    "coffee": "ground coffee beans",
    "soap": "soft hand soap",
    "rice": "long grain rice",
}
SETTINGS = TrainConfig(strategy="concatenation", modalities=("text",), max_epochs=6, seed=3)


@pytest.fixture
def data(folder) -> Path:
    """Four kinds of product; to training, rice is nothing but one row that is called coffee."""
    with (folder / "metadata.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["id", "text", "kind", "split"])
        for row in range(48):
            kind, split = list(WORDS)[row % 4], ("train", "train", "val", "test")[row // 4 % 4]
            label = "coffee" if kind == "rice" and split == "train" else kind
            if kind != "rice" or split != "train" or row < 4:
                writer.writerow([row, f"{WORDS[kind]} no {row}", label, split])
    return folder


@pytest.fixture
def run(data) -> jobs.Job:
    """A finished training."""
    job = jobs.new_job()
    request = TrainRequest(data=data, tasks=("kind",), config=SETTINGS, out=Path("bundles/concatenation"))
    write_request(request, job.folder)
    jobs.JobRecord(title="Groceries").write(job.folder / jobs.RECORD)
    execute(request, folder=job.folder)
    return job


@pytest.fixture
def bundle(run) -> Path:
    return run.folder / "bundles" / "concatenation"


def say(bundle: Path, text: str, kind: str):
    recognizer, product = load_bundle(bundle), Product("upload", text=text)
    return Corrections().record(
        product,
        recognizer.predict(product),
        "class",
        labels={"kind": kind},
        recognizer=recognizer,
        bundle=bundle,
        catalogue=Catalogue.open("shop"),
    )


def test_corrections_teach_the_next_recogniser_and_the_gain_is_measured_on_test_rows_that_they_never_enter(
    bundle, data, tmp_path
):
    assert offer(bundle).sentence == "0 corrections since this recogniser was trained."
    for number in range(8):
        say(bundle, f"long grain rice from {number}", "rice")
    tested = next(row for row in read_manifest(data).in_split("test") if row.labels["kind"] == "rice")
    say(bundle, tested.text, "rice")
    assert offer(bundle).sentence.startswith("9 corrections since this recogniser was trained; train again: about ")
    request = request_again(bundle)
    assert (request.config, request.tasks, request.follows) == (SETTINGS, ("kind",), bundle)
    outcome = execute(request, folder=tmp_path / "run")
    after, found = tmp_path / "run" / "bundles" / "concatenation", Gain.read(tmp_path / "run" / "gain.json")
    (task,) = found.tasks
    assert (found.corrections, task.n) == (8, 12), "the one that equals a test row did not enter"
    assert (task.before, task.after, task.difference) == (0.75, 1.0, 0.25), "rice is known now"
    assert task.low >= 0 and task.high < 1
    assert "With 8 corrections, on test rows that none of them entered:" in outcome.text
    assert f"{found.tasks[0].sentence}" in outcome.text
    assert task.sentence.startswith("kind: 75.0 % before, 100.0 % after (+25.0 points, 95 % interval +0.0 to ")
    assert offer(after).corrections == (), "it has learned them"
    assert len(offer(bundle).corrections) == 9


def test_a_second_round_adds_to_the_first_and_leaves_out_what_was_taken_back(run, bundle, monkeypatch):
    first = say(bundle, "brown rice", "rice")
    say(bundle, "white rice", "rice")
    request = request_again(bundle)
    again = jobs.new_job()
    write_request(request, again.folder)
    execute(request, folder=again.folder)
    after = again.folder / "bundles" / "concatenation"
    Corrections().undo(first.id)
    say(after, "red rice", "rice")
    assert offer(after).sentence.startswith("1 correction since")
    manifest = read_manifest(request_again(after).data)
    assert [row.text for row in manifest.joined] == ["white rice", "red rice"]
    assert manifest.title == "data with 2 corrections"


def test_train_again_queues_the_run_and_its_recogniser_answers_with_the_same_catalogue(bundle, monkeypatch):
    asked = []

    def start(request, title):
        asked.append((request, title))
        return jobs.new_job()

    monkeypatch.setattr(jobs, "start", start)
    say(bundle, "brown rice", "rice")
    choose(bundle, "shop")
    job = train_again(bundle)
    ((request, title),) = asked
    assert title == "Groceries · concatenation, with 1 correction"
    assert request.out == Path("bundles/concatenation")
    assert catalogue_of(job.folder / request.out) == "shop"
    assert gain_of(job) is None


def test_the_winner_of_a_comparison_is_trained_again_by_itself(bundle, data):
    run = bundle.parent.parent
    write_request(CompareRequest(data=data, config=CompareConfig(tasks=("kind",))), run)
    say(bundle, "brown rice", "rice")
    request = request_again(bundle)
    assert isinstance(request, TrainRequest)
    assert (request.config, request.tasks) == (SETTINGS, ("kind",))


def test_a_recogniser_of_the_command_line_is_trained_again_where_somebody_names_its_data(bundle, data, tmp_path):
    alone = save_bundle(load_bundle(bundle), tmp_path / "somewhere" / "else" / "mine")
    say(alone, "brown rice", "rice")
    assert "is not kept on this machine" in offer(alone).refused
    with pytest.raises(UserError, match="is not kept on this machine"):
        request_again(alone)
    request = request_again(alone, data)
    assert (request.tasks, request.encoders) == (("kind",), "text=hf:all-MiniLM-L6-v2@bundled")
    assert len(read_manifest(request.data).joined) == 1


def test_the_demo_can_be_trained_again_and_the_groceries_count_through_their_catalogue():
    assert offer(DEMO_BUNDLE).refused == ""
    assert "corrections count through its catalogue" in offer(GROCERIES_BUNDLE).refused
    with pytest.raises(UserError, match="no correction to learn from"):
        request_again(DEMO_BUNDLE)


def test_without_a_labelled_test_row_nobody_says_a_gain(bundle, data):
    recognizer, manifest = load_bundle(bundle), read_manifest(data)
    train = replace(manifest, products=tuple(manifest.in_split("train")))
    assert gain(recognizer, recognizer, train, 3).text.startswith("No test row has a label")
    same = gain(recognizer, recognizer, manifest, 3).tasks[0]
    assert (same.difference, same.n) == (0, 12)


def test_a_recogniser_that_has_gone_takes_the_gain_with_it_and_nothing_else(bundle, tmp_path):
    say(bundle, "brown rice", "rice")
    request = request_again(bundle).model_copy(update={"follows": tmp_path / "gone"})
    outcome = execute(request, folder=tmp_path / "run")
    assert "Saved concatenation" in outcome.text and not (tmp_path / "run" / "gain.json").exists()


def test_the_time_of_a_fine_tuning_is_that_of_the_last_one_and_of_its_new_rows(bundle, monkeypatch):
    info = load_bundle(bundle).info
    tuned = FinetuningRecord.model_construct(**dict(info), finetuning_seconds=240.0)
    before = offer(bundle).seconds
    assert before < 60
    monkeypatch.setattr(corrected, "training_of", lambda bundle: tuned)
    for number in range(info.rows.train):
        say(bundle, f"brown rice {number}", "rice")
    assert offer(bundle).seconds == pytest.approx(480 + corrected.START_SECONDS)


def test_the_command_lists_what_was_said_trains_and_says_the_gain(bundle, tmp_path):
    say(bundle, "brown rice", "rice")
    listed = CliRunner().invoke(app, ["corrections", str(bundle)])
    assert listed.exit_code == 0
    line, sentence = listed.stdout.splitlines()
    assert "recognise" in line and line.endswith(" was said, rice is right")
    assert sentence.startswith("1 correction since this recogniser was trained; train again: about ")
    trained = CliRunner().invoke(app, ["corrections", str(bundle), "--train", str(tmp_path / "next")])
    assert trained.exit_code == 0 and "With 1 correction, on test rows" in trained.stdout
    assert (tmp_path / "next" / "bundle.json").is_file() and (tmp_path / "next" / "gain.json").is_file()
    nothing = CliRunner().invoke(app, ["corrections", "demo", "--train", str(tmp_path / "demo")])
    assert nothing.exit_code == 1 and "correct or confirm some answers first" in nothing.stderr
