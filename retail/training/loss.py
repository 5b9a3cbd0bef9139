"""The loss of several tasks at once, and what rare classes weigh in it.

In: logits and targets per task. Out: one number to minimise.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

# Beyond about 1 / (1 - beta) examples of a class more of them hardly count; Cui et al. use 0.9 to 0.9999.
EFFECTIVE_BETA = 0.999
WEIGHTED = ("inverse", "effective")


class MultiTaskLoss(nn.Module):
    """Sum of the tasks' cross-entropies over the rows whose class is known (0 <= target < C_t).

    With `uncertainty` the weights are learned: exp(-s_t) * loss_t + s_t / 2 with s_t = log sigma_t^2
    (Kendall et al., 2018, https://arxiv.org/abs/1705.07115), for classification as in their equation 10.
    """

    def __init__(
        self, tasks: Mapping[str, int], uncertainty: bool, label_smoothing: float, class_weights: Mapping[str, Tensor]
    ) -> None:
        super().__init__()
        self.tasks = tuple(tasks)
        self.label_smoothing = label_smoothing
        self.class_weights = dict(class_weights)
        self.log_variances = nn.Parameter(torch.zeros(len(self.tasks)), requires_grad=uncertainty)

    def forward(self, logits: Mapping[str, Tensor], targets: Mapping[str, Tensor]) -> Tensor:
        total = torch.zeros(())
        for task, log_variance in zip(self.tasks, self.log_variances, strict=True):
            target = known_targets(targets[task], logits[task].shape[1])
            if not (target >= 0).any():
                continue
            loss = nn.functional.cross_entropy(
                logits[task],
                target,
                weight=self.class_weights.get(task),
                ignore_index=-1,
                label_smoothing=self.label_smoothing,
            )
            total = total + torch.exp(-log_variance) * loss + log_variance / 2
        return total


def known_targets(target: Tensor, classes: int) -> Tensor:
    """(N,) targets, -1 also where the class is one that training never had."""
    return torch.where(target < classes, target, -1)


def class_weights(targets: Tensor, classes: int, balance: str) -> Tensor:
    """(C_t,) loss weights by one of CLASS_BALANCES: 1 for "none" and "sampling"; 0 for a class never seen.

    "inverse": n / (classes seen * n_c). "effective": (1 - beta) / (1 - beta^n_c), scaled to a mean of 1 over the
    classes seen (Cui et al. 2019, https://arxiv.org/abs/1901.05555), so very common classes count about alike.
    """
    counts = torch.bincount(targets[targets >= 0], minlength=classes).float()
    seen = (counts > 0).sum().clamp_min(1)
    if balance == "inverse":
        weights = counts.sum() / (counts.clamp_min(1) * seen)
    elif balance == "effective":
        raw = (1 - EFFECTIVE_BETA) / (1 - EFFECTIVE_BETA ** counts.clamp_min(1).double())  # float32 would cancel
        weights = (raw * seen / raw[counts > 0].sum()).float()
    else:
        weights = torch.ones(classes)
    return torch.where(counts > 0, weights, 0.0)


def task_weights(targets: Mapping[str, Tensor], sizes: Mapping[str, int], balance: str) -> dict[str, Tensor]:
    """{task: (C_t,) loss weights} as `class_weights` says; empty where the loss weighs nothing."""
    if balance not in WEIGHTED:
        return {}
    return {task: class_weights(targets[task], classes, balance) for task, classes in sizes.items()}
