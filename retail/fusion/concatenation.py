"""Concatenation: the projected embeddings side by side, then one linear layer per task.

In: standardised embeddings and masks. Out: logits per task. Given one modality it is the baseline.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from retail.fusion import FusionHead
from retail.fusion.layers import Projections, TaskHeads, stack_mask


class Concatenation(FusionHead):
    """Feature-level fusion without interaction; an absent modality contributes exact zeros."""

    name = "concatenation"
    title = "Concatenation"
    summary = "Puts the inputs' features side by side and lets one layer per task read them all."
    level = "feature"
    source = "Ngiam et al., Multimodal Deep Learning, 2011, https://icml.cc/2011/papers/399_icmlpaper.pdf"

    def __init__(self, dims: Mapping[str, int], tasks: Mapping[str, int], width: int = 192, dropout: float = 0.0):
        super().__init__(dims, tasks)
        self.projections = Projections(self.dims, width, dropout)
        self.heads = TaskHeads(len(self.dims) * width, self.tasks)

    def fuse(self, embeddings: dict[str, Tensor], present: dict[str, Tensor]) -> dict[str, Tensor]:
        stacked = self.projections(embeddings, stack_mask(present))  # (B, M, W)
        return self.heads(stacked.flatten(1))
