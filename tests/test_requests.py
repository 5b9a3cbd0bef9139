"""Requests: every kind survives its file, damage is one sentence, and all who ask make the same record."""

from __future__ import annotations

import csv
import json
import re
import time
from pathlib import Path
from typing import get_args

import pytest
from typer.testing import CliRunner

from retail.__main__ import app
from retail.commands import declared
from retail.config import CompareConfig, CurveConfig, FinetuneConfig, SearchConfig, TrainConfig
from retail.config.reading import Reading
from retail.files import DEMO_BUNDLE
from retail.recognizer.bundle import load_bundle
from retail.schema import UserError
from retail.workspace import bulk, datasets, jobs
from retail.workspace.execution import execute
from retail.workspace.requests import (
    FILE,
    AuditRequest,
    BestRequest,
    CompareRequest,
    CurveRequest,
    DoctorRequest,
    EmbedRequest,
    EvaluateRequest,
    FinetuneRequest,
    FrozenRequest,
    LeaderboardRequest,
    PredictRequest,
    Request,
    RobustnessRequest,
    TrainRequest,
    read_request,
    request_of,
    write_request,
)
from tests.pages_driving import element, open_page, press

DATA, BUNDLE = Path("/data/hats.zip"), Path("/bundles/hats")
COLUMNS = ("kind", "Size, EU")
GROUP = ("voice", "Shoot, place")
REQUESTS: list[Request] = [
    CompareRequest(data=DATA, config=CompareConfig(tasks=COLUMNS, seeds=2), group=GROUP, html=Path("r.html")),
    DoctorRequest(data=DATA, config=CompareConfig(strategies=("gated",)), out=Path("doctor.json")),
    TrainRequest(data=DATA, tasks=COLUMNS, config=TrainConfig(hidden=(8, 4)), out=Path("bundle")),
    BestRequest(data=DATA, tasks=COLUMNS, config=TrainConfig(), minutes=2.5, out=Path("bundle")),
    FinetuneRequest(
        data=DATA, tasks=COLUMNS, config=TrainConfig(), tuning=FinetuneConfig(tune=("text",)), out=Path("bundle")
    ),
    FrozenRequest(data=DATA, modality="image", config=SearchConfig(dims=(4,), penalties=(0.5,)), map_tasks=COLUMNS),
    CurveRequest(data=DATA, modality="audio", config=CurveConfig(shots=("1", "all")), out=Path("results.json")),
    AuditRequest(data=DATA, tasks=COLUMNS, out=Path("audit.json")),
    EmbedRequest(data=DATA, text_column="words", encoders="hub"),
    EvaluateRequest(data=DATA, bundle=BUNDLE, modalities=("image", "text"), split="holdout", group=GROUP),
    LeaderboardRequest(data=DATA, recognizers={"Hats · gated": BUNDLE}, csv_folder=Path("tables")),
    RobustnessRequest(data=DATA, bundle=BUNDLE, rows=5, csv_folder=Path("tables")),
    PredictRequest(data=DATA, bundle=BUNDLE, limit=10, reading=Reading(codes=True), out=Path("predictions.csv")),
]


def test_every_kind_stands_in_the_list_above():
    assert {type(request) for request in REQUESTS} == set(get_args(Request))


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda request: request.kind)
def test_a_request_comes_back_as_it_was_written(request_, tmp_path):
    write_request(request_, tmp_path)
    assert read_request(tmp_path) == request_
    assert json.loads((tmp_path / FILE).read_text())["format"] == "retail-request/1"


def test_outputs_go_into_the_folder_and_inputs_stay_where_they_are():
    placed = REQUESTS[0].placed_in(Path("/runs/one"))
    assert placed.out == Path("/runs/one/results.json") and placed.html == Path("/runs/one/r.html")
    assert placed.bundles is None and placed.data == DATA
    assert REQUESTS[-1].placed_in(Path("/runs/one")).bundle == BUNDLE
    elsewhere = EvaluateRequest(data=DATA, bundle=BUNDLE, out=Path("/tmp/scores.json"))
    assert elsewhere.placed_in(Path("/runs/one")) == elsewhere


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"format": "retail-request/9"}, "format: Input should be 'retail-request/1'"),
        ({"kind": "juggle"}, "'juggle'"),
        ({"config": {"width": 0}}, "width is at least 1, not 0"),
        ({"config": {"magic": 1}}, "config.magic: "),
        ({"extra": 1}, "extra: "),
        ({"data": None}, "data: "),
    ],
)
def test_a_damaged_or_foreign_request_is_one_sentence(change, sentence, tmp_path):
    write_request(REQUESTS[2], tmp_path)
    path = tmp_path / FILE
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(
        UserError, match=r"request.json is not a request of this version \(.*; start the run again"
    ) as said:
        read_request(tmp_path)
    assert sentence in str(said.value) and "\n" not in str(said.value)
    assert request_of(tmp_path) is None


def test_no_request_and_half_a_request_are_one_sentence_too(tmp_path):
    with pytest.raises(UserError, match="contains no request.json; name the folder of a run"):
        read_request(tmp_path)
    (tmp_path / FILE).write_text('{"format": "retail-re')
    with pytest.raises(UserError, match="not a request of this version .*Invalid JSON"):
        read_request(tmp_path)
    done = CliRunner().invoke(app, ["run", str(tmp_path)])
    assert done.exit_code == 1 and "not a request of this version" in done.output
    assert json.loads((tmp_path / "status.json").read_text())["state"] == "failed"


