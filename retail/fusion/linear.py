"""Linear probe: one linear layer per task on the standardised embeddings side by side, and nothing else.

In: standardised embeddings and masks. Out: logits per task. What `retail/frozen/models.py` fits on frozen
features becomes this head, so it can be kept as a bundle.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from retail.fusion import FusionHead
from retail.fusion.layers import TaskHeads


class LinearProbe(FusionHead):
    """No hidden layer, so `width` means nothing here; an absent modality contributes exact zeros."""

    name = "linear"
    title = "Linear probe"
    summary = "Reads every input's frozen features with one linear layer per task."
    level = "feature"
    source = "Alain and Bengio, Linear Classifier Probes, 2016, https://arxiv.org/abs/1610.01644"
    compared = False

    def __init__(self, dims: Mapping[str, int], tasks: Mapping[str, int], width: int = 192, dropout: float = 0.0):
        super().__init__(dims, tasks)
        self.dropout = nn.Dropout(dropout)
        self.heads = TaskHeads(sum(self.dims.values()), self.tasks)

    def fuse(self, embeddings: dict[str, Tensor], present: dict[str, Tensor]) -> dict[str, Tensor]:
        return self.heads(self.dropout(torch.cat(list(embeddings.values()), dim=1)))
