"""Tasks within tasks: found from labels, answered without contradiction, left open when unsure."""

from __future__ import annotations

import numpy as np
import pytest

from retail.evaluation.hierarchy import contradictions, decide, hierarchy_row, joint, parent_probs, parents_of
from retail.schema import Prediction, Vocabulary
from tests.made_up_data import task_answers

MAP = np.array([0, 0, 1])  # two apples and a pear


def test_a_parent_is_a_column_that_never_varies_within_a_class():
    child = np.tile([0, 1, 2, 3], 4)
    targets = {"product": child, "kind": child // 2, "colour": np.arange(16) % 3}
    found = parents_of(targets, {"product": 4, "kind": 2, "colour": 3})
    assert list(found) == ["product"] and found["product"]["kind"].tolist() == [0, 0, 1, 1]
    assert parents_of({"product": child[:8], "kind": child[:8] // 2}, {"product": 4, "kind": 2}) == {}  # too few rows


def test_answers_that_cannot_both_be_right_are_named():
    vocabularies = {"product": Vocabulary(("ale", "tea")), "group": Vocabulary(("cold", "hot"))}
    parents = {"product": {"group": np.array([0, 1])}}
    fits = Prediction("x", {"product": {"tea": 0.9, "ale": 0.1}, "group": {"hot": 0.6, "cold": 0.4}}, ("text",))
    clash = Prediction("x", {"product": {"tea": 0.9, "ale": 0.1}, "group": {"cold": 0.6, "hot": 0.4}}, ("text",))
    mine = Prediction("x", {"product": {"My jam": 0.9, "ale": 0.1}, "group": {"cold": 1.0}}, ("text",))
    assert contradictions(fits, parents, vocabularies) == contradictions(mine, parents, vocabularies) == []
    (sentence,) = contradictions(clash, parents, vocabularies)
    assert "as product, tea belongs to hot" in sentence and "as group the model says cold" in sentence


def test_the_joint_by_hand():
    probs = joint(np.array([[0.4, 0.2, 0.4]]), {"kind": np.array([[0.9, 0.1]])}, {"kind": MAP})
    weights = np.array([0.36, 0.18, 0.04])
    assert probs[0] == pytest.approx(weights / weights.sum())
    assert parent_probs(probs, MAP)[0] == pytest.approx([0.54 / 0.58, 0.04 / 0.58])


def test_answers_never_contradict_and_an_unsure_child_is_left_open():
    rng = np.random.default_rng(0)
    child, kind = rng.dirichlet(np.ones(3), 500), rng.dirichlet(np.ones(2), 500)
    assert (MAP[child.argmax(1)] != kind.argmax(1)).mean() > 0.2  # one by one they do contradict
    probs = joint(child, {"kind": kind}, {"kind": MAP})
    answer = decide(probs, {"kind": MAP}, 0.6)
    named = answer["child"] >= 0
    assert 0.1 < named.mean() < 0.9
    assert np.array_equal(answer["kind"][named], MAP[answer["child"][named]])
    # Two apples at 40 % and 25 % outweigh a pear at 35 %: an apple, variety unsure.
    assert decide(np.array([[0.4, 0.25, 0.35]]), {"kind": MAP}, 0.6) == {"child": [-1], "kind": [0]}
    # Sure enough of the pear, it is not called an apple, though the two apples together are likelier.
    assert decide(np.array([[0.3, 0.3, 0.4]]), {"kind": MAP}, 0.35) == {"child": [2], "kind": [1]}


def test_the_parent_mends_the_child_and_the_risk_is_kept():
    rng = np.random.default_rng(1)
    target = rng.integers(0, 3, 2000)
    logits = np.eye(3)[target] + 0.8 * rng.normal(size=(2000, 3))
    child = np.exp(2 * logits) / np.exp(2 * logits).sum(1, keepdims=True)
    kind = np.where(np.eye(2)[MAP[target]] > 0, 0.95, 0.05)
    halves = [slice(0, 1000), slice(1000, 2000)]

    def answers(probs, truth):
        val, test = ({("image",): probs[half]} for half in halves)
        return task_answers(test, truth[halves[1]], val, truth[halves[0]])

    both = {"product": answers(child, target), "kind": answers(kind, MAP[target])}
    row = hierarchy_row("product", both, {"kind": MAP})
    assert row.consistent_accuracy > row.separate_accuracy and row.contradictions > 0.05
    assert row.error == pytest.approx(row.risk, abs=0.025) and 0.2 < row.answered < 1
    assert row.parents[0].accuracy_when_open > 0.9


def test_a_named_child_without_a_label_is_not_counted_as_open():
    target, parent = np.arange(100) % 4, np.arange(100) % 4 // 2

    def sure(classes: int, truth: np.ndarray) -> np.ndarray:
        return np.where(np.eye(classes)[truth] > 0, 0.97, 0.03 / (classes - 1))

    child, child_test, parent_test = sure(4, target), sure(4, target), sure(2, parent)
    child_test[:10] = 0.25  # left open, and the parent is answered wrongly
    parent_test[:10] = parent_test[:10, ::-1]
    labelled = np.where(np.arange(100) < 50, target, -1)
    kind = task_answers({("image",): parent_test}, parent, {("image",): sure(2, parent)}, parent)
    product = task_answers({("image",): child_test}, labelled, {("image",): child}, target)
    row = hierarchy_row("product", {"product": product, "kind": kind}, {"kind": np.array([0, 0, 1, 1])})
    assert row.parents[0].accuracy_when_open == 0.0
