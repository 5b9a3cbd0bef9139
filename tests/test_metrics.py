"""Metrics against independent libraries, hand-made values and a simulation of interval coverage."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import binomtest, bootstrap
from torchmetrics.functional.classification import multiclass_calibration_error, multiclass_f1_score

from retail.metrics.scores import bootstrap_interval, expected_calibration_error, score


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


def test_the_interval_is_that_of_scipys_bootstrap():
    values = np.random.default_rng(3).integers(0, 4, 300) / 3  # the share of three seeds that were right
    reference = bootstrap((values,), np.mean, n_resamples=20_000, method="percentile", rng=np.random.default_rng(4))
    assert bootstrap_interval(values) == pytest.approx(tuple(reference.confidence_interval), abs=0.004)


def test_intervals_cover_the_truth_93_to_97_times_in_100():
    rng = np.random.default_rng(0)
    hits = 0
    for trial, correct in enumerate(rng.random((2000, 400)) < 0.7):
        low, high = bootstrap_interval(correct, seed=trial)
        hits += low <= 0.7 <= high
    assert 0.93 <= hits / 2000 <= 0.97


def test_photos_of_one_product_do_not_narrow_the_interval():
    values = np.random.default_rng(0).random(80) < 0.6
    repeated, groups = np.repeat(values, 6), np.repeat(np.arange(80), 6)
    assert bootstrap_interval(repeated, groups=groups) == pytest.approx(bootstrap_interval(values))
    low, high = bootstrap_interval(repeated)
    assert high - low < 0.6 * np.ptp(bootstrap_interval(values))


def test_a_column_without_a_fault_is_no_proof_that_there_is_none():
    low, high = bootstrap_interval(np.ones(20))
    exact = binomtest(20, 20).proportion_ci(0.95, method="exact")
    assert (low, high) == pytest.approx((exact.low, exact.high))
    assert bootstrap_interval(np.zeros(20), support=(-1, 1)) == pytest.approx((exact.low - 1, 1 - exact.low))


def test_a_score_draws_whole_groups():
    target, preds = np.repeat(np.arange(40), 5), np.repeat(np.arange(40) % 30, 5)
    groups = np.repeat(np.arange(40), 5)
    row = score(target, preds, np.ones(200), groups)
    assert (row["accuracy_low"], row["accuracy_high"]) == bootstrap_interval(target == preds, groups=groups)
