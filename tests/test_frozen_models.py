"""A map with a classifier behind it: every method learns, and folds into a head."""

from __future__ import annotations

import pytest
import torch

from retail.config import CLASSIFIERS, FEATURE_MAPS, FrozenConfig
from retail.frozen.maps import fit_map
from retail.frozen.models import as_head, fit_frozen
from retail.schema import UserError
from tests.frozen_sample import SIZES, accuracy, rows


@pytest.mark.parametrize("classifier", CLASSIFIERS)
@pytest.mark.parametrize("feature_map", FEATURE_MAPS)
def test_every_method_learns_both_tasks_from_rows_with_missing_labels(feature_map, classifier):
    config = FrozenConfig(feature_map, classifier, dims=12)
    model = fit_frozen(*rows(), SIZES, config)
    embeddings, targets = rows(seed=1)
    logits = model.logits(embeddings)
    for task, classes in SIZES.items():
        assert logits[task].shape == (240, classes) and logits[task].dtype == torch.float32
        assert accuracy(logits[task], targets[task]) > 0.85, task
        torch.testing.assert_close(model.logits(embeddings[3:4])[task][0], logits[task][3])
    again = fit_frozen(*rows(), SIZES, config).logits(embeddings)
    assert all(torch.equal(again[task], logits[task]) for task in SIZES), "equal seeds, equal answers"


def test_a_map_fitted_on_a_source_is_used_as_it_is():
    source, target = rows(seed=2), rows(seed=3)
    config = FrozenConfig("pca", "logistic", dims=6)
    feature_map = fit_map(*source, SIZES, config)
    model = fit_frozen(*target, SIZES, config, feature_map)
    assert model.feature_map is feature_map
    assert not torch.equal(model.feature_map.mean, fit_frozen(*target, SIZES, config).feature_map.mean)


def test_fitted_numbers_are_counted():
    assert fit_frozen(*rows(), SIZES, FrozenConfig("pca", "logistic", dims=5)).parameters == 20 * 5 + 5 * 7 + 7
    assert fit_frozen(*rows(), SIZES, FrozenConfig("none", "prototypes")).parameters == 20 * 7


@pytest.mark.parametrize("feature_map", FEATURE_MAPS)
@pytest.mark.parametrize("standardise", [True, False])
def test_a_model_folded_into_a_head_answers_the_same(feature_map, standardise):
    config = FrozenConfig(feature_map, "logistic", dims=6, standardise=standardise)
    model = fit_frozen(*rows(), SIZES, config)
    embeddings, _ = rows(seed=1)
    head = as_head(model, "image")
    folded = head({"image": embeddings}, {"image": torch.ones(240, dtype=torch.bool)})
    for task, logits in model.logits(embeddings).items():
        torch.testing.assert_close(folded[task], logits, atol=1e-3, rtol=1e-4)


def test_prototypes_cannot_be_folded():
    with pytest.raises(UserError, match="Prototypes cannot be kept as a bundle; choose"):
        as_head(fit_frozen(*rows(), SIZES, FrozenConfig("none", "prototypes")), "image")
