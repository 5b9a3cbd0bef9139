"""Product of experts: the inputs' opinions are multiplied with a common prior, so agreement makes sure.

In: standardised embeddings and masks. Out: logits per task, log-probabilities of the normalised product.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from retail.fusion import FusionHead
from retail.fusion.layers import TaskHeads, project, stack_mask


class ProductOfExperts(FusionHead):
    """p(class | inputs) is proportional to a prior times one factor per present input.

    Learned decision weights share one vote out; here every further input adds a whole one. With nothing present the
    prior is left. What we changed: Wu and Goodman multiply Gaussians over a hidden variable, we multiply
    probabilities of classes, as their equation for the joint posterior says.
    """

    name = "product-of-experts"
    title = "Product of experts"
    summary = "Each input's opinion multiplies what is known without it, so inputs that agree make the answer surer."
    level = "decision"
    source = (
        "Hinton, Training Products of Experts, 2002, https://doi.org/10.1162/089976602760128018; Wu and Goodman, "
        "Multimodal Generative Models for Scalable Weakly-Supervised Learning, 2018, https://arxiv.org/abs/1802.05335"
    )

    def __init__(self, dims: Mapping[str, int], tasks: Mapping[str, int], width: int = 192, dropout: float = 0.0):
        super().__init__(dims, tasks)
        self.trunks = nn.ModuleDict({modality: project(dim, width, dropout) for modality, dim in self.dims.items()})
        self.heads = nn.ModuleDict({modality: TaskHeads(width, self.tasks) for modality in self.dims})
        self.priors = nn.ParameterList(torch.zeros(classes) for classes in self.tasks.values())

    def fuse(self, embeddings: dict[str, Tensor], present: dict[str, Tensor]) -> dict[str, Tensor]:
        mask = stack_mask(present)  # (B, M)
        factors = [self.heads[modality](self.trunks[modality](embeddings[modality])) for modality in self.dims]
        fused = {}
        for task, prior in zip(self.tasks, self.priors, strict=True):
            log_factors = torch.stack([factor[task] for factor in factors], 1)  # (B, M, C_t)
            fused[task] = (prior + torch.where(mask[..., None], log_factors, 0.0).sum(1)).log_softmax(-1)
        return fused
