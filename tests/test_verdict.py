"""The verdict's three answers, word by word."""

from __future__ import annotations

import math

from retail.comparison.results import Results
from retail.report.verdict import verdict
from tests.results_sample import results_of


def results(
    difference: float,
    low: float,
    high: float,
    n: int = 1200,
    p_value: float = 0.01,
    standard_error: float = 0.01,
    on_validation: tuple[float, float] | None = None,
    other_on_test: float = 0.5,
) -> Results:
    """A fusion and the photo alone; with figures of validation another fusion as well."""
    row = {"task": "product", "model": "gated", "baseline": "image", "difference": difference, "low": low, "high": high}
    row |= {"n": n, "p_value": p_value, "standard_error": standard_error}
    row |= {"wins": 0, "losses": 0, "cohens_h": 0.0, "p_holm": p_value, "significant": False}
    accuracy = 0.713 if n else math.nan
    return results_of(
        tasks={"product": ["tea"]},
        selected={"product": {"fusion": "gated", "single": "image"}},
        differences=[row],
        scores=[
            score("gated", "fusion", accuracy + difference, n),
            score("image", "single", accuracy, n),
            score("mean", "fusion", other_on_test, n),
        ],
        models=[
            model("gated", "fusion", "Gated"),
            model("image", "single", "Photo only"),
            model("mean", "fusion", "Mean"),
        ],
        validation=[
            {"task": "product", "model": name, "accuracy": figure}
            for name, figure in zip(("gated", "mean"), on_validation or (), strict=False)
        ],
    )


def score(name: str, kind: str, accuracy: float, n: int) -> dict:
    row = {"task": "product", "model": name, "kind": kind, "modalities": [], "seed": None, "split": "test", "n": n}
    figures = "accuracy accuracy_low accuracy_high balanced_accuracy macro_f1 ece"
    return row | dict.fromkeys(figures.split(), accuracy)


def model(name: str, kind: str, title: str) -> dict:
    words = {"title": title, "summary": "", "level": "", "source": ""}
    inputs = ["image", "text"] if kind == "fusion" else ["image"]
    return {"model": name, "kind": kind, "modalities": inputs} | words


def test_yes_in_a_merchandisers_words():
    assert verdict(results(0.128, 0.099, 0.156, p_value=1e-9), "product").sentence == (
        "Fusion pays for product. Use photo and description. "
        "Gated 84.1 % against 71.3 % for the photo alone, +12.8 points [+9.9, +15.6], "
        "n = 1,200 test products."
    )


def test_no_when_the_gain_is_surely_below_a_point():
    answer = verdict(results(0.001, -0.004, 0.006, p_value=0.7), "product")
    assert answer.kind == "no" and answer.sentence.startswith(
        "Fusion does not pay for product. Use the photo alone. Gated 71.4 %"
    )
    assert answer.model == "image"


def test_too_close_to_call_says_how_many_more_would_tell():
    # 500 rows, standard error 1.7 points, gain 2.9: 500 x ((1.960 + 0.842) x 1.7 / 2.9)^2 = 1,349 rows in all.
    answer = verdict(results(0.029, -0.004, 0.062, 500, p_value=0.09, standard_error=0.017), "product")
    assert answer.kind == "unclear"
    assert answer.sentence.startswith("Too close to call for product. Photo alone is fine for now; about 850 more test")
    assert "would settle it. Gated 74.2 %" in answer.sentence


def test_an_interval_above_zero_is_not_enough_when_the_exact_test_doubts_it():
    assert verdict(results(0.03, 0.001, 0.06, 300, p_value=0.07, standard_error=0.015), "product").kind == "unclear"


def test_a_spread_that_nobody_could_compute_asks_for_more_without_a_number():
    answer = verdict(results(0.02, -0.01, 0.05, standard_error=math.nan), "product")
    assert "; more test products would settle it." in answer.sentence


def test_one_kind_of_input_has_nothing_to_fuse():
    alone = results_of(selected={"product": {"single": "image"}}, models=[model("image", "single", "Photo only")])
    answer = verdict(alone, "product")
    assert answer.kind == "unclear" and answer.model == "image"
    assert answer.decision == "Photo is the only input here, so there is nothing to choose."


def test_a_task_without_test_labels_is_unclear():
    without = results(math.nan, math.nan, math.nan, 0)
    answer = verdict(without, "product")
    assert answer.kind == "unclear" and "No test product has a label for it" in answer.sentence
    assert math.isnan(without.best_single_score("product").accuracy)


def test_the_fusion_that_is_named_is_explained_by_validation():
    assert verdict(results(0.1, 0.05, 0.15, on_validation=(0.912, 0.9)), "product").chosen == (
        "Gated was chosen on validation, where it led by 1.2 points."
    )
    level = verdict(results(0.1, 0.05, 0.15, on_validation=(0.9, 0.9)), "product").chosen
    assert level == "Gated was chosen on validation, where it was level with Mean."
    assert verdict(results(0.1, 0.05, 0.15), "product").chosen == ""


def test_another_fusion_with_a_higher_test_figure_does_not_seem_to_contradict():
    said = verdict(results(0.1, 0.05, 0.15, on_validation=(0.912, 0.9), other_on_test=0.967), "product").sentence
    assert "Mean has 96.7 % on test, but a method that is chosen by its test figure looks better than it is." in said


def test_a_column_name_is_written_as_people_write_it():
    values = results(0.1, 0.05, 0.15)
    renamed = values.model_copy(
        update={
            "selected": {"article_type": values.selected["product"]},
            "differences": tuple(row.model_copy(update={"task": "article_type"}) for row in values.differences),
            "scores": tuple(row.model_copy(update={"task": "article_type"}) for row in values.scores),
        }
    )
    assert verdict(renamed, "article_type").sentence.startswith("Fusion pays for article type. ")
