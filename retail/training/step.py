"""The loss of one training step: inputs hidden at random, each input alone, and a head of its own for each.

In: a head, a `TrainConfig` and `StandardRows`. Out: the loss to minimise.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from retail.config import TrainConfig
from retail.fusion import FusionHead
from retail.fusion.layers import TaskHeads
from retail.training.loss import MultiTaskLoss
from retail.training.modulation import coefficients, modulate, single_scores
from retail.training.rows import StandardRows, drop_modalities
from retail.training.views import Mask, answer_views, known_where, one_input


class Step(nn.Module):
    """Everything that learns: the head, the weights of the tasks, and the auxiliary heads if there are any.

    An auxiliary head per modality reads its trunk's features directly, so that every trunk learns from a loss of its
    own (deep supervision: Lee et al., Deeply-Supervised Nets, 2015, https://arxiv.org/abs/1409.5185). It is thrown
    away after training. A strategy without trunks has none.
    """

    def __init__(self, head: FusionHead, loss_of: MultiTaskLoss, config: TrainConfig) -> None:
        super().__init__()
        self.head, self.loss_of, self.config = head, loss_of, config
        width = config.hidden[-1] if config.hidden else config.width
        supervised = head.modality_trunks() if config.auxiliary else {}
        self.auxiliary = nn.ModuleDict({modality: TaskHeads(width, head.tasks) for modality in supervised})

    def forward(self, rows: StandardRows, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """The loss of a step, and the part of it that belongs to the inputs left by modality dropout."""
        views: list[Mask] = [drop_modalities(rows.present, self.config.modality_dropout, generator)]
        if self.config.single_inputs and len(self.head.dims) > 1:
            views.append(one_input(rows.present, generator))
        answers = answer_views(self.head, rows, views)
        loss = seen = self.loss_of(answers.logits[0], rows.targets)
        if len(views) > 1:
            loss = loss + self.config.single_inputs * self.loss_of(answers.logits[1], rows.targets)
        if self.auxiliary:
            loss = loss + self.config.auxiliary * self.auxiliary_loss(answers.features, rows)
        return loss, seen

    def auxiliary_loss(self, features: dict[str, Tensor], rows: StandardRows) -> Tensor:
        """Mean over the modalities of the loss of their own heads, each on the rows that have the input."""
        losses = [
            self.loss_of(heads(features[modality]), known_where(rows.targets, rows.present[modality]))
            for modality, heads in self.auxiliary.items()
        ]
        return torch.stack(losses).mean()

    def balance_gradients(self, rows: StandardRows) -> None:
        """After the backward pass: gradient modulation, if it is switched on and there is something to balance."""
        trunks = self.head.modality_trunks()
        if self.config.modulation and len(trunks) > 1:
            modulate(trunks, coefficients(single_scores(self.head, rows), self.config.modulation))
