"""Leaderboard without a browser: the board, the run that scores, and one recogniser's figures for the given inputs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from retail.build import train_recognizer
from retail.config import TrainConfig
from retail.files import GROCERIES_NAME, home
from retail.recognizer.bundle import load_bundle, save_bundle
from retail.wording import percent
from retail.workspace import datasets, jobs, leaderboards
from retail.workspace.datasets import DEMO_NAME
from retail.workspace.execution import execute
from retail.workspace.recognizers import RUN_BUNDLES, imported_folder, recognizers
from retail.workspace.requests import LeaderboardRequest, TrainRequest, write_request
from retail.workspace.runs import history
from tests.bundle_sample import write_finetuned_bundle
from tests.conftest import share
from tests.pages_driving import TIMEOUT_SECONDS, element, press, said

WORDS, BOTH = "Words · concatenation", "Words and photos · concatenation"


@pytest.fixture(scope="module")
def bundles(small_data, session_home, tmp_path_factory):
    """A recogniser of words, and one of photos and words."""
    folder = tmp_path_factory.mktemp("bundles")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RETAIL_HOME", str(session_home))
        for name, inputs in (("words", ("text",)), ("both", ("image", "text"))):
            config = TrainConfig(strategy="concatenation", modalities=inputs, max_epochs=5)
            save_bundle(train_recognizer(small_data, ("colour", "drink"), config), folder / name)
    return folder


@pytest.fixture
def dataset(small_data, session_home, tmp_path, monkeypatch):
    """A home of its own, where runs wait for ever, with one data set."""
    monkeypatch.setenv("RETAIL_HOME", str(share(tmp_path / "home", session_home)))
    monkeypatch.setattr(jobs, "advance", lambda: None)
    return datasets.add_folder("Small", small_data)


def finished_run(dataset, bundle: Path, title: str) -> jobs.Job:
    """A training that has made this recogniser."""
    job = jobs.new_job()
    out = Path(RUN_BUNDLES) / "one"
    write_request(TrainRequest(data=dataset.path, tasks=("colour",), config=TrainConfig(), out=out), job.folder)
    (job.folder / "job.json").write_text(json.dumps({"title": title}), encoding="utf-8")
    (job.folder / "status.json").write_text(json.dumps({"state": "done"}), encoding="utf-8")
    shutil.copytree(bundle, job.folder / out)
    return job


@pytest.fixture
def runs(dataset, bundles):
    """Both recognisers as finished runs."""
    return [finished_run(dataset, bundles / name, title) for name, title in (("words", "Words"), ("both", BOTH[:16]))]


def score_all(dataset) -> dict:
    """What the run of the page does, in this process: {title: Scores} of those that can be scored."""
    found = recognizers()
    tasks, _ = leaderboards.tasks_of(found)
    wanted = dict.fromkeys(task for own in tasks.values() for task in own)
    manifest = leaderboards.board_manifest(dataset.path, wanted)
    fitting = [title for title, own in tasks.items() if set(own) & {"colour", "drink"}]
    return {title: leaderboards.find_scores(found[title], manifest) for title in fitting}


def open_at(recogniser: str = "", inputs: str = "", **state) -> AppTest:
    app = AppTest.from_file("../streamlit_app.py", default_timeout=TIMEOUT_SECONDS)
    for key, value in state.items():
        app.session_state[key] = value
    if recogniser:
        app.query_params["recogniser"] = recogniser
    if inputs:
        app.query_params["inputs"] = inputs
    app.switch_page("retail/pages/leaderboard.py").run()
    assert not app.exception, app.exception
    return app


def test_one_button_starts_the_run_that_scores_all_that_fit_the_data(dataset, runs):
    app = open_at(WORDS)
    assert "has not been scored on the test products" in said(app)
    app = press(app, "Score 2 recognisers on the test products")
    (job,) = jobs.waiting()
    request = job.request
    assert isinstance(request, LeaderboardRequest) and request.data == dataset.path
    assert set(request.recognizers) == {WORDS, BOTH}  # the demo's answers none of these questions
    assert "Leaderboard: Small" in said(app)
    assert not [item for item in app.button if item.label.startswith("Score")]
    app = open_at(WORDS)  # a refresh finds it again
    assert "Leaderboard: Small" in said(app) and element(app, "button", "Cancel")


def test_the_board_has_all_that_were_scored_and_names_the_leader(dataset, runs):
    scores = score_all(dataset)
    app = open_at(board_data=dataset.id, looked_at=WORDS, data_is_of=WORDS)
    assert not [item for item in app.button if item.label.startswith("Score")]
    for task in ("colour", "drink"):
        app = element(app, "selectbox", "What is recognised").set_value(task).run()
        table = app.dataframe[0].value
        assert set(table["recogniser"]) == {WORDS, BOTH} and set(table["n"]) == {"12"}
        for title, found in scores.items():
            (score,) = (row for row in found.scores if row.task == task)
            (cell,) = table[table["recogniser"] == title]["accuracy, %"]
            assert cell.startswith(f"{100 * score.accuracy:.1f} [")
        assert f"{task}: {table['recogniser'].iloc[0]} leads with" in said(app)
    assert "a little too good" in said(app)


def test_a_link_opens_the_figures_of_exactly_that_recogniser_for_the_given_inputs(dataset, runs):
    scores = score_all(dataset)
    for title, inputs in ((BOTH, "image"), (BOTH, "image,text"), (WORDS, "text"), (BOTH, "text")):
        app = open_at(title, inputs)
        assert element(app, "selectbox", "Inputs given").value == inputs
        assert element(app, "selectbox", "Data set").value == dataset.id
        rows = [row for row in scores[title].subset_certainty if ",".join(row.modalities) == inputs]
        assert [row.task for row in rows] == ["colour", "drink"]
        for row in rows:
            assert f"Right {percent(row.accuracy)} of the time" in said(app)
            assert f"Calibration error {percent(row.ece)}" in said(app)
        assert len(app.dataframe[-1].value) == len(scores[title].subset_certainty)


def test_the_same_link_asks_for_the_same_again(dataset, runs):
    score_all(dataset)
    app = open_at(BOTH, "image")
    app = element(app, "selectbox", "Inputs given").set_value("text").run()
    app = element(app, "radio", "Section").set_value("All recognisers").run()
    assert "leads with" in said(app)
    app.switch_page("retail/pages/compare.py").run()
    app.query_params.update(recogniser=BOTH, inputs="image")
    app.switch_page("retail/pages/leaderboard.py").run()
    assert not app.exception
    assert element(app, "selectbox", "Inputs given").value == "image"


def test_it_starts_with_the_recogniser_that_recognise_uses(dataset, runs):
    app = AppTest.from_file("../streamlit_app.py", default_timeout=TIMEOUT_SECONDS)
    app.session_state.recogniser = WORDS
    app.switch_page("retail/pages/leaderboard.py").run()
    assert not app.exception and app.session_state.looked_at == WORDS
    assert element(app, "radio", "Section").value == "All recognisers"


def test_inputs_that_the_recogniser_does_not_know_are_passed_over(dataset, runs):
    score_all(dataset)
    assert element(open_at(WORDS, "audio,text"), "selectbox", "Inputs given").value == "text"
    assert element(open_at(BOTH, "audio"), "selectbox", "Inputs given").value == "image,text"
    assert open_at("Nobody", "text").session_state.looked_at == DEMO_NAME


def test_another_choice_changes_the_address_and_the_data(dataset, runs):
    app = open_at(WORDS, "text")
    element(app, "selectbox", "Recogniser").set_value(DEMO_NAME)
    app.run()
    assert not app.exception
    assert app.query_params["recogniser"] in (DEMO_NAME, [DEMO_NAME])
    assert element(app, "selectbox", "Data set").value == "demo"
    app = element(app, "selectbox", "Data set").set_value(dataset.id).run()
    assert "These data have no label that it knows" in said(app)


def test_without_test_figures_its_own_validation_speaks(dataset, runs, bundles):
    records = load_bundle(bundles / "both").certainty.promises.records
    table = open_at(BOTH).dataframe[0].value
    assert len(table) == len(records) == 6
    record = records["drink", ("image",)]
    (row,) = table[(table["question"] == "drink") & (table["given"] == "photo")].to_dict("records")
    assert (row["right, %"], row["n"]) == (f"{100 * record.right.sum() / record.n.sum():.1f}", "12")


def test_one_that_cannot_be_scored_is_named_and_the_others_stay(dataset, runs, bundles):
    folder = shutil.copytree(bundles / "both", imported_folder() / "broken")
    (folder / "head.safetensors").write_text("x", encoding="utf-8")
    write_finetuned_bundle(imported_folder() / "foreign", [0.5])  # answers other questions
    (imported_folder() / "torn").mkdir()
    (imported_folder() / "torn" / "bundle.json").write_text("{", encoding="utf-8")
    found = {title: folder for title, folder in recognizers().items() if "broken" in title or title in (WORDS, BOTH)}
    job = leaderboards.start(dataset.path, found, "text", "Leaderboard: Small")
    execute(job.request, folder=job.folder)
    (job.folder / "status.json").write_text(json.dumps({"state": "done"}), encoding="utf-8")
    job.record.model_copy(update={"queued": False}).write(job.folder / jobs.RECORD)
    assert next(run for run in history() if run.id == job.id).headline.startswith("2 scored; first for colour: ")
    app = open_at(board_data=dataset.id, looked_at=WORDS, data_is_of=WORDS)
    (warning,) = [item.value for item in app.warning]  # one for both
    assert "“Imported: broken” cannot be scored" in warning and "“Imported: torn” cannot be scored" in warning
    assert set(app.dataframe[0].value["recogniser"]) == {WORDS, BOTH}
    assert element(app, "button", "Try again to score 1 recogniser")
    assert "has not been scored" not in said(open_at("Imported: broken"))


def test_an_imported_recogniser_finds_its_data_by_name(dataset, bundles):
    shutil.copytree(bundles / "words", imported_folder() / "words")
    app = open_at("Imported: words")
    assert load_bundle(bundles / "words").info.data.name == "data"  # as its folder is called, not as here
    assert element(app, "selectbox", "Data set").value == "demo"
    datasets.rename(dataset, "data")
    assert element(open_at("Imported: words"), "selectbox", "Data set").value == dataset.id


def test_a_finished_run_leads_to_the_figures_of_its_recogniser(dataset, runs):
    for page in ("train", "runs"):
        app = AppTest.from_file("../streamlit_app.py", default_timeout=TIMEOUT_SECONDS)
        app.query_params["run"] = runs[0].id
        app.switch_page(f"retail/pages/{page}.py").run()
        assert not app.exception, app.exception
        (link,) = (item.proto for item in app.get("page_link") if item.proto.label == "How good is it?")
        assert link.page.startswith("leaderboard") and "recogniser=Words" in link.query_string


def test_the_demo_is_shown_with_its_own_data_and_nothing_is_scored_unasked(dataset):
    app = open_at(DEMO_NAME, "image")
    assert element(app, "selectbox", "Data set").value == "demo" and element(app, "button", "Score 1 recogniser")
    assert not (home() / "scores").exists() and jobs.list_jobs() == []


def test_the_groceries_show_the_figures_that_they_ship_with_and_are_not_asked_of_other_products(dataset):
    app = open_at(GROCERIES_NAME, "image")
    assert "official test photos of the Grocery Store Dataset: product 89.2 %, category 92.6 % (n = 2,485)" in said(app)
    assert "These data have no label that it knows" in said(app)
