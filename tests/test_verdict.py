"""The verdict's three answers, word by word."""

from __future__ import annotations

from retail.report.verdict import best_single_score, verdict


def results(difference: float, low: float, high: float, n: int = 1200, **more) -> dict:
    row = {"task": "product", "model": "gated", "baseline": "image", "difference": difference, "low": low, "high": high}
    score = {"task": "product", "seed": None}
    return {
        "selected": {"product": {"fusion": "gated", "single": "image"}},
        "differences": [row | {"n": n} | more],
        "scores": [
            score | {"model": "gated", "accuracy": 0.713 + difference},
            score | {"model": "image", "accuracy": 0.713},
        ],
        "models": [{"model": "gated", "title": "Gated"}],
    }


def test_yes_in_a_merchandisers_words():
    assert verdict(results(0.128, 0.099, 0.156, p_value=1e-9), "product").sentence == (
        "Fusion pays for product: Gated 84.1 % against 71.3 % for the photo alone, +12.8 points [+9.9, +15.6], "
        "n = 1,200 test products."
    )


def test_no_when_the_gain_is_surely_below_a_point():
    answer = verdict(results(0.001, -0.004, 0.006, p_value=0.7), "product")
    assert answer.kind == "no" and answer.sentence.startswith("Fusion does not pay for product: Gated 71.4 %")


def test_cannot_tell_says_how_many_more_would_tell():
    # 500 rows, standard error 1.7 points, gain 2.9: 500 x ((1.960 + 0.842) x 1.7 / 2.9)^2 = 1,349 rows in all.
    answer = verdict(results(0.029, -0.004, 0.062, 500, p_value=0.09, standard_error=0.017), "product")
    assert answer.kind == "unclear"
    assert answer.sentence.startswith("Cannot tell for product, collect about 850 more test products: Gated 74.2 %")


def test_an_interval_above_zero_is_not_enough_when_the_exact_test_doubts_it():
    assert verdict(results(0.03, 0.001, 0.06, 300, p_value=0.07, standard_error=0.015), "product").kind == "unclear"


def test_a_file_of_old_without_the_test_still_answers():
    assert verdict(results(0.03, 0.01, 0.05), "product").kind == "yes"
    assert "collect about" in verdict(results(0.02, -0.01, 0.05), "product").sentence


def test_one_kind_of_input_has_nothing_to_fuse():
    assert verdict({"selected": {"product": {"single": "image"}}}, "product").kind == "unclear"


def test_a_task_that_no_test_product_bears_is_unclear():
    without = results(0.0, 0.0, 0.0, 0)
    without["differences"][0] |= {"difference": None, "low": None, "high": None}
    without["scores"] = [row | {"accuracy": None, "kind": "single"} for row in without["scores"]]
    answer = verdict(without, "product")
    assert answer.kind == "unclear" and "no test product has a label for product" in answer.sentence
    assert best_single_score(without, "product")["accuracy"] is None
