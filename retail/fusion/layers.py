"""Layers that several fusion strategies share: projections, masks over modalities, one head per task.

In: tensors of one modality, or stacked over modalities (B, M, ...). Out: tensors. Defines no strategy.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn

# Added to the score of an absent modality: exp() of it is exactly 0, yet it is finite, so that a row
# with nothing present gets equal weights and no NaN.
ABSENT_SCORE = -1e9


class Trunk(nn.Sequential):
    """The layers that see one modality alone. While `applied` they pass on what has gone through them already."""

    applied = False

    def forward(self, features: Tensor) -> Tensor:
        return features if self.applied else super().forward(features)


@contextmanager
def trunks_applied(trunks: Iterable[Trunk]) -> Iterator[None]:
    """Inside, a head takes its trunks' features for embeddings: several views of the same rows need them only once."""
    trunks = list(trunks)
    for trunk in trunks:
        trunk.applied = True
    try:
        yield
    finally:
        for trunk in trunks:
            trunk.applied = False


def project(dim: int, width: int, dropout: float) -> Trunk:
    """(B, D_m) -> (B, W): brings the embedding of one modality to the common width."""
    return Trunk(nn.Linear(dim, width), nn.LayerNorm(width), nn.GELU(), Dropout(dropout))


class Dropout(nn.Dropout):
    """The same thing, drawn from uniform numbers: a third of the time that PyTorch's takes on a processor."""

    def forward(self, features: Tensor) -> Tensor:
        if not self.training or not self.p:
            return features
        return features * (torch.rand_like(features) >= self.p).to(features.dtype).div_(1 - self.p)


class Projections(nn.Module):
    """Projects every modality and stacks them in the fixed order; absent slots are exact zeros."""

    def __init__(self, dims: Mapping[str, int], width: int, dropout: float) -> None:
        super().__init__()
        self.layers = nn.ModuleDict({modality: project(dim, width, dropout) for modality, dim in dims.items()})

    def forward(self, embeddings: Mapping[str, Tensor], mask: Tensor) -> Tensor:
        stacked = torch.stack([layer(embeddings[modality]) for modality, layer in self.layers.items()], dim=1)
        return torch.where(mask[..., None], stacked, 0.0)  # (B, M, W)


class TaskHeads(nn.Module):
    """One linear layer per task: (B, W) -> {task: (B, C_t)}."""

    def __init__(self, width: int, tasks: Mapping[str, int]) -> None:
        super().__init__()
        self.names = tuple(tasks)
        # A list, because a task may have any name and module names may not hold a dot.
        self.layers = nn.ModuleList(nn.Linear(width, classes) for classes in tasks.values())

    def forward(self, fused: Tensor) -> dict[str, Tensor]:
        return {name: layer(fused) for name, layer in zip(self.names, self.layers, strict=True)}


def stack_mask(present: Mapping[str, Tensor]) -> Tensor:
    """{modality: (B,)} -> (B, M) in the order of the mapping, which FusionHead has fixed."""
    return torch.stack(list(present.values()), dim=1)


def masked_log_softmax(scores: Tensor, mask: Tensor) -> Tensor:
    """Log-weights over modalities (dim 1) that sum to 1 over the present ones; both (B, M, ...)."""
    return scores.masked_fill(~mask, ABSENT_SCORE).log_softmax(dim=1)


def masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    """Mean over the present modalities: (B, M, ...) and (B, M) -> (B, ...); zeros where nothing is present."""
    shown = mask.view(*mask.shape, *(1 for _ in values.shape[2:]))
    counts = shown.sum(1).clamp_min(1)
    return torch.where(shown, values, 0.0).sum(1) / counts
