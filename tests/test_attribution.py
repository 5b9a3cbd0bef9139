"""Shapley values by hand, by their axioms and over all orders."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from retail.evaluation.attribution import attribution_of, class_attribution, shapley
from retail.files import DEMO_BUNDLE
from retail.recognizer.bundle import load_bundle
from retail.schema import MODALITIES, SUBSETS, Prediction
from retail.workspace.demo import example_products
from tests.made_up_data import task_answers


def test_the_glove_game_of_the_textbook():
    # Two left gloves and one right: only a pair is worth something, and the right glove is scarce.
    values = {subset: float("text" in subset and len(subset) > 1) for subset in SUBSETS} | {(): 0.0}
    parts = shapley(values)
    assert parts == pytest.approx({"audio": 1 / 6, "image": 1 / 6, "text": 4 / 6})


def test_it_is_the_mean_gain_over_all_orders_and_adds_up():
    rng = np.random.default_rng(0)
    values = {subset: rng.random(5) for subset in ((), *SUBSETS)}
    parts = shapley(values)
    for player in MODALITIES:
        gains = []
        for order in permutations(MODALITIES):
            before = tuple(name for name in MODALITIES if order.index(name) < order.index(player))
            after = tuple(name for name in MODALITIES if order.index(name) <= order.index(player))
            gains.append(values[after] - values[before])
        assert parts[player] == pytest.approx(np.mean(gains, axis=0))
    assert sum(parts.values()) == pytest.approx(values[MODALITIES] - values[()])


def test_one_answer_is_split_among_the_inputs_given():
    answers = {
        ("image",): Prediction("1", {"kind": {"tea": 0.6, "milk": 0.4}}, ("image",)),
        ("text",): Prediction("1", {"kind": {"milk": 0.9, "tea": 0.1}}, ("text",)),
        ("image", "text"): Prediction("1", {"kind": {"milk": 0.8, "tea": 0.2}}, ("image", "text")),
    }
    found = attribution_of(answers, "kind")
    assert (found.label, found.prob, found.base) == ("milk", 0.8, 0.5)
    assert found.parts == pytest.approx({"image": -0.1, "text": 0.4})
    assert found.sentence == "Evidence for milk (80 %), in points: the description +40.0, the photo -10.0."


def test_the_shipped_recogniser_can_be_asked():
    found = attribution_of(load_bundle(DEMO_BUNDLE).predict_subsets(example_products()[0]), "category")
    assert set(found.parts) == set(MODALITIES)
    assert found.base + sum(found.parts.values()) == pytest.approx(found.prob)


def test_the_deciding_input_of_each_class():
    sure, blind = [[0.9, 0.1], [0.1, 0.9]], [[0.5, 0.5], [0.5, 0.5]]
    rows = {("audio",): sure, ("image",): blind, ("audio", "image"): sure}
    answers = task_answers({subset: np.repeat(probs, 6, axis=0) for subset, probs in rows.items()}, [0] * 6 + [1] * 6)
    found = class_attribution(answers)
    assert [(row.label, row.n, row.decides) for row in found] == [("c0", 6, "audio"), ("c1", 6, "audio")]
    assert found[0].parts["audio"] == pytest.approx(0.4) and found[0].parts["image"] == pytest.approx(0)


def test_an_absent_input_explains_nothing():
    rows = {("audio",): [[0.9, 0.1]], ("image",): [[0.7, 0.3]], ("audio", "image"): [[0.7, 0.3]]}
    answers = task_answers(rows, [0])
    answers.present["audio"][:] = False
    assert class_attribution(answers)[0].parts["audio"] == pytest.approx(0)
