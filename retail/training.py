"""Trains a fusion head on embeddings: multi-task loss, modality dropout, early stopping, calibration.

In: `EmbeddingBatch`es for training and validation, and a `TrainConfig`. Out: a `FitResult`, probabilities,
one temperature per task.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from retail.config import TrainConfig
from retail.fusion import FusionHead, build_head
from retail.schema import UserError

if TYPE_CHECKING:
    from retail.store import EmbeddingBatch

# Rows per pass at prediction: large enough to be quick, small enough for any memory.
PREDICT_ROWS = 1024
# Outside this range a temperature says that validation rows are too few, not that the head is off.
TEMPERATURE_RANGE = (0.25, 10.0)
# Beyond about 1 / (1 - beta) examples of a class more of them hardly count; Cui et al. use 0.9 to 0.9999.
EFFECTIVE_BETA = 0.999
WEIGHTED = ("inverse", "effective")


@dataclass
class FitResult:
    """The head with its best weights, and how training went."""

    head: FusionHead
    history: list[dict]  # one per epoch: epoch, train_loss, val_loss, val_accuracy
    best_epoch: int
    seconds: float


class MultiTaskLoss(nn.Module):
    """Sum of the tasks' cross-entropies over the rows whose label is known (target >= 0).

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
            if not (targets[task] >= 0).any():
                continue
            loss = nn.functional.cross_entropy(
                logits[task],
                targets[task],
                weight=self.class_weights.get(task),
                ignore_index=-1,
                label_smoothing=self.label_smoothing,
            )
            total = total + torch.exp(-log_variance) * loss + log_variance / 2
        return total


def fit(
    train: EmbeddingBatch,
    val: EmbeddingBatch,
    tasks: dict[str, int],
    config: TrainConfig,
    on_epoch: Callable[[int, int], None] | None = None,
) -> FitResult:
    """Trains one head for {task: C_t}; equal seeds give equal weights.

    Rows with none of `config.modalities` are left out, and so is an input that no training row has. Raises
    UserError when no row is left.
    """
    started = time.perf_counter()
    train = _usable(train, config)
    val = _with_any(val, train.dims)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        head = build_head(
            config.strategy, train.dims, tasks, config.width, config.dropout, config.hidden, config.hidden_dropout
        )
        head.fit_scaler(train.embeddings, train.present)
        if head.learn(
            train.embeddings, train.present, train.targets, _learn_weights(head, train, config), _rng(config)
        ):
            history, best_epoch = _learned(head, train, val, config, on_epoch)
        else:
            history, best_epoch = _train(head, train, val, config, on_epoch)
    return FitResult(head.eval(), history, best_epoch, time.perf_counter() - started)


def predict_probs(
    head: FusionHead, batch: EmbeddingBatch, temperatures: Mapping[str, float] | None = None
) -> dict[str, Tensor]:
    """{task: (N, C_t)} probabilities, each task's logits divided by its temperature."""
    logits = _predict_logits(head, batch)
    return {task: (value / (temperatures or {}).get(task, 1.0)).softmax(-1) for task, value in logits.items()}


def fit_temperatures(head: FusionHead, val: EmbeddingBatch) -> dict[str, float]:
    """Per task the temperature with the least validation loss, by a search in log T.

    Guo et al., On Calibration of Modern Neural Networks, 2017, https://arxiv.org/abs/1706.04599.
    A task without validation labels keeps 1.
    """
    low, high = torch.tensor(TEMPERATURE_RANGE).log().tolist()
    grid = torch.linspace(low, high, 181).exp()
    temperatures = {}
    for task, logits in _predict_logits(head, val).items():
        known = (val.targets[task] >= 0) & _any_present(head, val)
        if not known.any():
            temperatures[task] = 1.0
            continue
        scaled = logits[known] / grid[:, None, None]  # (T, N, C_t)
        target = val.targets[task][known].expand(len(grid), -1)
        losses = -scaled.log_softmax(-1).gather(-1, target[..., None]).mean((1, 2))
        temperatures[task] = float(grid[losses.argmin()])
    return temperatures


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


