"""Attention fusion: each modality is a token; a learned summary token attends to those present.

In: standardised embeddings and masks. Out: logits per task, read from the summary token.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from retail.fusion import FusionHead
from retail.fusion.layers import Projections, TaskHeads, stack_mask

# Few heads suffice for at most four tokens; a width that 4 does not divide gets fewer.
MAX_HEADS = 4


class Attention(FusionHead):
    """One pre-norm self-attention layer over modality tokens and a summary token; absent tokens are masked."""

    name = "attention"
    title = "Attention"
    summary = "The inputs look at one another, and a summary token collects what matters."
    level = "feature"
    source = "Vaswani et al., Attention Is All You Need, 2017, https://arxiv.org/abs/1706.03762"

    def __init__(self, dims: Mapping[str, int], tasks: Mapping[str, int], width: int = 192, dropout: float = 0.0):
        super().__init__(dims, tasks)
        self.projections = Projections(self.dims, width, dropout)
        self.kinds = nn.Parameter(torch.randn(len(self.dims), width) * 0.02)  # which modality a token is
        self.summary_token = nn.Parameter(torch.randn(1, 1, width) * 0.02)
        self.norm = nn.LayerNorm(width)
        self.attention = nn.MultiheadAttention(width, math.gcd(width, MAX_HEADS), batch_first=True)
        self.feed_forward = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, width), nn.GELU(), nn.Dropout(dropout), nn.Linear(width, width)
        )
        self.heads = TaskHeads(width, self.tasks)

    def fuse(self, embeddings: dict[str, Tensor], present: dict[str, Tensor]) -> dict[str, Tensor]:
        mask = stack_mask(present)  # (B, M)
        tokens = self.projections(embeddings, mask) + self.kinds
        tokens = torch.cat([self.summary_token.expand(mask.shape[0], -1, -1), tokens], dim=1)  # (B, 1 + M, W)
        hidden = nn.functional.pad(~mask, (1, 0), value=False)  # the summary token is never hidden
        normed = self.norm(tokens)
        attended, _ = self.attention(normed[:, :1], normed, normed, key_padding_mask=hidden, need_weights=False)
        fused = (tokens[:, :1] + attended).squeeze(1)  # (B, W)
        return self.heads(fused + self.feed_forward(fused))
