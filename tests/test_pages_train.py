"""The Train page without a browser: what is chosen becomes the request of a queued run, and runs can be followed."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from retail.config import CompareConfig, CurveConfig, FinetuneConfig, SearchConfig, TrainConfig
from retail.files import home
from retail.fusion import strategies
from retail.workspace import datasets, estimate, jobs, processes
from retail.workspace.records import JobRecord
from retail.workspace.requests import BestRequest, CompareRequest, CurveRequest, FinetuneRequest, FrozenRequest, Request
from tests.pages_driving import element, open_page, press, said
from tests.results_sample import curve_results, write_finished_run


@pytest.fixture(autouse=True)
def quiet_queue(tmp_path, monkeypatch):
    """Runs wait and nothing works them off."""
    monkeypatch.setenv("RETAIL_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(jobs, "advance", lambda: None)


@pytest.fixture
def train(small_data):
    return open_page("train", dataset=datasets.add_folder("Small", small_data).id, train_own_choice=True)


def asked() -> list[Request]:
    """What the queued runs are to do."""
    return [request for job in jobs.waiting() if (request := job.request)]


def test_one_press_queues_the_search_for_the_best_method(small_data):
    app = open_page("train", dataset=datasets.add_folder("Small", small_data).id)
    assert not app.radio, "strategies and methods are not the first thing that one sees"
    press(app, "Make a recogniser")
    (request,) = asked()
    out = Path("bundles/best")
    data = datasets.find("small").path
    assert request == BestRequest(data=data, tasks=("colour", "drink"), config=TrainConfig(), minutes=2, out=out)
    assert "Best method · Small · " in said(app)


def test_the_time_and_what_to_learn_from_what_are_the_visitors(small_data):
    app = open_page("train", dataset=datasets.add_folder("Small", small_data).id)
    element(app, "button_group", "Time").set_value(30)
    element(app, "multiselect", "What to learn").set_value(["drink"])
    element(app, "multiselect", "Inputs").set_value(["text"])
    app.run()
    assert "on the description first" in said(app)
    press(app, "Make a recogniser")
    (request,) = asked()
    assert (request.minutes, request.tasks, request.config.modalities) == (30, ("drink",), ("text",))


def test_the_next_step_is_the_one_primary_button(train):
    kinds = {button.label: button.proto.type for button in train.button}
    assert (kinds["Make a recogniser"], kinds["Start"]) == ("secondary", "primary")
    closed = open_page("train", dataset="small")
    assert [button.label for button in closed.button if button.proto.type == "primary"] == ["Make a recogniser"]


def test_a_comparison_is_queued_with_all_that_was_chosen(train):
    element(train, "multiselect", "Fusion methods").set_value(["gated", "averaged"])
    element(train, "number_input", "Seeds").set_value(2)
    element(train, "checkbox", "Also train").set_value(False)
    train.run()
    assert "It trains 10 small models" in said(train) and "another machine" in said(train)
    press(train, "Start")
    config = CompareConfig(tasks=("colour", "drink"), strategies=("gated", "averaged"), seeds=2, settings=False)
    data = datasets.find("small").path
    assert asked() == [CompareRequest(data=data, config=config, out=Path("results.json"), bundles=Path("bundles"))]
    assert "Comparison · Small · " in said(train) and "Starting" in said(train)
    press(train, "Start")
    assert "Waiting" in said(train)


def test_every_strategy_says_what_it_does_at_which_level_and_who_invented_it(train):
    for head in strategies().values():
        if head.compared:
            assert head.summary in said(train) and head.source in said(train)
            assert f"{head.level} level" in said(train)


def test_without_multi_task_every_question_gets_a_run_and_without_multi_modal_one_input_answers(train):
    element(train, "toggle", "Multi-task").set_value(False)
    element(train, "toggle", "Multi-modal").set_value(False)
    train.run()
    element(train, "radio", "Input").set_value("text")
    train.run()
    press(train, "Start")
    assert [(request.tasks, request.modalities) for request in asked()] == [
        (("colour",), ("text",)),
        (("drink",), ("text",)),
    ]
    titles = [job.record.title for job in jobs.waiting()]
    assert [title.split(" · ")[:3] for title in titles] == [
        ["Comparison", "Small", "colour"],
        ["Comparison", "Small", "drink"],
    ]


def test_fine_tuning_and_frozen_features_have_options_of_their_own(train):
    element(train, "radio", "Method").set_value("finetune")
    train.run()
    assert "No estimate yet" in said(train)
    element(train, "number_input", "Epochs").set_value(1)
    press(train, "Start")
    element(train, "radio", "Method").set_value("frozen")
    train.run()
    press(train, "Start")
    tuned, frozen = asked()
    assert isinstance(tuned, FinetuneRequest) and tuned.tuning == FinetuneConfig(epochs=1, layers=3)
    assert tuned.config == TrainConfig(strategy="concatenation") and tuned.out == Path("bundles/finetuned")
    names = ("linear", "prototypes", "logistic", "pca+linear", "pca+prototypes", "pca+logistic")
    assert isinstance(frozen, FrozenRequest) and frozen.config == SearchConfig(methods=names)
    assert (frozen.modality, frozen.out, frozen.bundle_out) == (
        "image",
        Path("frozen.json"),
        Path("bundles/frozen"),
    )


def test_a_learning_curve_is_queued_with_its_examples_and_draws(train):
    element(train, "radio", "Method").set_value("curve")
    train.run()
    element(train, "radio", "Input").set_value("text")
    element(train, "multiselect", "Examples per class").set_value(["1", "all"])
    element(train, "number_input", "Draws").set_value(3)
    train.run()
    press(train, "Start")
    (request,) = asked()
    assert isinstance(request, CurveRequest) and request.tasks == ("colour", "drink") and request.modality == "text"
    assert request.config == CurveConfig(shots=("1", "all"), draws=3)
    assert request.out == Path(jobs.list_jobs()[0].results.name)  # where Compare finds it


def test_deep_layers_low_rank_changes_and_contrast_can_be_chosen(train):
    element(train, "radio", "Method").set_value("finetune")
    train.run()
    element(train, "multiselect", "Encoders to fine-tune").set_value(["image", "text"])
    element(train, "text_input", "New hidden layers").set_value("512,512")
    element(train, "number_input", "LoRA rank").set_value(8)
    element(train, "number_input", "Align photo").set_value(0.3)
    train.run()
    press(train, "Start")
    (request,) = asked()
    assert (request.tuning.tune, request.config.hidden) == (("image", "text"), (512, 512))
    assert (request.tuning.lora_rank, request.tuning.contrast) == (8, 0.3)


def test_a_list_that_is_none_is_said_before_the_run(train):
    element(train, "radio", "Method").set_value("finetune")
    train.run()
    element(train, "text_input", "New hidden layers").set_value("512,wide")
    train.run()
    assert "hidden lists whole numbers, separated by commas, not '512,wide'" in said(train)
    assert not any(button.label == "Start" for button in train.button)


def test_bounds_and_help_are_those_of_the_declaration(train):
    seeds, declared = element(train, "number_input", "Seeds"), CompareConfig.options()["seeds"]
    assert (seeds.min, seeds.value, seeds.help) == (declared.low, CompareConfig.seeds, declared.help)


def test_larger_encoders_from_the_hub_can_be_chosen(train):
    box = element(train, "selectbox", "Encoders")
    assert any("hub" in words and "downloaded once" in words for words in box.options)
    box.set_value("hub").run()
    press(train, "Start")
    assert asked()[0].encoders == "hub"


def test_own_encoders_are_named(train):
    element(train, "selectbox", "Encoders").set_value("own")
    train.run()
    element(train, "text_input", "Encoder for photo").set_value("timm:resnet18@/weights/mine.pt")
    press(train, "Start")
    assert asked()[0].encoders == "image=timm:resnet18@/weights/mine.pt"


def test_nothing_chosen_cannot_be_started(train):
    element(train, "multiselect", "Fusion methods").set_value([])
    train.run()
    assert "Choose at least one fusion method" in said(train) and element(train, "button", "Start").disabled
    element(train, "multiselect", "What to learn").set_value([])
    train.run()
    assert "at least one column" in said(train)


@pytest.fixture
def live_process():
    """A process that runs as long as the test."""
    sleeper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    yield processes.recorded(sleeper.pid)
    sleeper.kill()
    sleeper.wait()


def test_a_running_job_shows_stage_time_left_and_first_figures_and_a_failed_one_its_log(live_process):
    folder = jobs.runs_folder() / "one"
    folder.mkdir(parents=True)
    record = JobRecord(title="Shoes [new]", process=live_process, started=time.time() - 60)
    record.write(folder / jobs.RECORD)
    now = {"state": "running", "stage": "training", "done": 11, "total": 31, "message": ""}
    now |= {"stage_started": 100.0, "updated": 200.0, "stage_first": 1, "partial": {"gated": 0.5, "image": 0.25}}
    (folder / "status.json").write_text(json.dumps(now))
    app = open_page("train")
    assert r"Shoes \[new\]" in said(app) and "Running" in said(app)
    assert any("Training: 11 of 31, about 3 minutes left" in str(item.proto) for item in app.get("progress"))
    table = next(item.value for item in app.dataframe if "so far" in item.value)
    assert table.values.tolist() == [["Gated fusion", "50.0 %"], ["Photo only", "25.0 %"]]
    (folder / "status.json").write_text(json.dumps(now | {"state": "failed", "message": "No room."}))
    (folder / "log.txt").write_text("the last words\n")
    app.query_params["run"] = "one"
    app.run()
    assert "No room." in said(app) and "the last words" in app.code[0].value
    press(app, "Retry")
    assert jobs.status(jobs.Job("one", folder)).state == "starting"
    press(app, "Cancel")
    assert jobs.status(jobs.Job("one", folder)).state == "cancelled"
    assert not app.error


def done(app, folder) -> str:
    """What Train says of a finished run, and where it leads."""
    app.query_params["run"] = folder.name
    app.run()
    assert not app.exception
    return said(app) + "".join(item.proto.label for item in app.get("page_link"))


def test_a_finished_run_leads_only_to_what_it_made():
    app = open_page("train")
    words = done(app, write_finished_run(home(), "20260101-000000-curve", curve_results()))
    assert "See it on Compare" in words
    assert "Open your recogniser" not in words and "See the comparison" not in words
    folder = write_finished_run(home(), "20260102-000000-both")
    (folder / "bundles" / "gated").mkdir(parents=True)
    (folder / "bundles" / "gated" / "bundle.json").write_text("{}")
    words = done(app, folder)
    assert "Open your recogniser →" in words and "See the comparison" in words and "See it on Compare" not in words


@pytest.fixture
def odd_columns(tmp_path):
    """Products with a column that has a comma in its name, and one of a single class."""
    rows = ['text,split,kind,one,"Size, EU"', *(f"words {n},train,{'ab'[n % 2]},same,{n % 2}" for n in range(20))]
    path = tmp_path / "odd.csv"
    path.write_text("\n".join(rows) + "\n")
    return datasets.add_folder("Odd", path).id


def test_a_column_with_a_comma_in_its_name_is_learned_as_one(odd_columns):
    app = open_page("train", dataset=odd_columns, train_own_choice=True)
    element(app, "multiselect", "What to learn").set_value(["kind", "Size, EU"])
    app.run()
    press(app, "Start")
    assert [request.tasks for request in asked()] == [("kind", "Size, EU")]


def test_this_machine_is_measured_with_the_chosen_columns_alone(odd_columns, monkeypatch):
    tried = []
    monkeypatch.setattr(estimate, "measure", lambda manifest, encoders: tried.append(manifest.tasks))
    app = open_page("train", dataset=odd_columns, train_own_choice=True)
    element(app, "multiselect", "What to learn").set_value(["kind"])
    app.run()
    press(app, "Measure this machine")
    assert tried == [("kind",)]


def test_an_input_of_which_no_file_is_found_stops_the_run_until_it_is_taken_out(tmp_path):
    lines = [f"lost/{row}.jpg,thing {row},{row % 2}" for row in range(30)]
    (tmp_path / "shop.csv").write_text("\n".join(["image_file_name,text,kind", *lines]))
    app = open_page("train", dataset=datasets.add_folder("Shop", tmp_path / "shop.csv").id)
    assert "None of the 30 photos that column 'image\\_file\\_name' names was found" in said(app)
    assert element(app, "button", "Make a recogniser").disabled
    element(app, "multiselect", "Inputs").set_value(["text"]).run()
    assert "None of the 30 photos" not in said(app)
    press(app, "Make a recogniser")
    assert [request.config.modalities for request in asked()] == [("text",)]
