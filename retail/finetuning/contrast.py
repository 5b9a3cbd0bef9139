"""Contrastive alignment: projections in which the inputs of one product lie close together.

In: embeddings of every modality and present masks. Out: projections of unit length, and the loss that aligns them
(InfoNCE, van den Oord et al. 2018; symmetric over pairs of modalities as in CLIP, Radford et al. 2021).
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

import torch
from torch import Tensor, nn
from torch.nn import functional

from retail.store import EmbeddingBatch

WIDTH = 128  # of the common space
# The projections alone are linear: some hundred steps on cached embeddings settle them.
STEPS, BATCH_ROWS, LEARNING_RATE = 300, 256, 2e-3


class Projector(nn.Module):
    """One linear map per modality into a common space: {modality: (B, D_m)} -> {modality: (B, WIDTH)}."""

    def __init__(self, dims: Mapping[str, int]) -> None:
        super().__init__()
        self.layers = nn.ModuleDict(
            {
                # Normalised first, because encoders differ in scale by an order of magnitude.
                modality: nn.Sequential(nn.LayerNorm(dim, elementwise_affine=False), nn.Linear(dim, WIDTH, bias=False))
                for modality, dim in dims.items()
            }
        )

    def forward(self, embeddings: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return {
            modality: functional.normalize(layer(embeddings[modality]), dim=1)
            for modality, layer in self.layers.items()
        }


def info_nce(projections: Mapping[str, Tensor], present: Mapping[str, Tensor], temperature: float) -> Tensor:
    """Mean over pairs of modalities, both directions; a pair counts the products that have both inputs.

    The others of the batch are the wrong answers, so a pair needs two products; without any pair the loss is 0.
    """
    losses = []
    for ours, theirs in combinations(sorted(projections), 2):
        both = present[ours] & present[theirs]
        if int(both.sum()) < 2:
            continue
        scores = projections[ours][both] @ projections[theirs][both].T / temperature  # (P, P)
        own = torch.arange(len(scores))
        losses.append((functional.cross_entropy(scores, own) + functional.cross_entropy(scores.T, own)) / 2)
    return torch.stack(losses).mean() if losses else torch.zeros(())


def fit_projector(train: EmbeddingBatch, temperature: float) -> Projector:
    """The projections that align the frozen embeddings best; draws from PyTorch's generator."""
    projector = Projector(train.dims)
    optimizer = torch.optim.AdamW(projector.parameters(), lr=LEARNING_RATE)
    for _ in range(STEPS):
        batch = train.rows(torch.randperm(len(train))[:BATCH_ROWS])
        loss = info_nce(projector(batch.embeddings), batch.present, temperature)
        if loss.requires_grad:  # a batch without any pair teaches nothing
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return projector
