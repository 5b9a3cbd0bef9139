"""Runs beside one another: the chosen model of each task, and a word of caution where figures cannot be compared."""

from __future__ import annotations

from retail import side_by_side
from tests.results_sample import sample_results


def test_each_task_and_run_has_its_chosen_model():
    frame = side_by_side.figures({"one": sample_results(), "two": sample_results()})
    assert len(frame) == 4 and set(frame["model"]) == {"Gated sum"}
    row = side_by_side.table(frame).iloc[0]
    assert (row["question"], row["run"], row["accuracy"], row["95 % interval"]) == (
        "brand",
        "one",
        "70.0 %",
        "66.0 % to 74.0 %",
    )
    assert "product, two: 84.0%" in side_by_side.chart(frame).description


def test_cautions_name_what_differs():
    same = {"one": sample_results(), "two": sample_results()}
    assert side_by_side.cautions(same) == []
    other = sample_results()
    other["data"]["checksum"], other["seeds"] = "1", [0]
    other["tasks"] = {"product": other["tasks"]["product"]}
    said = " ".join(side_by_side.cautions({"one": sample_results(), "two": other}))
    assert "different data" in said and "different questions" in said and "numbers of seeds" in said
