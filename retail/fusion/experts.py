"""Mixture of experts: every input answers alone, and a gate that sees them all decides which to believe.

In: standardised embeddings and masks. Out: logits per task, the logarithm of the mixed probability.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from retail.fusion import FusionHead
from retail.fusion.layers import Projections, TaskHeads, masked_log_softmax, stack_mask


class MixtureOfExperts(FusionHead):
    """One expert per modality; per product and task, a softmax gate over the present ones mixes their probabilities.

    Unlike averaged decisions and learned decision weights, the weights depend on the product. What we changed: each
    expert sees its own input only, the gate sees all.
    """

    name = "experts"
    title = "Mixture of experts"
    summary = "Each input decides on its own, and a gate chooses for every product which decision to believe."
    level = "decision"
    source = "Jacobs et al., Adaptive Mixtures of Local Experts, 1991, https://doi.org/10.1162/neco.1991.3.1.79"

    def __init__(self, dims: Mapping[str, int], tasks: Mapping[str, int], width: int = 192, dropout: float = 0.0):
        super().__init__(dims, tasks)
        self.projections = Projections(self.dims, width, dropout)
        self.heads = nn.ModuleDict({modality: TaskHeads(width, self.tasks) for modality in self.dims})
        self.gate = nn.Linear(len(self.dims) * width, len(self.tasks) * len(self.dims))

    def fuse(self, embeddings: dict[str, Tensor], present: dict[str, Tensor]) -> dict[str, Tensor]:
        mask = stack_mask(present)  # (B, M)
        stacked = self.projections(embeddings, mask)  # (B, M, W)
        scores = self.gate(stacked.flatten(1)).view(mask.shape[0], len(self.tasks), len(self.dims))  # (B, T, M)
        decisions = [head(stacked[:, place]) for place, head in enumerate(self.heads.values())]
        fused = {}
        for place, task in enumerate(self.tasks):
            log_gates = masked_log_softmax(scores[:, place], mask)  # (B, M)
            log_probs = torch.stack([decision[task].log_softmax(-1) for decision in decisions], 1)  # (B, M, C_t)
            fused[task] = torch.logsumexp(log_probs + log_gates[..., None], dim=1)
        return fused
