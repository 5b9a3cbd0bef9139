"""Feature-based transfer: a map of frozen embeddings and a classifier, both fitted on training rows only.

In: embeddings (N, D), targets {task: (N,), -1 = unknown} and a `RegimeConfig`. Out: a `FeatureMap` (to (N, d)) and a
`Regime` that scores every task. A map may be fitted on another data set (the source) than its classifier (the target).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn

from retail.config import RegimeConfig
from retail.fusion import CLAMP, SMALLEST_SCALE, FusionHead, build_head
from retail.fusion.layers import TaskHeads
from retail.schema import UserError
from retail.training import MultiTaskLoss, class_weights, row_order, task_weights

Targets = Mapping[str, Tensor]

# Of the gradient-trained parts: enough for a convex problem to settle on a few thousand rows, and a lower limit on
# the steps so that a handful of rows (one shot) is learned as well.
EPOCHS, MIN_STEPS, BATCH_SIZE, LEARNING_RATE, LABEL_SMOOTHING = 25, 300, 256, 1e-2, 0.1
MAX_ITERATIONS = 300  # of the logistic regression
COSINE_SCALE = 20.0  # logits per unit of cosine, so that the softmax of prototypes is neither flat nor a step
NEVER = -1e4  # the score of a class that no training row has


@dataclass(frozen=True)
class FeatureMap:
    """(N, D) -> (N, d): standardise as fusion heads do, then one affine map; without `weight` d = D."""

    mean: Tensor  # (D,)
    scale: Tensor  # (D,)
    weight: Tensor | None = None  # (D, d)
    shift: Tensor | None = None  # (d,), subtracted

    def __call__(self, embeddings: Tensor) -> Tensor:
        standard = ((embeddings - self.mean) / self.scale).clamp(-CLAMP, CLAMP)
        if self.weight is None or self.shift is None:
            return standard
        return standard @ self.weight - self.shift

    @property
    def parameters(self) -> int:
        """Numbers fitted to rows, beside mean and scale."""
        return 0 if self.weight is None else self.weight.numel()


@dataclass(frozen=True)
class Regime:
    """A fitted map and, per task, the matrix and offset of its classifier."""

    config: RegimeConfig
    feature_map: FeatureMap
    weights: dict[str, Tensor]  # task -> (C_t, d)
    biases: dict[str, Tensor]  # task -> (C_t,)

    def logits(self, embeddings: Tensor) -> dict[str, Tensor]:
        """(N, D) -> {task: (N, C_t)}"""
        features = self.feature_map(embeddings)
        if self.config.classifier == "prototypes":
            features = COSINE_SCALE * nn.functional.normalize(features)
        return {task: features @ weight.T + self.biases[task] for task, weight in self.weights.items()}

    @property
    def parameters(self) -> int:
        """Numbers fitted to rows: the map's and the classifiers'; prototypes have no offset."""
        offsets = 0 if self.config.classifier == "prototypes" else sum(map(len, self.biases.values()))
        return self.feature_map.parameters + sum(weight.numel() for weight in self.weights.values()) + offsets


def fit_map(embeddings: Tensor, targets: Targets, sizes: Mapping[str, int], config: RegimeConfig) -> FeatureMap:
    """Fits the chosen map on (N, D) training embeddings; `targets` are read by the learned maps alone."""
    mean, scale = _standardisation(embeddings, config)
    standard = FeatureMap(mean, scale)(embeddings)
    fitted = MAPS[config.feature_map](standard, targets, sizes, config)
    return FeatureMap(mean, scale, *(value.float() for value in fitted)) if fitted else FeatureMap(mean, scale)


def fit_regime(
    embeddings: Tensor,
    targets: Targets,
    sizes: Mapping[str, int],
    config: RegimeConfig,
    feature_map: FeatureMap | None = None,
) -> Regime:
    """Fits map (unless it is given) and classifier on (N, D) training embeddings."""
    feature_map = feature_map or fit_map(embeddings, targets, sizes, config)
    layers = FITS[config.classifier](feature_map(embeddings), targets, sizes, config)
    weights, biases = {}, {}
    for task, (weight, bias) in layers.items():
        seen = torch.bincount(targets[task][targets[task] >= 0], minlength=sizes[task]) > 0
        weights[task], biases[task] = weight, torch.where(seen, bias, NEVER)
    return Regime(config, feature_map, weights, biases)


def as_head(regime: Regime, modality: str) -> FusionHead:
    """The regime as a fusion head on raw embeddings: map and classifier are one affine step, so they fold into one.

    Raises UserError for prototypes, whose cosine is not affine.
    """
    if regime.config.classifier == "prototypes":
        raise UserError("Prototypes cannot be kept as a bundle; choose a regime with linear or logistic.")
    feature_map, sizes = regime.feature_map, {task: len(bias) for task, bias in regime.biases.items()}
    head = build_head("linear", {modality: len(feature_map.mean)}, sizes)
    head.get_buffer(f"mean_{modality}").copy_(feature_map.mean)
    head.get_buffer(f"scale_{modality}").copy_(feature_map.scale)
    with torch.no_grad():
        for place, (task, weight) in enumerate(regime.weights.items()):
            bias = regime.biases[task]
            if feature_map.weight is not None and feature_map.shift is not None:
                weight, bias = weight @ feature_map.weight.T, bias - weight @ feature_map.shift
            head.get_parameter(f"heads.layers.{place}.weight").copy_(weight)
            head.get_parameter(f"heads.layers.{place}.bias").copy_(bias)
    return head.eval()


def _standardisation(embeddings: Tensor, config: RegimeConfig) -> tuple[Tensor, Tensor]:
    """Mean and scale per feature; a truncated SVD takes the embeddings as they lie, around their own zero."""
    mean = torch.zeros(embeddings.shape[1]) if config.feature_map == "svd" else embeddings.mean(0)
    if not config.standardise or len(embeddings) < 2:
        return mean, (embeddings - mean).square().mean().sqrt().clamp_min(SMALLEST_SCALE).expand_as(mean)
    return mean, embeddings.std(0).clamp_min(SMALLEST_SCALE)


# Maps: standardised rows (N, D) -> weight (D, d) and shift (d,), or None where features stay as they are.

Fitted = tuple[Tensor, Tensor] | None


def _no_map(standard: Tensor, targets: Targets, sizes: Mapping[str, int], config: RegimeConfig) -> Fitted:
    return None


def _pca(standard: Tensor, targets: Targets, sizes: Mapping[str, int], config: RegimeConfig) -> Fitted:
    """Directions of largest variance (Pearson 1901; Hotelling 1933), centred."""
    pca = PCA(min(config.dims, *standard.shape), random_state=config.seed).fit(standard.numpy())
    return torch.from_numpy(pca.components_.T), torch.from_numpy(pca.mean_ @ pca.components_.T)


def _svd(standard: Tensor, targets: Targets, sizes: Mapping[str, int], config: RegimeConfig) -> Fitted:
    """Truncated singular value decomposition (Halko et al. 2011), which does not centre."""
    dims = min(config.dims, standard.shape[1], len(standard))
    components = TruncatedSVD(dims, random_state=config.seed).fit(standard.numpy()).components_
    return torch.from_numpy(components.T), torch.zeros(len(components))


def _lda(standard: Tensor, targets: Targets, sizes: Mapping[str, int], config: RegimeConfig) -> Fitted:
    """Linear discriminants of every task side by side, within-class covariance shrunk (Ledoit and Wolf 2004)."""
    parts = [_discriminants(standard, targets[task], task, config.dims) for task in sizes]
    return torch.cat([weight for weight, _ in parts], 1), torch.cat([shift for _, shift in parts])


def _discriminants(standard: Tensor, target: Tensor, task: str, dims: int) -> tuple[Tensor, Tensor]:
    known = target >= 0
    rows = standard[known]
    lda = LinearDiscriminantAnalysis(solver="eigen", shrinkage="auto")
    try:
        lda.fit(rows.double().numpy(), target[known].numpy())
    except (ValueError, np.linalg.LinAlgError) as error:
        raise UserError(
            f"Discriminants of {task!r} need two classes and more training rows than classes, and there are "
            f"{int(known.sum())} rows of {len(target[known].unique())} classes; choose another map."
        ) from error
    scalings = torch.from_numpy(lda.scalings_[:, : min(dims, len(lda.classes_) - 1)]).float()
    return scalings, rows.mean(0) @ scalings


def _bottleneck(standard: Tensor, targets: Targets, sizes: Mapping[str, int], config: RegimeConfig) -> Fitted:
    """A linear layer trained by gradient below one softmax per task, all tasks at once."""
    dims = min(config.dims, standard.shape[1])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        narrow = nn.Linear(standard.shape[1], dims, bias=False)
        _descend(nn.Sequential(narrow, TaskHeads(dims, sizes)), standard, targets, sizes, config)
    return narrow.weight.detach().T, torch.zeros(dims)


# Classifiers: mapped rows (N, d) -> {task: weight (C_t, d), bias (C_t,)}.

Layers = dict[str, tuple[Tensor, Tensor]]


def _linear(features: Tensor, targets: Targets, sizes: Mapping[str, int], config: RegimeConfig) -> Layers:
    """One softmax layer per task, trained as fusion heads are: in batches, with label smoothing."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        heads = TaskHeads(features.shape[1], sizes)
        for layer in heads.layers:
            for weight in layer.parameters():
                nn.init.zeros_(weight)
        _descend(heads, features, targets, sizes, config)
    return {
        task: (layer.get_parameter("weight").detach(), layer.get_parameter("bias").detach())
        for task, layer in zip(heads.names, heads.layers, strict=True)
    }


