"""Every figure draws what the results hold, and says it in words too."""

from __future__ import annotations

import re

import pandas as pd
import pytest

from retail import charts
from retail.charts.axes import MOST_TICKS, ROW, share_axis
from retail.evaluation.leaderboard import leaderboard
from retail.finetuning.record import FinetuneEpoch
from retail.frozen.results import CurveResults
from retail.report.mistakes import class_gains, confusion
from tests.results_sample import CLASSES, MODELS, curve_results, sample_results
from tests.scored_sample import candidate


def marks(chart) -> list[dict]:
    return list(chart.to_dict()["layer"])


def data_rows(chart) -> list[dict]:
    return [row for rows in chart.to_dict()["datasets"].values() for row in rows]


def rows_of(name: str, task: str = "product") -> tuple:
    return getattr(sample_results().of_task(task), name)


def points() -> pd.DataFrame:
    rows = [{"id": str(n), "x": n, "y": n, "class": "abcdefghijk"[n % 11], "answer": "right"} for n in range(33)]
    return pd.DataFrame(rows).assign(colour=lambda frame: frame["class"])


def training_history() -> list[FinetuneEpoch]:
    return [FinetuneEpoch(n, 3.0 - n, {"product": n / 4}, 2.0, {}, 1.0, 1.0) for n in (1, 2)]


CHARTS = {
    "accuracy": lambda: charts.accuracy_chart(sample_results(), "product", "Gated sum"),
    "board": lambda: charts.board_chart(leaderboard([candidate("a", {"product": [1, 1, 0]})]).rows, "a"),
    "subsets": lambda: charts.subset_chart(sample_results(), "product", "Gated sum"),
    "confusion": lambda: charts.confusion_chart(
        confusion(sample_results(), "product", "gated", "0"), CLASSES["product"], [0, 1, 2], (0, 1)
    ),
    "training": lambda: charts.training_chart(training_history(), "loss"),
    "reliability": lambda: charts.reliability_chart(rows_of("calibration")[0]),
    "bins": lambda: charts.bin_chart(rows_of("calibration")[0]),
    "coverage": lambda: charts.coverage_chart(rows_of("calibration")[0], rows_of("calibration")[0].thresholds[0]),
    "gains": lambda: charts.gain_chart(pd.DataFrame(class_gains(sample_results(), "product", "gated")), "product"),
    "attribution": lambda: charts.attribution_chart(rows_of("attribution"), "product"),
    "dedicated": lambda: charts.dedicated_chart(rows_of("dedicated"), "product"),
    "costs": lambda: charts.cost_chart(rows_of("costs"), "product"),
    "cascade": lambda: charts.cascade_chart(rows_of("cascade"), "product"),
    "plane": lambda: charts.plane_chart(points(), "product"),
    "curve": lambda: charts.curve_chart(CurveResults.model_validate(curve_results()).rows, "product"),
}


@pytest.mark.parametrize("name", CHARTS)
def test_every_chart_is_valid_has_words_and_a_height(name):
    spec = CHARTS[name]().to_dict()
    assert len(spec["description"]) > 30 and spec["height"] >= 60
    assert "nan" not in spec["description"]


@pytest.mark.parametrize("name", CHARTS)
def test_no_row_looks_like_a_promise_to_the_browser(name):
    assert all("then" not in row for row in data_rows(CHARTS[name]()))


@pytest.mark.parametrize("name", CHARTS)
def test_no_line_is_left_in_the_default_black(name):
    spec = CHARTS[name]().to_dict()
    for mark in spec.get("layer", [spec]):
        if mark["mark"]["type"] in ("rule", "line"):
            assert "color" in mark["mark"] or "color" in mark["encoding"], mark


