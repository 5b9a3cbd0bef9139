"""Runs beside one another: the chosen model of each task, and a word of caution where figures cannot be compared."""

from __future__ import annotations

from retail import charts
from retail.report import side_by_side
from retail.report.verdict import verdict
from tests.results_sample import as_results, sample_json, sample_results


def test_each_task_and_run_has_its_chosen_model():
    frame = side_by_side.figures({"one": sample_results(), "two": sample_results()})
    assert len(frame) == 4 and set(frame["model"]) == {"Gated sum"}
    row = side_by_side.table(frame).iloc[0].to_dict()
    assert row == {
        "question": "brand",
        "run": "one",
        "verdict": "fusion does not pay",
        "best model": "Gated sum",
        "accuracy": "70.0 %",
        "95 % interval": "66.0 % to 74.0 %",
        "best single input": "Photo only",
        "its accuracy": "72.0 %",
        "its interval": "68.0 % to 76.0 %",
        "test products": 200,
    }
    assert "product, two: 84.0 %" in charts.runs_chart(frame).description


def test_tasks_that_runs_share_come_first_and_have_their_verdicts():
    runs = {"one": sample_results(), "two": sample_results().of_task("product")}
    assert side_by_side.figures(runs)["task"].tolist() == ["product", "product", "brand"]
    sentence = verdict(sample_results(), "product").sentence
    assert side_by_side.verdicts(runs) == [("one", sentence), ("two", sentence)]


def test_cautions_name_what_differs():
    same = {"one": sample_results(), "two": sample_results()}
    assert side_by_side.cautions(same) == []
    other = sample_json()
    other["data"]["checksum"], other["seeds"] = "1", [0]
    other["tasks"] = {"product": other["tasks"]["product"]}
    said = " ".join(side_by_side.cautions({"one": sample_results(), "two": as_results(other)}))
    assert "different data" in said and "different questions" in said and "numbers of seeds" in said


def without_test_labels(results: dict, task: str) -> dict:
    """A file where no test row has a label of this task, as a comparison stores it."""
    for name in ("scores", "differences"):
        for row in results[name]:
            if row["task"] == task:
                row |= {"n": 0} | {key: None for key in row if isinstance(row[key], float)}
    targets = results["predictions"]["targets"]
    targets[task] = [-1] * len(targets[task])
    return results


def test_a_task_without_any_labelled_test_row_has_no_figures():
    without = as_results(without_test_labels(sample_json(), "brand"))
    frame = side_by_side.figures({"one": without, "two": sample_results()})
    rows = frame[["task", "run"]].to_numpy().tolist()
    assert rows == [["product", "one"], ["product", "two"], ["brand", "two"]]
