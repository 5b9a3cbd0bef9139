"""Asking only when unsure, on answers where every step can be counted."""

from __future__ import annotations

import numpy as np
import pytest

from retail.evaluation.cascade import cascade, cheapest, first_input, second_steps
from tests.made_up_data import task_answers

# Ten products of class 0; the photo is wrong on the three where it is least sure, the words are always right.
PHOTO = np.array([[p, 1 - p] for p in (0.99, 0.95, 0.9, 0.85, 0.8, 0.75, 0.7, 0.44, 0.42, 0.45)])
WORDS = np.tile([0.8, 0.2], (10, 1))


def answers():
    return task_answers({("image",): PHOTO, ("text",): WORDS, ("image", "text"): WORDS}, [0] * 10)


def test_the_photo_comes_first_if_there_is_one():
    assert first_input(answers()) == "image" and second_steps(answers()) == [("image", "text")]
    spoken = task_answers({("audio",): PHOTO, ("text",): WORDS, ("audio", "text"): WORDS}, [0] * 10)
    assert first_input(spoken) == "text"  # the more accurate on validation


def test_accuracy_by_the_share_asked():
    rows = {row.share: row for row in cascade(answers(), ("image", "text"))}
    assert (rows[0.0].asked, rows[0.0].accuracy) == (0.0, 0.7)
    assert (rows[0.3].asked, rows[0.3].accuracy, rows[0.3].kept) == (0.3, 1.0, 1.0)
    assert (rows[1.0].asked, rows[1.0].accuracy) == (1.0, 1.0)
    assert cheapest(list(rows.values())).asked == pytest.approx(0.3)


def test_the_threshold_is_that_of_validation():
    val = {("image",): np.clip(PHOTO, 0.46, 0.54), ("image", "text"): WORDS}
    later = task_answers({("image",): PHOTO, ("image", "text"): WORDS}, [0] * 10, val, [0] * 10)
    # Validation was never surer than 54 %, so nearly nobody on test is asked.
    assert cascade(later, ("image", "text"))[5].asked <= 0.1


def test_without_labels_there_is_nothing_to_say():
    assert cascade(task_answers({("image",): PHOTO, ("image", "text"): WORDS}, [-1] * 10), ("image", "text")) == []


def test_the_row_is_chosen_on_validation_and_told_with_its_test_figures():
    sure = {("image",): WORDS, ("image", "text"): WORDS}  # on validation the photo alone is always right
    rows = cascade(
        task_answers({("image",): PHOTO, ("image", "text"): WORDS}, [0] * 10, sure, [0] * 10), ("image", "text")
    )
    chosen = cheapest(rows)
    assert (chosen.share, chosen.val_accuracy, chosen.accuracy) == (0.0, 1.0, 0.7)


def test_never_asking_asks_nobody_however_unsure():
    val = {("image",): WORDS, ("image", "text"): WORDS}
    rows = cascade(
        task_answers({("image",): PHOTO, ("image", "text"): WORDS}, [0] * 10, val, [0] * 10), ("image", "text")
    )
    # Five test photos are less sure than any of validation.
    assert (rows[0].asked, rows[0].accuracy, rows[-1].asked) == (0.0, 0.7, 1.0)
