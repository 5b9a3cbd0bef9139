"""The training of a fusion head on embeddings, top to bottom: rows, head, steps, validation, early stopping.

In: `EmbeddingBatch`es for training and validation, and a `TrainConfig`. Out: a `FitResult`. The loss of one step is
in `step`, which rows and inputs it sees in `rows` and `views`.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from retail.config import TrainConfig
from retail.fusion import FusionHead, build_head
from retail.training import on_disk
from retail.training.loss import MultiTaskLoss, class_weights, known_targets, task_weights
from retail.training.memory import smaller_batch, smaller_note
from retail.training.record import Epoch
from retail.training.rows import StandardRows, asked, row_order, standard_rows, usable_rows, with_any
from retail.training.step import Step

if TYPE_CHECKING:
    from retail.store import EmbeddingBatch

# A small data set gets at least this many steps an epoch, unless a batch would fall below the second number: the
# epochs of a schedule that suits thousands of rows would otherwise be over before anything is learned.
STEPS_PER_EPOCH, SMALLEST_BATCH = 8, 32


@dataclass
class FitResult:
    """The head with its best weights, and how training went.

    `config` is what it was trained with in the end, and `note` says where that is a smaller batch than was asked for.
    """

    head: FusionHead
    history: tuple[Epoch, ...]
    best_epoch: int
    seconds: float
    config: TrainConfig
    note: str = ""


def fit(
    train: EmbeddingBatch,
    val: EmbeddingBatch,
    tasks: dict[str, int],
    config: TrainConfig,
    on_epoch: Callable[[int, int], None] | None = None,
) -> FitResult:
    """Trains one head for {task: C_t}; equal seeds give equal weights. Targets of other tasks change nothing.

    Rows with none of `config.modalities` are left out, and so is an input that no training row has. Embeddings on disk
    are read in another order; validation, and a strategy that learns from all rows at once, then take a part of them.
    Where memory runs out it begins anew with half the batch. Raises UserError when no row is left.
    """
    tried = config
    while True:
        try:
            found = _fit(train, val, tasks, tried, on_epoch)
            break
        except (MemoryError, RuntimeError) as error:
            smaller = smaller_batch(error, _batch_size(len(train), tried))
        tried = replace(tried, batch_size=smaller)  # here, where nothing holds on to what did not fit
    if tried != config:
        found.note = smaller_note(_batch_size(len(train), config), tried.batch_size)
    return found


def _fit(
    train: EmbeddingBatch,
    val: EmbeddingBatch,
    tasks: dict[str, int],
    config: TrainConfig,
    on_epoch: Callable[[int, int], None] | None,
) -> FitResult:
    started = time.perf_counter()
    train = usable_rows(asked(train, tasks), config.modalities)
    val = with_any(asked(val, tasks), train.dims)
    few = train
    if train.on_disk:
        logits = sum(tasks.values())
        val = on_disk.in_memory(val, on_disk.part_places(val, logits))
        few = on_disk.in_memory(train, on_disk.part_places(train, logits * len(train.dims)))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        head = build_head(
            config.strategy, train.dims, tasks, config.width, config.dropout, config.hidden, config.hidden_dropout
        )
        if train.on_disk:
            on_disk.fit_scaler(head, train)
        else:
            head.fit_scaler(train.embeddings, train.present)
        generator = torch.Generator().manual_seed(config.seed)
        weights = _learn_weights(head, train, config)
        if head.learn(few.embeddings, few.present, few.targets, weights, generator):
            history, best_epoch = _learned(head, few, val, config, on_epoch)
        else:
            history, best_epoch = _descend(head, train, val, config, generator, on_epoch)
    return FitResult(head.eval(), history, best_epoch, time.perf_counter() - started, config)


def _batch_size(rows: int, config: TrainConfig) -> int:
    return min(config.batch_size, max(SMALLEST_BATCH, -(-rows // STEPS_PER_EPOCH)))


def _descend(
    head: FusionHead,
    train: EmbeddingBatch,
    val: EmbeddingBatch,
    config: TrainConfig,
    generator: torch.Generator,
    on_epoch: Callable[[int, int], None] | None,
) -> tuple[tuple[Epoch, ...], int]:
    """Gradient descent until validation no longer improves; leaves the best weights in the head."""
    step = Step(head, _loss(head, train, config), config)
    trained = [weight for weight in step.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(_groups(trained, config.weight_decay), lr=config.learning_rate, fused=True)
    batch_size = _batch_size(len(train), config)
    steps = config.max_epochs * -(-len(train) // batch_size)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    rows = on_disk.RowsToRead(head, train) if train.on_disk else standard_rows(head, train)
    val_rows = standard_rows(head, val)
    history: list[Epoch] = []
    best_loss, best_epoch, best_weights = float("inf"), 0, copy.deepcopy(head.state_dict())
    for epoch in range(config.max_epochs):
        step.train()
        total = 0.0  # the loss of the answers to the inputs that modality dropout left
        for batch in rows.batches(row_order(rows.targets, config.class_balance, generator), batch_size, generator):
            loss, seen_loss = step(batch, generator)
            if not loss.requires_grad:  # no label is known in this batch
                continue
            optimizer.zero_grad()
            loss.backward()
            step.balance_gradients(batch)
            optimizer.step()
            schedule.step()
            total += float(seen_loss.detach()) * len(batch)
        train_loss = total / len(rows)
        val_loss, val_accuracy = _score(head, val_rows)
        val_loss = train_loss if math.isnan(val_loss) else val_loss
        history.append(Epoch(epoch, train_loss, val_loss, val_accuracy))
        if on_epoch:
            on_epoch(epoch + 1, config.max_epochs)
        if val_loss < best_loss:
            best_loss, best_epoch, best_weights = val_loss, epoch, copy.deepcopy(head.state_dict())
        elif epoch - best_epoch >= config.patience:
            break
    head.load_state_dict(best_weights)
    return tuple(history), best_epoch


def _learn_weights(head: FusionHead, train: EmbeddingBatch, config: TrainConfig) -> dict[str, Tensor]:
    """Class weights for a head that learns by itself; even draws of the classes become weights of the same effect."""
    if config.class_balance == "none":
        return {}
    balance = "inverse" if config.class_balance == "sampling" else config.class_balance
    return {task: class_weights(train.targets[task], classes, balance) for task, classes in head.tasks.items()}


def _learned(
    head: FusionHead,
    train: EmbeddingBatch,
    val: EmbeddingBatch,
    config: TrainConfig,
    on_epoch: Callable[[int, int], None] | None,
) -> tuple[tuple[Epoch, ...], int]:
    """The history of a head that has learned by itself: one entry."""
    train_loss, _ = _score(head, standard_rows(head, train))
    val_loss, val_accuracy = _score(head, standard_rows(head, val))
    if on_epoch:
        on_epoch(config.max_epochs, config.max_epochs)
    return (Epoch(0, train_loss, val_loss, val_accuracy),), 0


def _loss(head: FusionHead, train: EmbeddingBatch, config: TrainConfig) -> MultiTaskLoss:
    return MultiTaskLoss(
        head.tasks,
        uncertainty=config.loss_balancing == "uncertainty",
        label_smoothing=config.label_smoothing,
        class_weights=task_weights(train.targets, head.tasks, config.class_balance),
    )


def _groups(weights: list[nn.Parameter], decay: float) -> list[dict]:
    """Weight decay on matrices only: a bias, a norm's scale or a log-variance is not to shrink."""
    matrices = [weight for weight in weights if weight.ndim > 1]
    vectors = [weight for weight in weights if weight.ndim <= 1]
    return [{"params": matrices, "weight_decay": decay}, {"params": vectors, "weight_decay": 0.0}]


@torch.inference_mode()
def _score(head: FusionHead, val: StandardRows) -> tuple[float, float]:
    """Mean over tasks of validation loss (unweighted, unsmoothed) and accuracy, NaN where there are no labels.

    A class that training never had has no loss, but counts as wrong.
    """
    if not len(val):
        return math.nan, math.nan
    losses, accuracies = [], []
    for task, logits in head.eval().fuse(val.embeddings, val.present).items():
        target = val.targets[task]
        known, labelled = known_targets(target, logits.shape[1]) >= 0, target >= 0
        if known.any():
            losses.append(float(nn.functional.cross_entropy(logits[known], target[known])))
        if labelled.any():
            accuracies.append(int((logits.argmax(-1) == target)[labelled].sum()) / int(labelled.sum()))
    means = (sum(values) / len(values) if values else math.nan for values in (losses, accuracies))
    return next(means), next(means)
