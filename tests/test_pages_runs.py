"""The Runs page without a browser: history, exports, names, deletion and runs side by side."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from retail.config import CompareConfig
from retail.escaping import plain
from retail.files import DEMO_BUNDLE, home
from retail.workspace import jobs
from retail.workspace.recognizers import recognizers
from retail.workspace.requests import CompareRequest, PredictRequest, write_request
from retail.workspace.runs import bundle_zip
from tests.bundle_sample import write_best_report, write_finetuned_bundle, write_frozen_bundle
from tests.pages_driving import element, open_page, press, said
from tests.results_sample import write_finished_run


@pytest.fixture(autouse=True)
def empty_home(tmp_path, monkeypatch):
    monkeypatch.setenv("RETAIL_HOME", str(tmp_path / "home"))


def test_an_empty_history_leads_to_train():
    assert "No runs yet" in said(open_page("runs"))


def test_a_finished_run_is_listed_with_its_headline_and_can_be_exported():
    write_finished_run(home())
    app = open_page("runs")
    row = app.dataframe[0].value.iloc[0]
    assert (row["name"], row["state"]) == ("Sample comparison", "Done") and "1 of 2 questions" in row["result"]
    labels = [item.proto.label for item in app.get("download_button")]
    assert labels == ["Report (HTML)", "Tables (CSV)", "Tables (LaTeX)"]


def test_what_a_bulk_run_answered_can_be_downloaded_and_opened():
    folder = write_finished_run(home(), "20260101-000000-bulk")
    (folder / "results.json").unlink()
    answers = "id,kind\n1,a\n2,b\n"
    (folder / "predictions.csv").write_text(answers)
    write_request(PredictRequest(bundle=DEMO_BUNDLE, data=folder / "x.zip", out=Path("predictions.csv")), folder)
    app = open_page("runs")
    (button,) = app.get("download_button")
    assert button.proto.label == "Answers (CSV)" and app.dataframe[0].value["result"].tolist() == ["2 products"]
    assert "Open the answers →" in [link.proto.label for link in app.get("page_link")]


def test_tags_and_notes_are_kept_and_tags_narrow_the_list():
    for name in ("20260101-000000-aaaa", "20260102-000000-bbbb"):
        write_finished_run(home(), name)
    app = open_page("runs")
    element(app, "multiselect", "Tags").set_value(["spring"])
    element(app, "text_area", "Notes").set_value("With new photos")
    press(app, "Save")
    assert jobs.find("20260102-000000-bbbb").notes.text == "With new photos"
    assert app.dataframe[0].value["tags"].tolist() == ["spring", ""]
    element(app, "button_group", "Tags").set_value(["spring"]).run()
    assert app.dataframe[0].value["tags"].tolist() == ["spring"]
    assert element(app, "text_area", "Notes").value == "With new photos"


def test_the_settings_of_two_runs_are_laid_side_by_side():
    for name, seeds in (("20260101-000000-aaaa", 1), ("20260102-000000-bbbb", 3)):
        folder = write_finished_run(home(), name)
        write_request(CompareRequest(data=folder, config=CompareConfig(seeds=seeds)), folder)
    app = open_page("runs", **{"settings_20260102-000000-bbbb": True})
    table = next(item.value for item in app.dataframe if "setting" in item.value)
    assert table[table["setting"] == "seeds"]["value"].tolist() == ["3"]
    element(app, "selectbox", "Beside another run").set_value("20260101-000000-aaaa").run()
    table = next(item.value for item in app.dataframe if "setting" in item.value)
    marked = table[table[""] == "≠"]
    assert marked["setting"].tolist() == ["data", "seeds"]
    assert "2 of" in said(app)


def test_a_search_says_what_was_tried_and_why_the_simpler_was_kept():
    folder = write_finished_run(home())
    (folder / "results.json").unlink()
    write_best_report(write_frozen_bundle(folder / "bundles" / "best", "logistic"))
    app = open_page("runs")
    assert "Tried 2 methods in 1 min 40 s; kept Photo only: 75.0 % on 4 validation products" in said(app)
    assert "Gated fusion had 100.0 %" in said(app) and "Stacking was not tried" in said(app)
    table = next(item.value for item in app.dataframe if "kept" in item.value)
    assert table[["method", "kept"]].values.tolist() == [["Photo only", "✓"], ["Gated fusion", ""]]
    assert "**Open your recogniser →**" in [link.proto.label for link in app.get("page_link")]


def test_a_long_log_is_searched():
    folder = write_finished_run(home())
    (folder / "log.txt").write_text("\n".join(f"14:05:{second} line {second}" for second in range(10, 50)))
    app = open_page("runs")
    assert "line 49" in app.code[0].value and "line 10" in app.code[0].value
    element(app, "text_input", "Search the log").set_value("line 12").run()
    assert app.code[0].value == "14:05:12           line 12" and "1 of 40 lines" in said(app)


def test_a_fine_tuned_recogniser_shows_training_beside_validation():
    folder = write_finished_run(home())
    write_finetuned_bundle(folder / "bundles" / "finetuned", [0.25, 0.5])
    app = open_page("runs")
    assert not app.exception
    assert "validation accuracy 50.0 % (augmented training rows 50.0 %)" in app.code[-1].value
    assert element(app, "selectbox", "Show").options == ["Loss", "Accuracy for kind"]
    element(app, "selectbox", "Show").select("kind")
    app.run()
    assert not app.exception


def test_a_run_gets_another_name_and_is_deleted_only_after_a_question():
    write_finished_run(home())
    app = open_page("runs")
    element(app, "text_input", "Name").set_value("Better name")
    press(app, "Save")
    assert app.dataframe[0].value["name"].tolist() == ["Better name"]
    press(app, "Delete …")
    assert len(jobs.list_jobs()) == 1
    press(app, "Delete it")
    assert jobs.list_jobs() == [] and "No runs yet" in said(app)


def test_two_runs_stand_side_by_side_with_a_caution_where_the_data_differ():
    write_finished_run(home(), "20260101-000000-aaaa")
    write_finished_run(home(), "20260102-000000-bbbb")
    app = open_page("runs")
    names = element(app, "multiselect", "Two to four").options
    assert len(names) == 3
    element(app, "multiselect", "Two to four").set_value([names[0], names[-1]])
    app.run()
    assert not app.exception
    assert "different data" in said(app)
    table = app.dataframe[-1].value
    assert set(table["run"]) == {names[0], names[-1]} and "84.0 %" in table["accuracy"].tolist()


def test_a_recogniser_from_another_machine_is_imported():
    app = open_page("runs")
    element(app, "file_uploader", "ZIP exported").set_value(
        ("their model.zip", bundle_zip(DEMO_BUNDLE), "application/zip")
    )
    app.run()
    press(app, "Import")
    assert "Imported as “their-model”" in said(app) and "Imported: their-model" in recognizers()


def test_a_file_that_is_no_recogniser_is_refused():
    app = open_page("runs")
    element(app, "file_uploader", "ZIP exported").set_value(("model.zip", b"PK", "application/zip"))
    app.run()
    press(app, "Import")
    assert "not a usable ZIP" in said(app)


def test_a_chosen_run_stays_chosen_when_it_gets_another_name_and_twins_can_both_be_opened():
    first, second = "20260101-000000-aaaa", "20260102-000000-bbbb"
    for name in (first, second):
        write_finished_run(home(), name)
    app = open_page("runs")
    box = element(app, "selectbox", "Run")
    assert box.value == second and len(set(box.options)) == 2
    box.set_value(first)
    app.run()
    element(app, "text_input", "Name").set_value("Better name")
    press(app, "Save")
    box = element(app, "selectbox", "Run")
    assert box.value == first
    assert box.proto.raw_value == f"Better name · {first}"  # else the browser would keep sending the old words
    press(app, "Delete …")
    assert "“Better name” will be deleted with" in said(app)


def test_the_run_of_the_address_is_shown_until_another_is_chosen():
    first, second = "20260101-000000-aaaa", "20260102-000000-bbbb"
    for name in (first, second):
        write_finished_run(home(), name)
    app = open_page("runs")
    app.query_params["run"] = first
    app.run()
    assert element(app, "selectbox", "Run").value == first
    element(app, "selectbox", "Run").set_value(second)
    app.run()
    assert element(app, "selectbox", "Run").value == second


def test_names_are_no_markdown():
    folder = write_finished_run(home())
    facts = json.loads((folder / "job.json").read_text()) | {"title": "*new* ![x](http://far/away.png)"}
    (folder / "job.json").write_text(json.dumps(facts))
    results = json.loads((folder / "results.json").read_text())
    results["models"][0]["title"] = "Gated *sum*"
    (folder / "results.json").write_text(json.dumps(results))
    app = open_page("runs")
    press(app, "Delete …")
    assert plain("*new* ![x](http://far/away.png)") in said(app) and r"(Gated \*sum\*)" in said(app)
