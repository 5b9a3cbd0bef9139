"""Metrics against independent libraries, hand-made values and a simulation of interval coverage."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torchmetrics.functional.classification import multiclass_calibration_error, multiclass_f1_score

from retail.evaluation.metrics import bootstrap_interval, expected_calibration_error, paired_difference, score


def test_score_by_hand():
    target = np.array(["a", "a", "a", "b"], dtype=object)
    preds = np.array(["a", "a", "b", "b"], dtype=object)
    row = score(target, preds, np.full(4, 0.75))
    assert row["n"] == 4
    assert row["accuracy"] == pytest.approx(3 / 4)
    assert row["balanced_accuracy"] == pytest.approx((2 / 3 + 1) / 2)
    assert row["macro_f1"] == pytest.approx((0.8 + 2 / 3) / 2)
    assert row["ece"] == pytest.approx(0.0)
    assert row["accuracy_low"] <= 0.75 <= row["accuracy_high"]


def test_a_label_nobody_predicts_counts_as_wrong():
    row = score(np.array(["new", "a"], dtype=object), np.array(["a", "a"], dtype=object), np.ones(2))
    assert row["accuracy"] == 0.5


def test_no_rows_give_no_numbers():
    row = score(np.array([]), np.array([]), np.array([]))
    assert row["n"] == 0 and np.isnan(row["accuracy"])


def test_ece_and_f1_agree_with_torchmetrics():
    probs = torch.softmax(2 * torch.randn(500, 6, generator=torch.Generator().manual_seed(1)), 1)
    target = torch.randint(0, 6, (500,), generator=torch.Generator().manual_seed(2))
    confidence, preds = probs.max(1)
    ours = expected_calibration_error(confidence.numpy(), (preds == target).numpy())
    assert ours == pytest.approx(float(multiclass_calibration_error(probs, target, 6, n_bins=15)), abs=1e-5)
    f1 = score(target.numpy(), preds.numpy(), confidence.numpy())["macro_f1"]
    assert f1 == pytest.approx(float(multiclass_f1_score(probs, target, 6, average="macro")), abs=1e-5)


def test_intervals_cover_the_truth_about_95_times_in_100():
    rng = np.random.default_rng(0)
    hits = 0
    for trial in range(200):
        low, high = bootstrap_interval(rng.random(400) < 0.7, seed=trial)
        hits += low <= 0.7 <= high
    # 200 draws of a 95 % interval: fewer than 180 or all 200 would each happen less than once in 1,000.
    assert 180 <= hits < 200


def test_paired_difference_is_narrower_than_unpaired():
    rng = np.random.default_rng(0)
    theirs = rng.random(500) < 0.7
    ours = theirs | (rng.random(500) < 0.1)
    mean, low, high = paired_difference(ours, theirs)
    assert mean == pytest.approx(ours.mean() - theirs.mean())
    assert 0 < low < mean < high
    alone = bootstrap_interval(ours)
    assert high - low < alone[1] - alone[0]


def test_a_constant_column_is_its_own_interval():
    assert bootstrap_interval(np.ones(20)) == (1.0, 1.0)
