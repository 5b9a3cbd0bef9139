"""Maps and classifiers on frozen embeddings, checked against scikit-learn and by hand."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from retail.config import CLASSIFIERS, FEATURE_MAPS, RegimeConfig
from retail.frozen import models
from retail.frozen.models import COSINE_SCALE, as_head, fit_map, fit_regime
from retail.schema import UserError
from retail.store import EmbeddingBatch
from retail.training import fit_temperatures
from retail.training.predict import TEMPERATURE_RANGE

SIZES = {"colour": 4, "shape": 3}


def rows(count: int = 240, seed: int = 0) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """20 features of unequal spread: colour shows in the first four, shape in the next three; some labels miss."""
    generator = torch.Generator().manual_seed(seed)
    colour, shape = (torch.randint(0, size, (count,), generator=generator) for size in SIZES.values())
    features = torch.randn(count, 20, generator=generator)
    features[:, :4] += 4 * torch.nn.functional.one_hot(colour, 4)
    features[:, 4:7] += 4 * torch.nn.functional.one_hot(shape, 3)
    features = features * torch.linspace(0.5, 3, 20) + 1
    missing = torch.rand(count, generator=generator) < 0.2
    return features, {"colour": torch.where(missing, -1, colour), "shape": shape}


def accuracy(logits: torch.Tensor, target: torch.Tensor) -> float:
    return float((logits.argmax(1) == target)[target >= 0].float().mean())


@pytest.mark.parametrize("classifier", CLASSIFIERS)
@pytest.mark.parametrize("feature_map", FEATURE_MAPS)
def test_every_regime_learns_both_tasks_from_rows_with_missing_labels(feature_map, classifier):
    config = RegimeConfig(feature_map, classifier, dims=12)
    regime = fit_regime(*rows(), SIZES, config)
    embeddings, targets = rows(seed=1)
    logits = regime.logits(embeddings)
    for task, classes in SIZES.items():
        assert logits[task].shape == (240, classes) and logits[task].dtype == torch.float32
        assert accuracy(logits[task], targets[task]) > 0.85, task
        torch.testing.assert_close(regime.logits(embeddings[3:4])[task][0], logits[task][3])
    again = fit_regime(*rows(), SIZES, config).logits(embeddings)
    assert all(torch.equal(again[task], logits[task]) for task in SIZES), "equal seeds, equal answers"


def test_pca_equals_scikit_learns_on_standardised_rows():
    embeddings, targets = rows()
    ours = fit_map(embeddings, targets, SIZES, RegimeConfig("pca", dims=5))(embeddings)
    scaled = (embeddings - embeddings.mean(0)) / embeddings.std(0)
    theirs = PCA(5).fit_transform(scaled.numpy())
    np.testing.assert_allclose(ours.abs(), np.abs(theirs), atol=1e-4)  # a direction's sign is free


def test_svd_takes_the_rows_around_their_own_zero():
    embeddings, targets = rows()
    ours = fit_map(embeddings, targets, SIZES, RegimeConfig("svd", dims=3))(embeddings)
    theirs = TruncatedSVD(3, algorithm="arpack").fit_transform((embeddings / embeddings.std(0)).numpy())
    np.testing.assert_allclose(ours[:, 0].abs(), np.abs(theirs[:, 0]), rtol=1e-3)
    assert float(ours.square().sum()) == pytest.approx(float(np.square(theirs).sum()), rel=1e-2)
    assert abs(float(ours[:, 0].mean())) > 1, "not centred"


def test_lda_equals_scikit_learns_for_each_task_on_its_labelled_rows():
    embeddings, targets = rows()
    ours = fit_map(embeddings, targets, SIZES, RegimeConfig("lda"))(embeddings)
    assert ours.shape == (240, 3 + 2)
    known = targets["colour"] >= 0
    scaled = ((embeddings - embeddings.mean(0)) / embeddings.std(0)).double()
    lda = LinearDiscriminantAnalysis(solver="eigen", shrinkage="auto").fit(scaled[known], targets["colour"][known])
    theirs = lda.transform(scaled.numpy())
    np.testing.assert_allclose(ours[:, :3] - ours[:, :3].mean(0), theirs - theirs.mean(0), atol=1e-3)


def test_the_bottleneck_beats_directions_of_variance_when_variance_misleads():
    embeddings, targets = rows()
    embeddings, other = embeddings * torch.tensor([0.3] * 7 + [3.0] * 13), rows(seed=1)
    other_embeddings = other[0] * torch.tensor([0.3] * 7 + [3.0] * 13)
    scores = {}
    for name in ("pca", "bottleneck"):
        config = RegimeConfig(name, "linear", dims=5, standardise=False, penalty=3e-4)
        regime = fit_regime(embeddings, targets, SIZES, config)
        scores[name] = accuracy(regime.logits(other_embeddings)["shape"], other[1]["shape"])
    assert scores["bottleneck"] > scores["pca"] + 0.2


def test_logistic_regression_equals_scikit_learns_with_and_without_weights():
    embeddings, targets = rows()
    known = targets["colour"] >= 0
    scaled = StandardScaler().fit_transform(embeddings.numpy()) * math.sqrt(239 / 240)  # torch divides by n - 1
    for balance, class_weight in (("none", None), ("inverse", "balanced"), ("sampling", "balanced")):
        config = RegimeConfig("none", "logistic", penalty=0.1, class_balance=balance)
        ours = fit_regime(embeddings, targets, SIZES, config).logits(embeddings)["colour"].softmax(1)
        model = LogisticRegression(C=1 / (0.1 * int(known.sum())), class_weight=class_weight, max_iter=1000)
        theirs = model.fit(scaled[known], targets["colour"][known]).predict_proba(scaled)
        np.testing.assert_allclose(ours, theirs, atol=2e-3)


def test_linear_and_logistic_share_one_optimum_without_smoothing(monkeypatch):
    monkeypatch.setattr(models, "LABEL_SMOOTHING", 0.0)
    monkeypatch.setattr(models, "MIN_STEPS", 1500)
    embeddings, targets = rows()
    linear, logistic = (
        fit_regime(embeddings, targets, SIZES, RegimeConfig("none", name, penalty=0.1)).logits(embeddings)["shape"]
        for name in ("linear", "logistic")
    )
    torch.testing.assert_close(linear.softmax(1), logistic.softmax(1), atol=1e-2, rtol=0)


def test_prototypes_by_hand():
    embeddings = torch.tensor([[3.0, 0.0], [1.0, 0.0], [0.0, 2.0], [-1.0, 0.0]])
    identity = models.FeatureMap(torch.zeros(2), torch.ones(2))
    config = RegimeConfig("none", "prototypes")
    regime = fit_regime(embeddings, {"t": torch.tensor([0, 0, 0, 1])}, {"t": 3}, config, identity)
    # Class 0 is the mean of (1, 0), (1, 0) and (0, 1) at length 1; class 2 was never seen.
    logits = regime.logits(torch.tensor([[0.0, 5.0]]))["t"][0]
    assert logits[0] == pytest.approx(COSINE_SCALE / math.sqrt(5)) and logits[1] == 0 and logits[2] < -1000


def test_two_classes_and_a_single_one_are_answered():
    embeddings, _ = rows()
    target = (embeddings[:, 7] > 1).long()
    logits = fit_regime(embeddings, {"t": target * 2}, {"t": 3}, RegimeConfig("none", "logistic")).logits(embeddings)
    assert accuracy(logits["t"], target * 2) > 0.9 and not (logits["t"].argmax(1) == 1).any()
    for classifier in CLASSIFIERS:
        only = fit_regime(embeddings, {"t": 0 * target + 1}, {"t": 3}, RegimeConfig("none", classifier))
        assert set(only.logits(embeddings)["t"].argmax(1).tolist()) == {1}


def test_a_map_fitted_on_a_source_is_used_as_it_is():
    source, target = rows(seed=2), rows(seed=3)
    config = RegimeConfig("pca", "logistic", dims=6)
    feature_map = fit_map(*source, SIZES, config)
    regime = fit_regime(*target, SIZES, config, feature_map)
    assert regime.feature_map is feature_map
    assert not torch.equal(regime.feature_map.mean, fit_regime(*target, SIZES, config).feature_map.mean)


def test_fitted_numbers_are_counted():
    assert fit_regime(*rows(), SIZES, RegimeConfig("pca", "logistic", dims=5)).parameters == 20 * 5 + 5 * 7 + 7
    assert fit_regime(*rows(), SIZES, RegimeConfig("none", "prototypes")).parameters == 20 * 7


def test_without_standardising_all_features_share_one_scale():
    embeddings, targets = rows()
    feature_map = fit_map(embeddings, targets, SIZES, RegimeConfig(standardise=False))
    assert len(feature_map.scale.unique()) == 1
    assert float(feature_map(embeddings).square().mean()) == pytest.approx(1, abs=1e-3)
    own = fit_map(embeddings, targets, SIZES, RegimeConfig())(embeddings)
    torch.testing.assert_close(own.std(0), torch.ones(20), atol=1e-4, rtol=0)


def test_names_and_wrong_settings_say_what_to_write():
    assert RegimeConfig.named("pca+logistic", dims=7) == RegimeConfig("pca", "logistic", dims=7)
    assert RegimeConfig.named("none+linear").name == "linear" and RegimeConfig.named("svd+linear").name == "svd+linear"
    for name in ("magic", "pca+magic", "magic+linear", "pca"):
        with pytest.raises(UserError, match="No regime is named .*such as 'pca.logistic'"):
            RegimeConfig.named(name)
    with pytest.raises(UserError, match="dims is at least 1"):
        RegimeConfig(dims=0)
    embeddings, targets = rows(4)
    with pytest.raises(UserError, match="Discriminants of 'colour' need .* choose another map"):
        fit_regime(embeddings, targets | {"colour": torch.tensor([0, 1, 2, 3])}, SIZES, RegimeConfig("lda"))


def test_more_dimensions_than_rows_or_features_become_what_there_is():
    embeddings, targets = rows(10)
    for name in ("pca", "svd", "bottleneck"):
        config = dataclasses.replace(RegimeConfig(name), dims=500)
        assert fit_map(embeddings, targets, SIZES, config)(embeddings).shape[1] <= 20


@pytest.mark.parametrize("feature_map", FEATURE_MAPS)
@pytest.mark.parametrize("standardise", [True, False])
def test_a_regime_folded_into_a_head_answers_the_same(feature_map, standardise):
    config = RegimeConfig(feature_map, "logistic", dims=6, standardise=standardise)
    regime = fit_regime(*rows(), SIZES, config)
    embeddings, _ = rows(seed=1)
    head = as_head(regime, "image")
    folded = head({"image": embeddings}, {"image": torch.ones(240, dtype=torch.bool)})
    for task, logits in regime.logits(embeddings).items():
        torch.testing.assert_close(folded[task], logits, atol=1e-3, rtol=1e-4)


def test_prototypes_cannot_be_folded():
    with pytest.raises(UserError, match="Prototypes cannot be kept as a bundle; choose"):
        as_head(fit_regime(*rows(), SIZES, RegimeConfig("none", "prototypes")), "image")


def test_a_class_that_training_never_saw_leaves_the_temperature_alone():
    embeddings, targets = rows()
    targets["colour"] = torch.where(targets["colour"] == 3, -1, targets["colour"])
    head = as_head(fit_regime(embeddings, targets, SIZES, RegimeConfig("pca", "logistic", dims=6)), "image")
    val_embeddings, val_targets = rows(seed=1)
    without = torch.where(val_targets["colour"] == 3, -1, val_targets["colour"])
    assert (val_targets["colour"] == 3).any()

    def temperature(colour: torch.Tensor) -> float:
        everywhere = torch.ones(240, dtype=torch.bool)
        batch = EmbeddingBatch(tuple(map(str, range(240))), {"image": val_embeddings}, {"image": everywhere}, {})
        batch.targets.update(val_targets | {"colour": colour})
        return fit_temperatures(head, batch)["colour"]

    assert temperature(val_targets["colour"]) == temperature(without) < TEMPERATURE_RANGE[1]
    assert temperature(torch.full((240,), 3)) == 1.0
