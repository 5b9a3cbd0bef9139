"""Attention bottlenecks: each input's tokens exchange what they know through a few shared tokens only.

In: standardised embeddings and masks. Out: logits per task, read from the tokens of what is present.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from retail.fusion import FusionHead
from retail.fusion.layers import Projections, TaskHeads, masked_mean, stack_mask

# An embedding is one vector; attention needs several tokens, so the projection is cut into four.
TOKENS = 4
# The paper uses 4 for hundreds of tokens of each input.
BOTTLENECKS = 2
# In the first layer the bottlenecks collect, in the second every input reads what the others left there.
LAYERS = 2


class Bottleneck(FusionHead):
    """Multimodal Bottleneck Transformer on frozen embeddings.

    In each layer a modality attends to its own tokens and the bottleneck tokens, with weights of its own; the
    bottlenecks then become the mean of what the present modalities made of them. What we changed: a modality's
    tokens are parts of its projected embedding, one attention head, and the task heads read the mean over the
    present modalities beside the bottlenecks instead of one summary token per modality.
    """

    name = "bottleneck"
    title = "Attention bottleneck"
    summary = "The inputs attend to themselves and talk to one another only through a few shared tokens."
    level = "feature"
    source = "Nagrani et al., Attention Bottlenecks for Multimodal Fusion, 2021, https://arxiv.org/abs/2107.00135"

    def __init__(self, dims: Mapping[str, int], tasks: Mapping[str, int], width: int = 192, dropout: float = 0.0):
        super().__init__(dims, tasks)
        self.tokens = math.gcd(width, TOKENS)
        token_width = width // self.tokens  # w
        self.projections = Projections(self.dims, width, dropout)
        self.bottlenecks = nn.Parameter(torch.randn(BOTTLENECKS, token_width) * 0.02)
        self.layers = nn.ModuleList(
            nn.ModuleDict({modality: _Block(token_width) for modality in self.dims}) for _ in range(LAYERS)
        )
        self.heads = TaskHeads(width + BOTTLENECKS * token_width, self.tasks)

    def fuse(self, embeddings: dict[str, Tensor], present: dict[str, Tensor]) -> dict[str, Tensor]:
        mask = stack_mask(present)  # (B, M)
        stacked = self.projections(embeddings, mask)  # (B, M, W)
        tokens = list(stacked.unflatten(2, (self.tokens, -1)).unbind(1))  # M times (B, T, w)
        bottlenecks = self.bottlenecks.expand(mask.shape[0], -1, -1)  # (B, K, w)
        for layer in self.layers:
            assert isinstance(layer, nn.ModuleDict)
            seen = [block(torch.cat([own, bottlenecks], 1)) for own, block in zip(tokens, layer.values(), strict=True)]
            tokens = [both[:, : self.tokens] for both in seen]
            left = torch.stack([both[:, self.tokens :] for both in seen], dim=1)  # (B, M, K, w)
            bottlenecks = masked_mean(left, mask)
        own = masked_mean(torch.stack(tokens, dim=1), mask)  # (B, T, w)
        return self.heads(torch.cat([own.flatten(1), bottlenecks.flatten(1)], dim=1))


class _Block(nn.Module):
    """Pre-norm self-attention with one head, then a feed-forward layer: (B, S, w) -> (B, S, w)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.queries_values = nn.Linear(width, 2 * width)
        self.keys = nn.Linear(width, width, bias=False)  # a bias of the keys would fall out of the softmax
        self.feed_forward = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, width), nn.GELU(), nn.Linear(width, width)
        )

    def forward(self, tokens: Tensor) -> Tensor:
        normed = self.norm(tokens)
        queries, values = self.queries_values(normed).chunk(2, dim=-1)
        one_head = (part[:, None] for part in (queries, self.keys(normed), values))  # (B, 1, S, w)
        tokens = tokens + nn.functional.scaled_dot_product_attention(*one_head)[:, 0]
        return tokens + self.feed_forward(tokens)
