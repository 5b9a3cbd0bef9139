"""Gradient descent for what has no closed form: the bottleneck map and the linear classifier.

In: layers that give {task: logits}, features (N, d), targets {task: (N,), -1 = unknown} and a `FrozenConfig`. Out: the
layers, trained in place.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from retail.config import FrozenConfig
from retail.training import MultiTaskLoss, row_order, task_weights

Targets = Mapping[str, Tensor]

# Enough for a convex problem to settle on a few thousand rows, and a lower limit on the steps so that a handful of
# rows (one shot) is learned as well.
EPOCHS, MIN_STEPS, BATCH_SIZE, LEARNING_RATE, LABEL_SMOOTHING = 25, 300, 256, 1e-2, 0.1


def descend(
    layers: nn.Module, features: Tensor, targets: Targets, sizes: Mapping[str, int], config: FrozenConfig
) -> None:
    """Adam on the tasks' cross-entropies plus the penalty, with a cosine schedule; equal seeds give equal weights."""
    loss_of = MultiTaskLoss(sizes, False, LABEL_SMOOTHING, task_weights(targets, sizes, config.class_balance))
    steps_per_epoch = -(-len(features) // BATCH_SIZE)
    epochs = max(EPOCHS, -(-MIN_STEPS // steps_per_epoch))
    optimizer = torch.optim.Adam(layers.parameters(), lr=LEARNING_RATE)
    matrices = [weight for weight in layers.parameters() if weight.ndim > 1]
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs * steps_per_epoch)
    generator = torch.Generator().manual_seed(config.seed)
    for _ in range(epochs):
        for index in row_order(targets, config.class_balance, generator).split(BATCH_SIZE):
            loss = loss_of(layers(features[index]), {task: target[index] for task, target in targets.items()})
            if not loss.requires_grad:  # no label is known in this batch
                continue
            loss = loss + config.penalty / 2 * sum(matrix.square().sum() for matrix in matrices)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