def _prototypes(features: Tensor, targets: Targets, sizes: Mapping[str, int], config: RegimeConfig) -> Layers:
    """The mean direction of each class (Snell et al. 2017, here with cosine), at length 1."""
    directions = nn.functional.normalize(features)
    layers = {}
    for task, classes in sizes.items():
        known = targets[task] >= 0
        sums = torch.zeros(classes, features.shape[1]).index_add_(0, targets[task][known], directions[known])
        layers[task] = nn.functional.normalize(sums), torch.zeros(classes)
    return layers


def _logistic(features: Tensor, targets: Targets, sizes: Mapping[str, int], config: RegimeConfig) -> Layers:
    """Multinomial logistic regression at its optimum, scikit-learn's."""
    return {task: _optimum(features, targets[task], classes, config) for task, classes in sizes.items()}


def _optimum(features: Tensor, target: Tensor, classes: int, config: RegimeConfig) -> tuple[Tensor, Tensor]:
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


def _descend(
    layers: nn.Module, features: Tensor, targets: Targets, sizes: Mapping[str, int], config: RegimeConfig
) -> None:
    """Adam on the tasks' cross-entropies plus the penalty, with a cosine schedule; equal seeds give equal weights."""
    loss_of = MultiTaskLoss(sizes, False, LABEL_SMOOTHING, task_weights(targets, sizes, config.class_balance))
    steps_per_epoch = -(-len(features) // BATCH_SIZE)
    epochs = max(EPOCHS, -(-MIN_STEPS // steps_per_epoch))
    optimizer = torch.optim.Adam(layers.parameters(), lr=LEARNING_RATE)
    matrices = [weight for weight in layers.parameters() if weight.ndim > 1]
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs * steps_per_epoch)
    generator = torch.Generator().manual_seed(config.seed)
    for _ in range(epochs):
        for index in row_order(targets, config.class_balance, generator).split(BATCH_SIZE):
            loss = loss_of(layers(features[index]), {task: target[index] for task, target in targets.items()})
            if not loss.requires_grad:  # no label is known in this batch
                continue
            loss = loss + config.penalty / 2 * sum(matrix.square().sum() for matrix in matrices)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()


MAPS: dict[str, Callable[..., Fitted]] = {
    "none": _no_map,
    "pca": _pca,
    "svd": _svd,
    "lda": _lda,
    "bottleneck": _bottleneck,
}
FITS: dict[str, Callable[..., Layers]] = {"linear": _linear, "prototypes": _prototypes, "logistic": _logistic}
