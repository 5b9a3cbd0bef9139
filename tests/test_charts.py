"""Every figure draws what the results hold, and says it in words too."""

from __future__ import annotations

import pytest

from retail import charts
from tests.results_sample import MODELS, sample_results


def marks(chart) -> list[dict]:
    return list(chart.to_dict()["layer"])


def data_rows(chart) -> list[dict]:
    return [row for rows in chart.to_dict()["datasets"].values() for row in rows]


def test_accuracy_chart_holds_every_fusion_and_baseline_with_its_interval():
    rows = data_rows(charts.accuracy_chart(sample_results(), "product"))
    assert {row["title"] for row in rows} == {model[3] for model in MODELS}
    gated = next(row for row in rows if row["title"] == "Gated sum")
    assert gated["accuracy_low"] == pytest.approx(0.80) and gated["accuracy_high"] == pytest.approx(0.88)


def test_kind_shows_in_colour_and_in_shape():
    points = next(mark for mark in marks(charts.accuracy_chart(sample_results(), "product")) if "shape" in str(mark))
    assert points["encoding"]["color"]["scale"]["domain"] == points["encoding"]["shape"]["scale"]["domain"]


def test_no_rule_is_left_in_the_default_black():
    for mark in marks(charts.accuracy_chart(sample_results(), "product")):
        assert "color" in mark["encoding"]


def test_every_chart_says_its_numbers_in_words():
    results = sample_results()
    assert "Gated sum 84.0%" in charts.accuracy_chart(results, "product").to_dict()["description"]
    assert "n = 200" in charts.accuracy_chart(results, "product").to_dict()["description"]
    assert "photo + description + sound" in str(charts.subset_chart(results, "product").to_dict())


def test_subset_table_has_all_seven_subsets_with_everything_first():
    frame = charts.subset_table(sample_results(), "product")
    assert frame.shape == (2, 7)
    assert frame.columns[0] == "photo + description + sound"
    assert frame.loc["Gated sum", "sound"] == pytest.approx(0.64)


def test_answer_bars_name_how_many_others_share_the_rest():
    top = [(f"class {place}", 0.15) for place in range(5)]
    rows = data_rows(charts.answer_bars(top, 0.25, 12, "product"))
    assert {"class": "Other (7)", "probability": 0.25} in rows
    assert len(data_rows(charts.answer_bars(top, 0.0, 5, "product"))) == 5


def test_inputs_are_named_in_the_order_people_give_them():
    assert charts.inputs_words(("audio", "image")) == "photo + sound"