@pytest.fixture
def typed(monkeypatch):
    """What the command line would run, without running it."""
    asked: list[Request] = []
    monkeypatch.setattr(declared, "run", lambda request, reporter: asked.append(request))

    def run(*arguments: object) -> Request:
        done = CliRunner().invoke(app, [str(argument) for argument in arguments])
        assert done.exit_code == 0, done.output
        return asked[-1]

    return run


@pytest.fixture
def quiet_queue(tmp_path, monkeypatch):
    """Runs wait and nothing works them off."""
    monkeypatch.setenv("RETAIL_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(jobs, "advance", lambda: None)


def test_page_and_command_line_make_the_same_request(small_data, quiet_queue, typed):
    dataset = datasets.add_folder("Small", small_data)
    page = press(open_page("train", dataset=dataset.id, train_own_choice=True), "Make a recogniser")
    element(page, "multiselect", "Fusion methods").set_value(["gated", "averaged"])
    element(page, "number_input", "Seeds").set_value(2)
    press(page.run(), "Start")
    element(page, "radio", "Method").set_value("finetune")
    element(press(page.run(), "Start"), "radio", "Method").set_value("frozen")
    element(press(page.run(), "Start"), "radio", "Method").set_value("curve")
    press(page.run(), "Start")
    data = [dataset.path, "--tasks", "colour,drink"]
    options = ["--strategies", "gated,averaged", "--seeds", 2, "--out", "results.json", "--bundles", "bundles"]
    methods = "linear,prototypes,logistic,pca+linear,pca+prototypes,pca+logistic"
    everything = ["--layers", 3, "--modalities", "image,text,audio", "--out", "bundles/finetuned"]
    assert [job.request for job in jobs.waiting()] == [
        typed("train", *data, "--best", "--minutes", 2, "--out", "bundles/best"),
        typed("compare", *data, *options),
        typed("finetune", *data, *everything),
        typed("frozen", *data, "--methods", methods, "--out", "frozen.json", "--bundle", "bundles/frozen"),
        typed("curve", *data, "--out", "results.json"),
    ]


def test_bulk_and_command_line_make_the_same_request(small_data, quiet_queue, typed, monkeypatch):
    monkeypatch.setattr(jobs, "start_command", lambda command, job, title: None)
    job = bulk.start(DEMO_BUNDLE, small_data, "Many", "words")
    monkeypatch.setattr("retail.commands.recognizers.run", declared.run)
    options = ["--text-column", "words", "--limit", bulk.MAX_ROWS, "--out", "predictions.csv"]
    assert job.request == typed("predict", DEMO_BUNDLE, "--data", small_data, *options)


@pytest.fixture
def priced(tmp_path):
    """Words with a label column that has a comma in its name."""
    path = tmp_path / "priced" / "metadata.csv"
    path.parent.mkdir()
    with path.open("w", newline="", encoding="utf-8") as stream:
        rows = [
            (f"a {'cheap' if n % 2 else 'dear'} hat", "train val test".split()[n // 4 % 3], n % 2) for n in range(48)
        ]
        csv.writer(stream).writerows([("text", "split", "Size, EU"), *rows])
    return path.parent


def test_a_column_with_a_comma_is_learned_from_the_command_line(priced, tmp_path):
    out = tmp_path / "bundle"
    options = ["--modalities", "text", "--strategy", "concatenation", "--out", str(out)]
    done = CliRunner().invoke(app, ["train", str(priced), "--tasks", r"Size\, EU", *options])
    assert done.exit_code == 0, done.output
    assert "tasks Size, EU; mean validation accuracy" in done.output
    assert list(load_bundle(out).vocabularies) == ["Size, EU"]


def test_a_queued_request_runs_in_its_folder_to_the_end(priced, tmp_path, monkeypatch):
    monkeypatch.setenv("RETAIL_HOME", str(tmp_path / "home"))
    config = TrainConfig(strategy="concatenation", modalities=("text",))
    job = jobs.start(TrainRequest(data=priced, tasks=("Size, EU",), config=config, out=Path("bundles/one")), "Hats")
    deadline = time.monotonic() + 240
    while jobs.status(job).state in jobs.UNFINISHED:
        assert time.monotonic() < deadline, job.log_tail()
        time.sleep(0.2)
    assert jobs.status(job).state == "done", job.log_tail()
    assert "tasks Size, EU" in job.log_tail()
    assert list(load_bundle(job.folder / "bundles" / "one").vocabularies) == ["Size, EU"]


def test_who_asks_without_a_follower_gets_the_outcome_alone(priced, tmp_path, monkeypatch):
    monkeypatch.setenv("RETAIL_HOME", str(tmp_path / "home"))
    outcome = execute(AuditRequest(data=priced, encoders="none", out=Path("audit.json")), folder=tmp_path)
    assert "Size, EU" in outcome.text and (tmp_path / "audit.json").is_file()


def test_nobody_reads_what_a_run_is_from_its_command():
    """Only the command line knows arguments, and only the queue a command, to start it."""
    parsing = re.compile(
        r"sys\.argv|\"--[a-z-]+\" (not )?in |\.index\(\"--|\.command\b|\[\"command\"\]|get\(\"command\""
    )
    retail = Path(__file__).parents[1] / "retail"
    queue = [retail / "workspace" / name for name in ("jobs.py", "queue.py", "records.py")]
    queue.append(retail / "dataset" / "tables" / "workbook.py")  # starts itself in a process that may die
    files = [path for path in retail.rglob("*.py") if path.parent.name != "commands" and path not in queue]
    assert retail / "workspace" / "runs.py" in files
    assert [path.name for path in files if parsing.search(path.read_text(encoding="utf-8"))] == []