def row_order(targets: Mapping[str, Tensor], balance: str, generator: torch.Generator) -> Tensor:
    """(N,) places of one epoch: a permutation or, with "sampling", draws in which every class is as likely.

    With several tasks a row's chance is the mean over the tasks whose label it has; a row without any keeps the
    mean chance.
    """
    rows = len(next(iter(targets.values())))
    if balance != "sampling":
        return torch.randperm(rows, generator=generator)
    chances, labelled = torch.zeros(rows), torch.zeros(rows)
    for target in targets.values():
        known = target >= 0
        counts = torch.bincount(target[known])
        chances[known] += 1 / (counts[target[known]] * (counts > 0).sum())  # each class shares its part of 1
        labelled += known
    chances = torch.where(labelled > 0, chances / labelled.clamp_min(1), 1 / max(rows, 1))
    return torch.multinomial(chances, rows, replacement=True, generator=generator)


def drop_modalities(present: Mapping[str, Tensor], chance: float, generator: torch.Generator) -> dict[str, Tensor]:
    """Hides each present input with the given chance, but always leaves a product one of its inputs."""
    mask = torch.stack(list(present.values()), dim=1)  # (B, M)
    draws = torch.rand(mask.shape, generator=generator)
    # The input with the highest draw among the present stays, whatever the chance says.
    spared = nn.functional.one_hot(draws.masked_fill(~mask, -1).argmax(1), mask.shape[1]).bool()
    kept = mask & ((draws >= chance) | spared)
    return dict(zip(present, kept.unbind(1), strict=True))


def _usable(train: EmbeddingBatch, config: TrainConfig) -> EmbeddingBatch:
    """The chosen inputs that occur in training at all, and the rows that have at least one of them."""
    # Layers for an input never seen would stay random, and spoil a prediction that does have it.
    seen = [name for name in config.modalities if name in train.present and train.present[name].any()]
    if not seen:
        raise UserError(
            f"Training needs products with {' or '.join(config.modalities)}, and none of the {len(train)} training "
            "products has it; choose other inputs or add the missing files."
        )
    return _with_any(train, seen)


def _with_any(batch: EmbeddingBatch, modalities: Iterable[str]) -> EmbeddingBatch:
    chosen = batch.select(modalities)
    return chosen.rows(torch.stack(list(chosen.present.values())).any(0).nonzero().flatten())


def _any_present(head: FusionHead, batch: EmbeddingBatch) -> Tensor:
    return torch.stack([batch.present[modality] for modality in head.dims]).any(0)


