"""The history follows the folders and survives the loss of its file; a recogniser travels as a ZIP."""

from __future__ import annotations

import io
import json
import math
import os
import time
import zipfile
from pathlib import Path
from typing import get_args

import pytest

from retail.config import CompareConfig
from retail.files import DEMO_BUNDLE, home
from retail.recognizer.bundle import load_bundle
from retail.report.files import csv_zip, latex_text
from retail.schema import Product, UserError
from retail.workspace import jobs, runs
from retail.workspace.recognizers import imported_folder, recognizers
from retail.workspace.requests import CompareRequest, PredictRequest, Request, write_request
from tests.bundle_sample import write_best_report, write_finetuned_bundle, write_frozen_bundle
from tests.frozen_sample import frozen_results
from tests.results_sample import as_results, curve_results, sample_json, sample_results, write_finished_run
from tests.test_side_by_side import without_test_labels


@pytest.fixture(autouse=True)
def empty_home(tmp_path, monkeypatch):
    monkeypatch.setenv("RETAIL_HOME", str(tmp_path / "home"))


def write_run(name: str, **facts) -> jobs.Job:
    folder = jobs.runs_folder() / name
    folder.mkdir(parents=True)
    (folder / "job.json").write_text(json.dumps({"title": name, "started": time.time(), "pid": 0} | facts))
    return jobs.Job(name, folder)


def test_a_run_is_described_by_its_folder():
    folder = write_finished_run(home())
    config = CompareConfig(tasks=("product", "brand"))
    write_request(CompareRequest(data=Path("/shops/shoes"), config=config), folder)
    (run,) = runs.history()
    assert (run.title, run.kind, run.data, run.tasks, run.state) == (
        "Sample comparison",
        "compare",
        "shoes",
        "product, brand",
        "done",
    )
    assert run.headline == "product 84.0 % (Gated sum); fusion pays for 1 of 2 questions"


def test_the_data_of_a_bulk_run_is_what_it_recognises_and_a_run_without_a_request_is_of_no_kind():
    bulk, other = write_run("bulk"), write_run("other", command=["python", "-m", "retail", "compare", "/shops/shoes"])
    request = PredictRequest(bundle=DEMO_BUNDLE, data=Path("/shops/new.zip"), out=Path("predictions.csv"))
    write_request(request, bulk.folder)
    found = {run.id: (run.kind, run.data, run.tasks) for run in runs.history()}
    assert found == {"bulk": ("predict", "new", ""), other.id: ("", "", "")}


def test_every_kind_of_run_has_a_name():
    assert set(runs.KIND_WORDS) == {kind.model_fields["kind"].default for kind in get_args(Request)}


def test_frozen_features_and_fine_tuning_have_a_headline_too():
    frozen, tuned = write_run("frozen"), write_run("tuned")
    frozen_results(("kind", "linear", 0.5), ("kind", "lda+linear", 0.75)).write(frozen.folder / "frozen.json")
    bundle = write_finetuned_bundle(tuned.folder / "bundles" / "finetuned", [0.25, 0.625])
    for job in (frozen, tuned):
        (job.folder / "status.json").write_text(json.dumps({"state": "done"}))
    found = {run.id: run for run in runs.history()}
    assert found["frozen"].headline == "On validation: kind 75.0 % (Linear layer on LDA features)"
    assert found["tuned"].headline == "On validation: kind 62.5 %" and found["tuned"].bundles == [bundle]


def test_the_headline_is_that_of_the_recogniser_that_was_kept_not_of_the_best_method():
    job = write_run("frozen")
    scores = (("kind", "prototypes", 1.0), ("kind", "pca+logistic", 0.944))
    frozen_results(*scores).write(job.folder / "frozen.json")
    write_frozen_bundle(job.folder / "bundles" / "frozen", "pca+logistic")
    (job.folder / "status.json").write_text(json.dumps({"state": "done"}))
    (run,) = runs.history()
    assert run.headline == "On validation: kind 94.4 % (Logistic regression on PCA features)"


