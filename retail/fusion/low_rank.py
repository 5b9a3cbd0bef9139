"""Low-rank fusion: every product of features across modalities, computed through a few factors.

In: standardised embeddings and masks. Out: logits per task.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from retail.fusion import FusionHead
from retail.fusion.layers import Projections, TaskHeads, stack_mask

# The paper finds 4 factors enough on all three of its datasets.
RANK = 4


class LowRank(FusionHead):
    """Low-rank Multimodal Fusion: multiplies the modalities' factors, then sums over the rank.

    What we changed: an absent modality is the neutral element 1 of the product, so that the others pass
    unchanged; factors start near 1 (bias 1), so that three of them neither vanish nor explode; the sum
    over the rank is normalised before the task heads.
    """

    name = "low-rank"
    title = "Low-rank tensor fusion"
    summary = "Multiplies the inputs' features with one another, so that combinations count, not just sums."
    level = "feature"
    source = "Liu et al., Efficient Low-rank Multimodal Fusion with Modality-Specific Factors, 2018, https://arxiv.org/abs/1806.00064"

    def __init__(self, dims: Mapping[str, int], tasks: Mapping[str, int], width: int = 192, dropout: float = 0.0):
        super().__init__(dims, tasks)
        self.projections = Projections(self.dims, width, dropout)
        self.factors = nn.ModuleDict({modality: _factor(width) for modality in self.dims})
        self.rank_weights = nn.Parameter(torch.full((RANK,), 1 / RANK))
        self.norm = nn.LayerNorm(width)
        self.heads = TaskHeads(width, self.tasks)

    def fuse(self, embeddings: dict[str, Tensor], present: dict[str, Tensor]) -> dict[str, Tensor]:
        mask = stack_mask(present)  # (B, M)
        stacked = self.projections(embeddings, mask)  # (B, M, W)
        product = torch.ones(mask.shape[0], RANK, stacked.shape[-1], device=stacked.device)  # (B, R, W)
        for place, factor in enumerate(self.factors.values()):
            factors = factor(stacked[:, place]).view_as(product)
            product = product * torch.where(mask[:, place, None, None], factors, 1.0)
        fused = (self.rank_weights[:, None] * product).sum(1)  # (B, W)
        return self.heads(self.norm(fused))


def _factor(width: int) -> nn.Linear:
    layer = nn.Linear(width, RANK * width)
    nn.init.ones_(layer.bias)
    return layer
