"""Words and figures are written in one way, and words that were mended do not come back."""

from __future__ import annotations

import pytest

from retail.wording import number_of, percent, points, target, task_title, task_words, whole_percent


def test_a_tasks_name_has_no_underscores_and_keeps_its_capitals():
    assert task_words("article_type") == "article type"
    assert (task_title("article_type"), task_title("EAN_code")) == ("Article type", "EAN code")


def test_one_thing_is_not_many():
    assert [number_of(n, "product") for n in (0, 1, 1200)] == ["0 products", "1 product", "1,200 products"]
    assert [number_of(n, "class", "classes") for n in (1, 2)] == ["1 class", "2 classes"]


def test_what_was_measured_has_one_digit_and_a_difference_is_in_points():
    assert (percent(0.8412), percent(1), points(0.1279)) == ("84.1 %", "100.0 %", "+12.8 points")


@pytest.mark.parametrize(
    ("probability", "written"),
    [(0.972, "97 %"), (0.9949, "99 %"), (0.9951, ">99 %"), (1, "100 %"), (0.006, "1 %"), (0.0049, "<1 %"), (0, "0 %")],
)
def test_how_sure_an_answer_is_has_no_digits_and_never_claims_certainty(probability, written):
    assert whole_percent(probability) == written


def test_a_target_is_as_it_was_set():
    assert [target(wish) for wish in (0.95, 0.925, 0.5)] == ["95 %", "92.5 %", "50 %"]