def test_the_confusion_chart_draws_the_counts_of_the_shown_classes_and_nothing_else():
    counts = confusion(sample_results(), "product", "gated", "0")
    rows = data_rows(charts.confusion_chart(counts, CLASSES["product"], [0, 1]))
    assert {(r["_true"], r["_said"]): r["products"] for r in rows} == {
        (true, said): count for (true, said), count in counts.items() if {true, said} <= {0, 1}
    }


def test_the_confusion_chart_says_the_commonest_mistake_and_keeps_clicks():
    counts = confusion(sample_results(), "product", "gated", "0")
    wrong = {(t, s): counts[t, s] for t in range(3) for s in range(3) if t != s}
    (true, said), times = max(wrong.items(), key=lambda cell: cell[1])
    spec = charts.confusion_chart(counts, CLASSES["product"], [0, 1, 2]).to_dict()
    assert f"{CLASSES['product'][true]} answered as {CLASSES['product'][said]} {times} times" in spec["description"]
    assert spec["params"][0]["name"] == "cell"
    assert spec["params"][0]["select"]["fields"] == ["_true", "_said"]


def test_reliability_says_how_many_products_each_bin_holds():
    row = rows_of("calibration")[0]
    drawn = [bin_["n"] for bin_ in data_rows(charts.reliability_chart(row)) if bin_.get("when") == "after"]
    assert sum(drawn) == row.n and 0 not in drawn


def test_rare_classes_share_one_colour_on_the_plane():
    spec = charts.plane_chart(points(), "product").to_dict()
    domain = spec["encoding"]["color"]["scale"]["domain"]
    assert domain[-1] == "other classes" and len(domain) == 8 == len(spec["encoding"]["color"]["scale"]["range"])
    assert spec["params"][0]["name"] == "box"


def test_the_row_of_the_model_looked_at_is_shaded():
    spec = str(charts.accuracy_chart(sample_results(), "product", "Photo only").to_dict())
    assert "datum.title === 'Photo only'" in spec


def test_accuracy_chart_holds_every_fusion_and_baseline_with_its_interval():
    drawn = data_rows(charts.accuracy_chart(sample_results(), "product"))
    rows = [row for row in drawn if "title" in row]
    assert {row["title"] for row in rows} == {model[3] for model in MODELS}
    gated = next(row for row in rows if row["title"] == "Gated sum")
    assert gated["accuracy_low"] == pytest.approx(0.80) and gated["accuracy_high"] == pytest.approx(0.88)


def test_kind_shows_in_colour_and_in_shape():
    points = next(mark for mark in marks(charts.accuracy_chart(sample_results(), "product")) if "shape" in str(mark))
    assert points["encoding"]["color"]["scale"]["domain"] == points["encoding"]["shape"]["scale"]["domain"]


def test_no_rule_is_left_in_the_default_black():
    for mark in marks(charts.accuracy_chart(sample_results(), "product")):
        assert "color" in mark["encoding"] or "color" in mark["mark"]


def test_every_chart_says_its_numbers_in_words():
    results = sample_results()
    assert "Gated sum 84.0 %" in charts.accuracy_chart(results, "product").to_dict()["description"]
    assert "n = 200" in charts.accuracy_chart(results, "product").to_dict()["description"]
    assert "photo + description + sound" in str(charts.subset_chart(results, "product").to_dict())


def test_subset_table_has_all_seven_subsets_with_everything_first():
    frame = charts.subset_table(sample_results(), "product")
    assert frame.shape == (2, 7)
    assert frame.columns[0] == "photo + description + sound"
    assert frame.loc["Gated sum", "sound"] == pytest.approx(0.64)


def test_inputs_are_named_in_the_order_people_give_them():
    assert charts.inputs_words(("audio", "image")) == "photo + sound"


def test_training_and_validation_stand_side_by_side_and_what_nobody_measured_is_left_out():
    chart = charts.training_chart(training_history(), "loss")
    assert chart.to_dict()["description"] == (
        "Loss over 2 epochs: training (augmented) from 2.00 to 1.00; validation from 2.00 to 2.00"
    )
    shown = data_rows(charts.training_chart(training_history(), "product"))
    assert [row["value"] for row in shown] == [0.25, 0.5]


