"""Classifiers on frozen features, checked against scikit-learn and by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from retail.config import CLASSIFIERS, FrozenConfig
from retail.frozen import descent
from retail.frozen.maps import FeatureMap
from retail.frozen.models import COSINE_SCALE, fit_frozen
from tests.frozen_sample import SIZES, accuracy, rows


def test_logistic_regression_equals_scikit_learns_with_and_without_weights():
    embeddings, targets = rows()
    known = targets["colour"] >= 0
    scaled = StandardScaler().fit_transform(embeddings.numpy()) * math.sqrt(239 / 240)  # torch divides by n - 1
    for balance, class_weight in (("none", None), ("inverse", "balanced"), ("sampling", "balanced")):
        config = FrozenConfig("none", "logistic", penalty=0.1, class_balance=balance)
        ours = fit_frozen(embeddings, targets, SIZES, config).logits(embeddings)["colour"].softmax(1)
        model = LogisticRegression(C=1 / (0.1 * int(known.sum())), class_weight=class_weight, max_iter=1000)
        theirs = model.fit(scaled[known], targets["colour"][known]).predict_proba(scaled)
        np.testing.assert_allclose(ours, theirs, atol=2e-3)


def test_linear_and_logistic_share_one_optimum_without_smoothing(monkeypatch):
    monkeypatch.setattr(descent, "LABEL_SMOOTHING", 0.0)
    monkeypatch.setattr(descent, "MIN_STEPS", 1500)
    embeddings, targets = rows()
    linear, logistic = (
        fit_frozen(embeddings, targets, SIZES, FrozenConfig("none", name, penalty=0.1)).logits(embeddings)["shape"]
        for name in ("linear", "logistic")
    )
    torch.testing.assert_close(linear.softmax(1), logistic.softmax(1), atol=1e-2, rtol=0)


def test_prototypes_by_hand():
    embeddings = torch.tensor([[3.0, 0.0], [1.0, 0.0], [0.0, 2.0], [-1.0, 0.0]])
    identity = FeatureMap(torch.zeros(2), torch.ones(2))
    config = FrozenConfig("none", "prototypes")
    model = fit_frozen(embeddings, {"t": torch.tensor([0, 0, 0, 1])}, {"t": 3}, config, identity)
    # Class 0 is the mean of (1, 0), (1, 0) and (0, 1) at length 1; class 2 was never seen.
    logits = model.logits(torch.tensor([[0.0, 5.0]]))["t"][0]
    assert logits[0] == pytest.approx(COSINE_SCALE / math.sqrt(5)) and logits[1] == 0 and logits[2] < -1000


def test_two_classes_and_a_single_one_are_answered():
    embeddings, _ = rows()
    target = (embeddings[:, 7] > 1).long()
    logits = fit_frozen(embeddings, {"t": target * 2}, {"t": 3}, FrozenConfig("none", "logistic")).logits(embeddings)
    assert accuracy(logits["t"], target * 2) > 0.9 and not (logits["t"].argmax(1) == 1).any()
    for classifier in CLASSIFIERS:
        only = fit_frozen(embeddings, {"t": 0 * target + 1}, {"t": 3}, FrozenConfig("none", classifier))
        assert set(only.logits(embeddings)["t"].argmax(1).tolist()) == {1}
