"""Maps of frozen embeddings to fewer features, fitted on training rows only.

In: embeddings (N, D), targets {task: (N,), -1 = unknown} and a `FrozenConfig`. Out: a `FeatureMap` (to (N, d)). It may
be fitted on another data set (the source) than the classifier behind it (the target).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from torch import Tensor, nn

from retail.config import FrozenConfig
from retail.frozen.descent import Targets, descend
from retail.fusion import CLAMP, SMALLEST_SCALE
from retail.fusion.layers import TaskHeads
from retail.schema import UserError


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


def fit_map(embeddings: Tensor, targets: Targets, sizes: Mapping[str, int], config: FrozenConfig) -> FeatureMap:
    """Fits the chosen map on (N, D) training embeddings; `targets` are read by the learned maps alone."""
    mean, scale = _standardisation(embeddings, config)
    standard = FeatureMap(mean, scale)(embeddings)
    fitted = MAPS[config.feature_map](standard, targets, sizes, config)
    return FeatureMap(mean, scale, *(value.float() for value in fitted)) if fitted else FeatureMap(mean, scale)


def _standardisation(embeddings: Tensor, config: FrozenConfig) -> tuple[Tensor, Tensor]:
    """Mean and scale per feature; a truncated SVD takes the embeddings as they lie, around their own zero."""
    mean = torch.zeros(embeddings.shape[1]) if config.feature_map == "svd" else embeddings.mean(0)
    if not config.standardise or len(embeddings) < 2:
        return mean, (embeddings - mean).square().mean().sqrt().clamp_min(SMALLEST_SCALE).expand_as(mean)
    return mean, embeddings.std(0).clamp_min(SMALLEST_SCALE)


# Maps: standardised rows (N, D) -> weight (D, d) and shift (d,), or None where features stay as they are.

Fitted = tuple[Tensor, Tensor] | None


def _no_map(standard: Tensor, targets: Targets, sizes: Mapping[str, int], config: FrozenConfig) -> Fitted:
    return None


def _pca(standard: Tensor, targets: Targets, sizes: Mapping[str, int], config: FrozenConfig) -> Fitted:
    """Directions of largest variance (Pearson 1901; Hotelling 1933), centred."""
    pca = PCA(min(config.dims, *standard.shape), random_state=config.seed).fit(standard.numpy())
    return torch.from_numpy(pca.components_.T), torch.from_numpy(pca.mean_ @ pca.components_.T)


def _svd(standard: Tensor, targets: Targets, sizes: Mapping[str, int], config: FrozenConfig) -> Fitted:
    """Truncated singular value decomposition (Halko et al. 2011), which does not centre."""
    dims = min(config.dims, standard.shape[1], len(standard))
    components = TruncatedSVD(dims, random_state=config.seed).fit(standard.numpy()).components_
    return torch.from_numpy(components.T), torch.zeros(len(components))


def _lda(standard: Tensor, targets: Targets, sizes: Mapping[str, int], config: FrozenConfig) -> Fitted:
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


def _bottleneck(standard: Tensor, targets: Targets, sizes: Mapping[str, int], config: FrozenConfig) -> Fitted:
    """A linear layer trained by gradient below one softmax per task, all tasks at once."""
    dims = min(config.dims, standard.shape[1])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        narrow = nn.Linear(standard.shape[1], dims, bias=False)
        descend(nn.Sequential(narrow, TaskHeads(dims, sizes)), standard, targets, sizes, config)
    return narrow.weight.detach().T, torch.zeros(dims)


MAPS: dict[str, Callable[..., Fitted]] = {
    "none": _no_map,
    "pca": _pca,
    "svd": _svd,
    "lda": _lda,
    "bottleneck": _bottleneck,
}