def _train(
    head: FusionHead,
    train: EmbeddingBatch,
    val: EmbeddingBatch,
    config: TrainConfig,
    on_epoch: Callable[[int, int], None] | None,
) -> tuple[list[dict], int]:
    loss_of = _loss(head, train, config)
    trained = [weight for weight in (*head.parameters(), *loss_of.parameters()) if weight.requires_grad]
    optimizer = torch.optim.AdamW(_groups(trained, config.weight_decay), lr=config.learning_rate)
    steps = config.max_epochs * -(-len(train) // config.batch_size)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    generator = _rng(config)
    history: list[dict] = []
    best_loss, best_epoch, best_weights = float("inf"), 0, copy.deepcopy(head.state_dict())
    for epoch in range(config.max_epochs):
        train_loss = _train_epoch(head, loss_of, optimizer, schedule, train, config, generator)
        val_loss, val_accuracy = _score(head, val) or (train_loss, float("nan"))
        history.append({"epoch": epoch, "train_loss": train_loss, "val_loss": val_loss, "val_accuracy": val_accuracy})
        if on_epoch:
            on_epoch(epoch + 1, config.max_epochs)
        if val_loss < best_loss:
            best_loss, best_epoch, best_weights = val_loss, epoch, copy.deepcopy(head.state_dict())
        elif epoch - best_epoch >= config.patience:
            break
    head.load_state_dict(best_weights)
    return history, best_epoch


def _rng(config: TrainConfig) -> torch.Generator:
    return torch.Generator().manual_seed(config.seed)


def _learn_weights(head: FusionHead, train: EmbeddingBatch, config: TrainConfig) -> dict[str, Tensor]:
    """Class weights for a head that learns by itself; even draws of the classes become weights of the same effect."""
    if config.class_balance == "none":
        return {}
    balance = "inverse" if config.class_balance == "sampling" else config.class_balance
    return {task: class_weights(train.targets[task], classes, balance) for task, classes in head.tasks.items()}


def _learned(head, train, val, config, on_epoch) -> tuple[list[dict], int]:
    """The history of a head that has learned by itself: one entry."""
    none = (float("nan"), float("nan"))
    train_loss, (val_loss, val_accuracy) = (_score(head, train) or none)[0], _score(head, val) or none
    if on_epoch:
        on_epoch(config.max_epochs, config.max_epochs)
    return [{"epoch": 0, "train_loss": train_loss, "val_loss": val_loss, "val_accuracy": val_accuracy}], 0


def _loss(head: FusionHead, train: EmbeddingBatch, config: TrainConfig) -> MultiTaskLoss:
    weights = {
        task: class_weights(train.targets[task], classes, config.class_balance) for task, classes in head.tasks.items()
    }
    return MultiTaskLoss(
        head.tasks,
        uncertainty=config.loss_balancing == "uncertainty",
        label_smoothing=config.label_smoothing,
        class_weights=weights if config.class_balance in WEIGHTED else {},
    )


def _groups(weights: list[nn.Parameter], decay: float) -> list[dict]:
    """Weight decay on matrices only: a bias, a norm's scale or a log-variance is not to shrink."""
    matrices = [weight for weight in weights if weight.ndim > 1]
    vectors = [weight for weight in weights if weight.ndim <= 1]
    return [{"params": matrices, "weight_decay": decay}, {"params": vectors, "weight_decay": 0.0}]


def _train_epoch(
    head: FusionHead,
    loss_of: MultiTaskLoss,
    optimizer: torch.optim.Optimizer,
    schedule: torch.optim.lr_scheduler.LRScheduler,
    train: EmbeddingBatch,
    config: TrainConfig,
    generator: torch.Generator,
) -> float:
    head.train()
    total = 0.0
    for index in row_order(train.targets, config.class_balance, generator).split(config.batch_size):
        batch = train.rows(index)
        present = drop_modalities(batch.present, config.modality_dropout, generator)
        loss = loss_of(head(batch.embeddings, present), batch.targets)
        if not loss.requires_grad:  # no label is known in this batch
            continue
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        total += float(loss.detach()) * len(batch)
    return total / len(train)


@torch.inference_mode()
def _score(head: FusionHead, val: EmbeddingBatch) -> tuple[float, float] | None:
    """Mean over tasks of validation loss (unweighted, unsmoothed) and accuracy; None without known labels."""
    if not len(val):
        return None
    losses, accuracies = [], []
    for task, logits in _predict_logits(head, val).items():
        known = val.targets[task] >= 0
        if known.any():
            target = val.targets[task][known]
            losses.append(float(nn.functional.cross_entropy(logits[known], target)))
            accuracies.append(float((logits[known].argmax(-1) == target).float().mean()))
    if not losses:
        return None
    return sum(losses) / len(losses), sum(accuracies) / len(accuracies)


@torch.inference_mode()
def _predict_logits(head: FusionHead, batch: EmbeddingBatch) -> dict[str, Tensor]:
    head.eval()
    parts = []
    for start in range(0, max(len(batch), 1), PREDICT_ROWS):
        rows = slice(start, start + PREDICT_ROWS)
        embeddings = {modality: batch.embeddings[modality][rows] for modality in head.dims}
        parts.append(head(embeddings, {modality: batch.present[modality][rows] for modality in head.dims}))
    return {task: torch.cat([part[task] for part in parts]) for task in head.tasks}
