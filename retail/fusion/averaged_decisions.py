"""Averaged decisions: every modality answers alone, and the present ones' probabilities are averaged.

In: standardised embeddings and masks. Out: logits per task, the logarithm of the mean probability.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from retail.fusion import FusionHead
from retail.fusion.layers import TaskHeads, masked_log_softmax, project, stack_mask


class AveragedDecisions(FusionHead):
    """Decision-level fusion by the sum rule, with equal weights over whatever is present."""

    name = "averaged"
    title = "Averaged decisions"
    summary = "Each input decides on its own, and the probabilities are averaged."
    level = "decision"
    source = "Kittler et al., On Combining Classifiers (sum rule), 1998, https://doi.org/10.1109/34.667881"

    def __init__(self, dims: Mapping[str, int], tasks: Mapping[str, int], width: int = 192, dropout: float = 0.0):
        super().__init__(dims, tasks)
        self.trunks = nn.ModuleDict({modality: project(dim, width, dropout) for modality, dim in self.dims.items()})
        self.heads = nn.ModuleDict({modality: TaskHeads(width, self.tasks) for modality in self.dims})

    def fuse(self, embeddings: dict[str, Tensor], present: dict[str, Tensor]) -> dict[str, Tensor]:
        mask = stack_mask(present)  # (B, M)
        log_weights = masked_log_softmax(torch.zeros_like(mask, dtype=torch.float32), mask)
        decisions = [self.heads[modality](self.trunks[modality](embeddings[modality])) for modality in self.dims]
        fused = {}
        for task in self.tasks:
            log_probs = torch.stack([decision[task].log_softmax(-1) for decision in decisions], 1)  # (B, M, C_t)
            fused[task] = torch.logsumexp(log_probs + log_weights[..., None], dim=1)
        return fused
