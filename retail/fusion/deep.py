"""Deep transfer: new hidden layers between each modality's embedding and any fusion strategy.

In: standardised embeddings and masks. Out: logits per task, as the strategy behind the layers gives them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from retail.fusion import FusionHead
from retail.fusion.layers import Trunk, project


class DeepHead(FusionHead):
    """Each modality passes its own stack of hidden layers; what they give is fused by `strategy_head`.

    Not a strategy of its own (it has no `name`): `build_head(..., hidden=(512, 512))` puts it before one.
    """

    title = "Deep transfer"
    summary = "New hidden layers learn from the pretrained features before the inputs are joined."
    level = "feature"
    source = "Yosinski et al., How transferable are features in deep neural networks?, 2014, arxiv.org/abs/1411.1792"

    def __init__(
        self,
        dims: Mapping[str, int],
        tasks: Mapping[str, int],
        hidden: Sequence[int],
        dropout: float,
        strategy_head: FusionHead,
    ) -> None:
        super().__init__(dims, tasks)
        self.hidden = tuple(hidden)
        self.stacks = nn.ModuleDict(
            {modality: _stack(dim, self.hidden, dropout) for modality, dim in self.dims.items()}
        )
        self.strategy_head = strategy_head

    def fuse(self, embeddings: dict[str, Tensor], present: dict[str, Tensor]) -> dict[str, Tensor]:
        features = {
            modality: torch.where(present[modality][:, None], stack(embeddings[modality]), 0.0)  # (B, hidden[-1])
            for modality, stack in self.stacks.items()
        }
        return self.strategy_head.fuse(features, present)

    def modality_trunks(self) -> dict[str, Trunk]:
        return dict(self.stacks.items())  # type: ignore[arg-type]


def _stack(dim: int, hidden: Sequence[int], dropout: float) -> Trunk:
    widths = (dim, *hidden)
    return Trunk(*(project(before, after, dropout) for before, after in zip(widths, hidden, strict=False)))