def test_a_search_is_remembered_by_what_it_kept():
    job = write_run("best")
    bundle = write_frozen_bundle(job.folder / "bundles" / "best", "logistic")
    write_best_report(bundle)
    (job.folder / "status.json").write_text(json.dumps({"state": "done"}))
    (run,) = runs.history()
    assert run.headline == "On test: kind 80.0 % (Photo only)"


def test_tags_are_kept_in_the_folder_and_a_rename_later_does_not_lengthen_a_run():
    folder = write_finished_run(home())
    job = jobs.Job(folder.name, folder)
    before = runs.history()[0]
    jobs.annotate(job, ["spring", " spring", "", "final"], " For the shop. ")
    jobs.rename(job, "Other")
    (run,) = runs.history()
    assert run.tags == "spring, final" and job.notes.text == "For the shop."
    assert (run.title, run.ended) == ("Other", before.ended)


def test_a_learning_curve_is_remembered_by_its_ends():
    write_finished_run(home(), results=curve_results())
    (run,) = runs.history()
    assert run.headline == "product: 50.0 % with 1 per class, 70.0 % with all (Linear layer)"


def test_the_file_may_be_lost_or_broken():
    write_finished_run(home())
    before = runs.history()
    for damage in (lambda path: path.unlink(), lambda path: path.write_bytes(b"no database" * 100)):
        damage(home() / "runs.sqlite")
        assert runs.history() == before


def test_new_names_ends_and_deletions_are_seen():
    job = write_run("b", queued=True)
    write_run("a")
    found = {run.id: run for run in runs.history()}
    assert found["b"].state == "starting" and found["b"].ended == 0
    assert found["a"].state == "failed" and "ended before it was done" in found["a"].headline
    jobs.cancel(job)
    jobs.rename(job, "renamed")
    (run,) = [run for run in runs.history() if run.id == "b"]
    assert (run.title, run.state, run.headline) == ("renamed", "cancelled", "Cancelled.") and run.ended > 0
    jobs.delete(job)
    assert [run.id for run in runs.history()] == ["a"]


def long_ago(job: jobs.Job) -> None:
    """As if the last file had been written into the folder a minute before."""
    os.utime(job.folder, (time.time() - 60,) * 2)


def test_only_runs_whose_folder_changed_are_read_again(monkeypatch):
    for name in ("a", "b", "c"):
        finished(name, "frozen.json", {})
        long_ago(jobs.Job(name, jobs.runs_folder() / name))
    runs.history()
    read, describe = [], runs._describe
    monkeypatch.setattr(runs, "_describe", lambda job, now: read.append(job.id) or describe(job, now))
    assert [run.title for run in runs.history()] == ["c", "b", "a"] and read == []
    jobs.rename(jobs.find("b"), "another")
    assert [run.title for run in runs.history()] == ["c", "another", "a"] and read == ["b"]
    assert runs.history() and read == ["b", "b"], "what changed a moment ago may change again"


def test_the_queue_is_looked_at_once_however_many_runs_wait(monkeypatch):
    for name in ("a", "b", "c"):
        write_run(name, queued=True)
    looks, waiting = [], jobs.waiting
    monkeypatch.setattr(jobs, "waiting", lambda: looks.append(1) or waiting())
    assert sorted(run.state for run in runs.history()) == ["queued", "queued", "starting"] and len(looks) == 1
    assert sorted(now.state for _, now in jobs.statuses()) == ["queued", "queued", "starting"] and len(looks) == 2


def test_a_run_under_way_is_asked_at_each_look_and_one_started_again_is_under_way():
    job = write_run("a", queued=True)
    long_ago(job)
    assert [runs.history()[0].state for _ in range(2)] == ["starting"] * 2 and jobs.waiting() == [job]
    jobs.cancel(job)
    long_ago(job)
    assert [runs.history()[0].state for _ in range(2)] == ["cancelled"] * 2 and jobs.waiting() == []
    (job.folder / jobs.CANCELLED).unlink()
    assert runs.history()[0].state == "starting" and jobs.waiting() == [job]


