"""Maps of frozen embeddings, checked against scikit-learn."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from retail.config import FrozenConfig
from retail.frozen.maps import fit_map
from retail.frozen.models import fit_frozen
from retail.schema import UserError
from tests.frozen_sample import SIZES, accuracy, rows


def test_pca_equals_scikit_learns_on_standardised_rows():
    embeddings, targets = rows()
    ours = fit_map(embeddings, targets, SIZES, FrozenConfig("pca", dims=5))(embeddings)
    scaled = (embeddings - embeddings.mean(0)) / embeddings.std(0)
    theirs = PCA(5).fit_transform(scaled.numpy())
    np.testing.assert_allclose(ours.abs(), np.abs(theirs), atol=1e-4)  # a direction's sign is free


def test_svd_takes_the_rows_around_their_own_zero():
    embeddings, targets = rows()
    ours = fit_map(embeddings, targets, SIZES, FrozenConfig("svd", dims=3))(embeddings)
    theirs = TruncatedSVD(3, algorithm="arpack").fit_transform((embeddings / embeddings.std(0)).numpy())
    np.testing.assert_allclose(ours[:, 0].abs(), np.abs(theirs[:, 0]), rtol=1e-3)
    assert float(ours.square().sum()) == pytest.approx(float(np.square(theirs).sum()), rel=1e-2)
    assert abs(float(ours[:, 0].mean())) > 1, "not centred"


def test_lda_equals_scikit_learns_for_each_task_on_its_labelled_rows():
    embeddings, targets = rows()
    ours = fit_map(embeddings, targets, SIZES, FrozenConfig("lda"))(embeddings)
    assert ours.shape == (240, 3 + 2)
    known = targets["colour"] >= 0
    scaled = ((embeddings - embeddings.mean(0)) / embeddings.std(0)).double()
    lda = LinearDiscriminantAnalysis(solver="eigen", shrinkage="auto").fit(scaled[known], targets["colour"][known])
    theirs = lda.transform(scaled.numpy())
    np.testing.assert_allclose(ours[:, :3] - ours[:, :3].mean(0), theirs - theirs.mean(0), atol=1e-3)


def test_discriminants_need_more_rows_than_classes():
    embeddings, targets = rows(4)
    with pytest.raises(UserError, match="Discriminants of 'colour' need .* choose another map"):
        fit_map(embeddings, targets | {"colour": torch.tensor([0, 1, 2, 3])}, SIZES, FrozenConfig("lda"))


def test_the_bottleneck_beats_directions_of_variance_when_variance_misleads():
    embeddings, targets = rows()
    embeddings, other = embeddings * torch.tensor([0.3] * 7 + [3.0] * 13), rows(seed=1)
    other_embeddings = other[0] * torch.tensor([0.3] * 7 + [3.0] * 13)
    scores = {}
    for name in ("pca", "bottleneck"):
        config = FrozenConfig(name, "linear", dims=5, standardise=False, penalty=3e-4)
        model = fit_frozen(embeddings, targets, SIZES, config)
        scores[name] = accuracy(model.logits(other_embeddings)["shape"], other[1]["shape"])
    assert scores["bottleneck"] > scores["pca"] + 0.2


def test_without_standardising_all_features_share_one_scale():
    embeddings, targets = rows()
    feature_map = fit_map(embeddings, targets, SIZES, FrozenConfig(standardise=False))
    assert len(feature_map.scale.unique()) == 1
    assert float(feature_map(embeddings).square().mean()) == pytest.approx(1, abs=1e-3)
    own = fit_map(embeddings, targets, SIZES, FrozenConfig())(embeddings)
    torch.testing.assert_close(own.std(0), torch.ones(20), atol=1e-4, rtol=0)


def test_more_dimensions_than_rows_or_features_become_what_there_is():
    embeddings, targets = rows(10)
    for name in ("pca", "svd", "bottleneck"):
        config = dataclasses.replace(FrozenConfig(name), dims=500)
        assert fit_map(embeddings, targets, SIZES, config)(embeddings).shape[1] <= 20
