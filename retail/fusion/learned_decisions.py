"""Learned decision weights: every modality answers alone; each task learns how far to trust which.

In: standardised embeddings and masks. Out: logits per task, a weighted mean of the modalities' logits.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from retail.fusion import FusionHead
from retail.fusion.layers import TaskHeads, masked_log_softmax, project, stack_mask


class LearnedDecisions(FusionHead):
    """Decision-level fusion by a logarithmic opinion pool: weights per task, shared out among what is present."""

    name = "learned-weights"
    title = "Learned decision weights"
    summary = "Each input decides on its own; every task learns how much each input's vote counts."
    level = "decision"
    source = "Hinton, Products of Experts, 1999, https://doi.org/10.1049/cp:19991075"

    def __init__(self, dims: Mapping[str, int], tasks: Mapping[str, int], width: int = 192, dropout: float = 0.0):
        super().__init__(dims, tasks)
        self.trunks = nn.ModuleDict({modality: project(dim, width, dropout) for modality, dim in self.dims.items()})
        self.heads = nn.ModuleDict({modality: TaskHeads(width, self.tasks) for modality in self.dims})
        self.scores = nn.Parameter(torch.zeros(len(self.tasks), len(self.dims)))

    def fuse(self, embeddings: dict[str, Tensor], present: dict[str, Tensor]) -> dict[str, Tensor]:
        mask = stack_mask(present)  # (B, M)
        decisions = [self.heads[modality](self.trunks[modality](embeddings[modality])) for modality in self.dims]
        fused = {}
        for task, scores in zip(self.tasks, self.scores, strict=True):
            log_probs = torch.stack([decision[task].log_softmax(-1) for decision in decisions], 1)  # (B, M, C_t)
            weights = masked_log_softmax(scores.expand_as(mask), mask).exp()  # (B, M)
            fused[task] = (weights[..., None] * log_probs).sum(1)
        return fused