def test_tables_and_latex_hold_the_figures():
    with zipfile.ZipFile(io.BytesIO(csv_zip(sample_results()))) as archive:
        assert "accuracy.csv" in archive.namelist()
        assert "0.84" in archive.read("accuracy.csv").decode()
    assert "84.0" in latex_text(sample_results())


def test_an_exported_recogniser_is_imported_and_answers_alike():
    content = runs.bundle_zip(DEMO_BUNDLE)
    one, two = runs.import_bundle("my model.zip", content), runs.import_bundle("my model.zip", content)
    assert (one.name, two.name) == ("my-model", "my-model-2") and one.parent == imported_folder()
    assert recognizers()["Imported: my-model"] == one
    product = Product("x", text="ground coffee in a tin")
    assert load_bundle(one).predict(product).probs == load_bundle(DEMO_BUNDLE).predict(product).probs


def repacked(change) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(runs.bundle_zip(DEMO_BUNDLE))) as old, zipfile.ZipFile(stream, "w") as new:
        for name in old.namelist():
            change(new, name, old.read(name))
    return stream.getvalue()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (lambda: b"PK no zip", "not a usable ZIP"),
        (lambda: repacked(lambda new, name, data: new.writestr("../" + name, data)), "points outside the folder"),
        (lambda: repacked(lambda new, name, data: new.writestr(name + ".txt", data)), "contains no bundle.json"),
        (
            lambda: repacked(lambda new, name, data: new.writestr(name, data if "json" in name else data[:-1] + b"x")),
            "does not match its checksum",
        ),
    ],
)
def test_what_is_no_bundle_is_refused_and_leaves_nothing(content, sentence):
    with pytest.raises(UserError, match=sentence):
        runs.import_bundle("bad.zip", content())
    assert not list(imported_folder().glob("*"))


def finished(name: str, file: str, content: object) -> None:
    job = write_run(name)
    (job.folder / file).write_text(json.dumps(content))
    (job.folder / "status.json").write_text(json.dumps({"state": "done"}))


def test_no_run_without_figures_or_with_a_damaged_file_hides_the_others():
    unlabelled = ("year", "linear", math.nan)
    finished("some", "frozen.json", json.loads(frozen_results(("kind", "linear", 0.75), unlabelled).model_dump_json()))
    finished("none", "frozen.json", json.loads(frozen_results(unlabelled).model_dump_json()))
    finished("cut", "results.json", {"format": "retail-results/1", "tasks": {"kind": ["a"]}})
    finished("odd", "results.json", ["no", "results"])
    headlines = {run.id: run.headline for run in runs.history()}
    assert headlines == {"some": "On validation: kind 75.0 % (Linear layer)", "none": "", "cut": "", "odd": ""}


def test_the_headline_speaks_of_tasks_that_have_a_labelled_test_row():
    results = without_test_labels(sample_json(), "product")
    assert runs.results_headline(as_results(results)) == "brand 70.0 % (Gated sum); fusion pays for 0 of 1 question"
    assert runs.results_headline(as_results(without_test_labels(results, "brand"))) == ""


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            {"width": 7},
            "head.safetensors in bundle odd.zip is not a usable file of weights: it does not fit bundle.json",
        ),
        ({"encoders": None}, "odd.zip/bundle.json is damaged at 'encoders'"),
        ({"tasks": {}}, "odd.zip/bundle.json is damaged at 'tasks'"),
    ],
)
def test_a_recogniser_whose_files_do_not_fit_together_is_refused(change, sentence):
    def changed(new, name, data):
        new.writestr(name, json.dumps(json.loads(data) | change) if name == "bundle.json" else data)

    with pytest.raises(UserError, match=sentence):
        runs.import_bundle("odd.zip", repacked(changed))
    assert not list(imported_folder().glob("*"))
