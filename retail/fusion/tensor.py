"""Tensor fusion: the outer product of all inputs' features, each with a constant 1 beside it.

In: standardised embeddings and masks. Out: logits per task.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from retail.fusion import FusionHead
from retail.fusion.layers import Projections, TaskHeads, stack_mask

# Features of each modality in the product: (8 + 1)^3 = 729 products of three. 16 (4,913 products) learned by heart.
FACTORS = 8


class TensorFusion(FusionHead):
    """Tensor Fusion Network: every feature of one input times every feature of the others, in full.

    The constant 1 keeps the products of each pair beside those of all three. An absent modality is [1, 0, ..., 0], so
    that exactly the products it has no part in remain. What we changed: the product is taken of a few features of
    each modality, chosen by a linear layer; its features as such stay in full width beside the product, and one
    linear layer per task reads both.
    """

    name = "tensor"
    title = "Tensor fusion"
    summary = "Multiplies every feature of one input with every feature of the others, pair by pair and all together."
    level = "feature"
    source = (
        "Zadeh et al., Tensor Fusion Network for Multimodal Sentiment Analysis, 2017, https://arxiv.org/abs/1707.07250"
    )

    def __init__(self, dims: Mapping[str, int], tasks: Mapping[str, int], width: int = 192, dropout: float = 0.0):
        super().__init__(dims, tasks)
        factors = min(width, FACTORS)
        self.projections = Projections(self.dims, width, dropout)
        self.reductions = nn.ModuleDict({modality: nn.Linear(width, factors) for modality in self.dims})
        self.heads = TaskHeads(len(self.dims) * width + (factors + 1) ** len(self.dims), self.tasks)

    def fuse(self, embeddings: dict[str, Tensor], present: dict[str, Tensor]) -> dict[str, Tensor]:
        mask = stack_mask(present)  # (B, M)
        stacked = self.projections(embeddings, mask)  # (B, M, W)
        product = torch.ones(mask.shape[0], 1, device=stacked.device)
        for place, reduction in enumerate(self.reductions.values()):
            factors = torch.where(mask[:, place, None], reduction(stacked[:, place]), 0.0)  # (B, F)
            factors = nn.functional.pad(factors, (1, 0), value=1.0)  # (B, 1 + F)
            product = (product[:, :, None] * factors[:, None, :]).flatten(1)  # (B, (1 + F)^(place + 1))
        return self.heads(torch.cat([stacked.flatten(1), product], dim=1))
