"""FiLM: every input scales and shifts the features of the others.

In: standardised embeddings and masks. Out: logits per task.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from retail.fusion import FusionHead
from retail.fusion.layers import Projections, TaskHeads, masked_mean, stack_mask


class Film(FusionHead):
    """Feature-wise linear modulation, each modality by what the other ones say.

    What we changed: in the paper a question modulates a picture; here every modality is modulated by all others,
    and the mean over the present ones is read. The layer that gives scales and shifts has no bias, so a modality
    that stands alone passes as it is.
    """

    name = "film"
    title = "FiLM conditioning"
    summary = "Each input turns the features of the others up or down before they are averaged."
    level = "feature"
    source = (
        "Perez et al., FiLM: Visual Reasoning with a General Conditioning Layer, 2018, https://arxiv.org/abs/1709.07871"
    )

    def __init__(self, dims: Mapping[str, int], tasks: Mapping[str, int], width: int = 192, dropout: float = 0.0):
        super().__init__(dims, tasks)
        self.projections = Projections(self.dims, width, dropout)
        others = len(self.dims) - 1
        self.modulations = nn.ModuleDict(
            {modality: nn.Linear(others * width, 2 * width, bias=False) for modality in self.dims if others}
        )
        self.heads = TaskHeads(width, self.tasks)

    def fuse(self, embeddings: dict[str, Tensor], present: dict[str, Tensor]) -> dict[str, Tensor]:
        mask = stack_mask(present)  # (B, M)
        stacked = self.projections(embeddings, mask)  # (B, M, W)
        modulated = list(stacked.unbind(1))
        for place, modulation in enumerate(self.modulations.values()):
            others = torch.cat([stacked[:, :place], stacked[:, place + 1 :]], dim=1).flatten(1)  # (B, (M - 1) W)
            scale, shift = modulation(others).chunk(2, dim=-1)  # (B, W) each
            modulated[place] = (1 + scale) * modulated[place] + shift
        return self.heads(masked_mean(torch.stack(modulated, dim=1), mask))