def test_a_few_classes_have_bars_and_not_hairlines():
    for inputs in (["photo"], ["photo", "description", "sound"]):
        counts = [{"class": name, "input": word, "products": 8} for name in ("tea", "milk") for word in inputs]
        chart = charts.class_chart(pd.DataFrame(counts), "drink").to_dict()
        # Axis, title and each line of the legend take their part of the height that a page gives to the whole.
        assert chart["height"] >= 94 + 22 * len(inputs) + 2 * 30
        assert chart["encoding"]["color"]["scale"]["domain"] == inputs, "no input that no product has"


def test_gains_are_points_and_not_percent():
    gains = class_gains(sample_results(), "product", "gated")
    chart = charts.gain_chart(pd.DataFrame(gains), "product").to_dict()
    bar = chart["layer"][0]["encoding"]["x"]
    assert "points" in bar["title"] and "%" not in bar["axis"]["labelExpr"]
    rows = [row for rows in chart["datasets"].values() for row in rows]
    drawn = {row["label"]: row["points"] for row in rows if "label" in row}
    assert drawn == pytest.approx({row.label: 100 * row.gain for row in gains})


def test_only_what_occurs_stands_in_the_legend_of_costs():
    kept = [row for row in rows_of("costs") if row.worth_it]
    scale = marks(charts.cost_chart(kept, "product"))[0]["encoding"]["color"]["scale"]
    assert scale["domain"] == ["best value"] and len(scale["range"]) == 1


@pytest.mark.parametrize(
    ("low", "high"), [(0.0, 1.0), (0.02, 0.98), (0.66, 0.76), (0.931, 0.934), (0.5, 0.5), (0.9, 1.04)]
)
def test_an_axis_of_shares_has_few_round_ticks_and_ends_at_a_hundred_percent(low, high):
    scale, axis = share_axis(low, high)
    first, last = scale.domain
    assert 0 <= first <= low and min(high, 1) <= last <= 1 and first < last
    assert 2 <= len(axis.values) <= MOST_TICKS + 1 and axis.values[0] == first
    assert all(100 * tick == pytest.approx(round(100 * tick)) for tick in axis.values)


def test_the_best_single_input_is_a_line_on_the_accuracy_chart():
    (line,) = [
        row for row in data_rows(charts.accuracy_chart(sample_results(), "product")) if "best single input" in row
    ]
    assert line["best single input"] == pytest.approx(0.71)
    said = charts.accuracy_chart(sample_results(), "product").description
    assert said.startswith(
        "Gated sum is right most often for product: 84.0 %; the best single input, Photo only, 71.0 %."
    )


@pytest.mark.parametrize("name", ["accuracy", "gains", "costs"])
def test_figures_stand_in_an_axis_of_their_own_so_that_none_is_cut_off(name):
    spec = CHARTS[name]().to_dict()
    axes = [layer["encoding"].get("y", {}).get("axis") for layer in spec["layer"]]
    (beside,) = [axis for axis in axes if axis and axis.get("orient") == "right"]
    assert re.search(r"\d", beside["labelExpr"]) and spec["resolve"]["axis"]["y"] == "independent"


def test_rows_are_high_enough_to_read_however_many_there_are():
    gains = class_gains(sample_results(), "product", "gated")
    for count in (2, 50):
        frame = pd.DataFrame([vars(gains[0]) | {"label": f"class {place}"} for place in range(count)])
        assert charts.gain_chart(frame, "product").to_dict()["height"] >= count * ROW
        assert ROW >= 22


@pytest.mark.parametrize("name", CHARTS)
def test_text_alternatives_write_percent_one_way(name):
    said = CHARTS[name]().description
    assert not re.search(r"\d%", said) and "None" not in said
