"""Gated fusion: for every feature, a gate that sees all inputs decides which modality to listen to.

In: standardised embeddings and masks. Out: logits per task.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from retail.fusion import FusionHead
from retail.fusion.layers import Projections, TaskHeads, masked_log_softmax, stack_mask


class Gated(FusionHead):
    """The Gated Multimodal Unit for any number of modalities.

    What we changed: the paper's sigmoid gate z and 1 - z between two modalities becomes a softmax over
    the present ones (the same thing for two), and the hidden features are our common projection, not tanh.
    """

    name = "gated"
    title = "Gated fusion"
    summary = "A learned gate decides, product by product and feature by feature, which input to trust."
    level = "feature"
    source = "Arevalo et al., Gated Multimodal Units for Information Fusion, 2017, https://arxiv.org/abs/1702.01992"

    def __init__(self, dims: Mapping[str, int], tasks: Mapping[str, int], width: int = 192, dropout: float = 0.0):
        super().__init__(dims, tasks)
        self.projections = Projections(self.dims, width, dropout)
        self.gate = nn.Linear(len(self.dims) * width, len(self.dims) * width)
        self.heads = TaskHeads(width, self.tasks)

    def fuse(self, embeddings: dict[str, Tensor], present: dict[str, Tensor]) -> dict[str, Tensor]:
        mask = stack_mask(present)  # (B, M)
        stacked = self.projections(embeddings, mask)  # (B, M, W)
        scores = self.gate(stacked.flatten(1)).view_as(stacked)
        gates = masked_log_softmax(scores, mask[..., None].expand_as(scores)).exp()  # (B, M, W), sums to 1 over M
        return self.heads((gates * stacked).sum(1))
