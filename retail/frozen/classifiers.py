"""Classifiers on mapped features, fitted on training rows only.

In: features (N, d), targets {task: (N,), -1 = unknown}, {task: C_t} and a `FrozenConfig`. Out: per task the matrix
(C_t, d) and the offset (C_t,) of its logits.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping

import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn

from retail.config import FrozenConfig
from retail.frozen.descent import Targets, descend
from retail.fusion.layers import TaskHeads
from retail.training import class_weights

MAX_ITERATIONS = 300  # of the logistic regression
NEVER = -1e4  # the score of a class that no training row has

Layers = dict[str, tuple[Tensor, Tensor]]  # task -> weight (C_t, d), bias (C_t,)


def fit_classifier(features: Tensor, targets: Targets, sizes: Mapping[str, int], config: FrozenConfig) -> Layers:
    """Fits the chosen classifier on (N, d) training features; a class without training rows is never answered."""
    layers: Layers = {}
    for task, (weight, bias) in FITS[config.classifier](features, targets, sizes, config).items():
        seen = torch.bincount(targets[task][targets[task] >= 0], minlength=sizes[task]) > 0
        layers[task] = weight, torch.where(seen, bias, NEVER)
    return layers


def _linear(features: Tensor, targets: Targets, sizes: Mapping[str, int], config: FrozenConfig) -> Layers:
    """One softmax layer per task, trained as fusion heads are: in batches, with label smoothing."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        heads = TaskHeads(features.shape[1], sizes)
        for layer in heads.layers:
            for weight in layer.parameters():
                nn.init.zeros_(weight)
        descend(heads, features, targets, sizes, config)
    return {
        task: (layer.get_parameter("weight").detach(), layer.get_parameter("bias").detach())
        for task, layer in zip(heads.names, heads.layers, strict=True)
    }


def _prototypes(features: Tensor, targets: Targets, sizes: Mapping[str, int], config: FrozenConfig) -> Layers:
    """The mean direction of each class (Snell et al. 2017, here with cosine), at length 1."""
    directions = nn.functional.normalize(features)
    layers = {}
    for task, classes in sizes.items():
        known = targets[task] >= 0
        sums = torch.zeros(classes, features.shape[1]).index_add_(0, targets[task][known], directions[known])
        layers[task] = nn.functional.normalize(sums), torch.zeros(classes)
    return layers


def _logistic(features: Tensor, targets: Targets, sizes: Mapping[str, int], config: FrozenConfig) -> Layers:
    """Multinomial logistic regression at its optimum, scikit-learn's."""
    return {task: _optimum(features, targets[task], classes, config) for task, classes in sizes.items()}


def _optimum(features: Tensor, target: Tensor, classes: int, config: FrozenConfig) -> tuple[Tensor, Tensor]:
    weight, bias = torch.zeros(classes, features.shape[1]), torch.zeros(classes)
    known = target >= 0
    seen = target[known].unique()
    if len(seen) < 2:
        return weight, bias
    # In a full-batch optimum drawing classes alike and weighing them inversely are the same.
    balance = "inverse" if config.class_balance == "sampling" else config.class_balance
    row_weights = class_weights(target, classes, balance)[target[known]]
    model = LogisticRegression(C=1 / (config.penalty * int(known.sum())), max_iter=MAX_ITERATIONS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # near the optimum is near enough
        model.fit(features[known].numpy(), target[known].numpy(), sample_weight=row_weights.numpy())
    coefficients, intercepts = torch.from_numpy(model.coef_).float(), torch.from_numpy(model.intercept_).float()
    if len(seen) == 2:  # scikit-learn keeps one row for two classes: the second against the first
        coefficients, intercepts = coefficients[0], intercepts[0]
        weight[seen], bias[seen] = (
            torch.stack([0 * coefficients, coefficients]),
            torch.stack([0 * intercepts, intercepts]),
        )
    else:
        weight[seen], bias[seen] = coefficients, intercepts
    return weight, bias


FITS: dict[str, Callable[..., Layers]] = {"linear": _linear, "prototypes": _prototypes, "logistic": _logistic}
