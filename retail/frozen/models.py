"""A map of frozen embeddings with a classifier behind it: one method, fitted.

In: embeddings (N, D), targets {task: (N,), -1 = unknown} and a `FrozenConfig`. Out: a `FrozenModel` that scores every
task, or the same as a fusion head.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from retail.config import FrozenConfig
from retail.frozen.classifiers import fit_classifier
from retail.frozen.descent import Targets
from retail.frozen.maps import FeatureMap, fit_map
from retail.fusion import FusionHead, build_head
from retail.schema import UserError

COSINE_SCALE = 20.0  # logits per unit of cosine, so that the softmax of prototypes is neither flat nor a step


@dataclass(frozen=True)
class FrozenModel:
    """A fitted map and, per task, the matrix and offset of its classifier."""

    config: FrozenConfig
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


def fit_frozen(
    embeddings: Tensor,
    targets: Targets,
    sizes: Mapping[str, int],
    config: FrozenConfig,
    feature_map: FeatureMap | None = None,
) -> FrozenModel:
    """Fits map (unless it is given) and classifier on (N, D) training embeddings."""
    feature_map = feature_map or fit_map(embeddings, targets, sizes, config)
    layers = fit_classifier(feature_map(embeddings), targets, sizes, config)
    weights, biases = ({task: layer[part] for task, layer in layers.items()} for part in (0, 1))
    return FrozenModel(config, feature_map, weights, biases)


def as_head(model: FrozenModel, modality: str) -> FusionHead:
    """The model as a fusion head on raw embeddings: map and classifier are one affine step, so they fold into one.

    Raises UserError for prototypes, whose cosine is not affine.
    """
    if model.config.classifier == "prototypes":
        raise UserError("Prototypes cannot be kept as a bundle; choose a method with linear or logistic.")
    feature_map, sizes = model.feature_map, {task: len(bias) for task, bias in model.biases.items()}
    head = build_head("linear", {modality: len(feature_map.mean)}, sizes)
    head.get_buffer(f"mean_{modality}").copy_(feature_map.mean)
    head.get_buffer(f"scale_{modality}").copy_(feature_map.scale)
    with torch.no_grad():
        for place, (task, weight) in enumerate(model.weights.items()):
            bias = model.biases[task]
            if feature_map.weight is not None and feature_map.shift is not None:
                weight, bias = weight @ feature_map.weight.T, bias - weight @ feature_map.shift
            head.get_parameter(f"heads.layers.{place}.weight").copy_(weight)
            head.get_parameter(f"heads.layers.{place}.bias").copy_(bias)
    return head.eval()
