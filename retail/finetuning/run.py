"""One run of fine-tuning, epoch by epoch, and its checkpoint.

In: a `Network`, the training and validation rows and a `FinetuneConfig`. Out: a history entry per epoch, averaged
weights, and a file from which a stopped run resumes to the same result.
"""

from __future__ import annotations

import hashlib
import logging
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from pickle import UnpicklingError  # nosec B403  # the name of an error
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from retail.augmentation.image import blend
from retail.config import FinetuneConfig, TrainConfig
from retail.encoders.tunable import TunableEncoder
from retail.files import whole_file
from retail.files.faults import ran_out_of_memory
from retail.finetuning.contrast import info_nce
from retail.finetuning.data import AsServed, Feed, Inputs, MediaRows, Reader, training_readers
from retail.finetuning.network import Network, optimizer_groups
from retail.finetuning.record import FinetuneEpoch
from retail.schema import Modality, UserError
from retail.store import EmbeddingBatch
from retail.system import peak_memory_mib
from retail.training import MultiTaskLoss, drop_modalities, row_order, task_weights

CLIP_NORM = 2.0

log = logging.getLogger(__name__)


class Run:
    """Everything that changes from epoch to epoch."""

    def __init__(
        self,
        encoders: Mapping[Modality, TunableEncoder],
        network: Network,
        train: MediaRows,
        val: MediaRows,
        config: FinetuneConfig,
        head_config: TrainConfig | None = None,
        batch_size: int = 0,
    ) -> None:
        self.network, self.config = network, config
        self.batch_size = batch_size or config.batch_size  # smaller where memory ran out
        self.batch, self.val = (rows[1].select(network.head.dims) for rows in (train, val))
        readers: dict[str, Mapping[Modality, Reader]] = {
            "train": training_readers(encoders, train[0], config),
            "val": {modality: AsServed(encoder, val[0]) for modality, encoder in encoders.items()},
        }
        self.feed = Feed(readers, {"train": self.batch, "val": self.val})
        weights = task_weights(self.batch.targets, network.head.tasks, config.class_balance)
        self.loss_of = MultiTaskLoss(network.head.tasks, False, config.label_smoothing, weights)
        self.optimizer = torch.optim.AdamW(optimizer_groups(network, encoders, config))
        # Only the learning weights and the statistics move; the copies of the others stay as they are.
        self.average = AveragedModel(network, multi_avg_fn=average_with_warm_up(config.average), use_buffers=True)
        # A checkpoint belongs to these settings, these networks and these rows.
        self.identity = config.to_dict() | {
            "encoders": {modality: encoder.fingerprint for modality, encoder in encoders.items()},
            "head": {name: list(value.shape) for name, value in network.head.state_dict().items()},
            "head_config": None if head_config is None else head_config.to_dict(),
            "rows": [content(self.batch), content(self.val)],
        }
        self.history: list[FinetuneEpoch] = []
        self.epoch = 0

    def train_epoch(self) -> FinetuneEpoch:
        """One pass over the training rows; returns its entry in the history."""
        started, config = time.perf_counter(), self.config
        torch.manual_seed(int(np.random.SeedSequence([config.seed, self.epoch]).generate_state(1)[0]))
        order = row_order(self.batch.targets, config.class_balance, torch.default_generator)
        parts = order.split(self.batch_size)
        val_parts = torch.arange(len(self.val)).split(self.batch_size)
        feed = self.feed(self.epoch, {"train": parts, "val": val_parts})
        self.network.train()
        tally, total = Tally(), 0.0
        # The batches come first in the pair: when they end, the feed still holds those of the validation.
        for step, (index, inputs) in enumerate(zip(parts, feed, strict=False)):
            for group in self.optimizer.param_groups:
                group["lr"] = group["full_lr"] * rate(self.epoch + step / len(parts), config)
            answers, alignment = self._losses(inputs, self.batch.rows(index), tally)
            loss = answers + self.config.contrast * alignment
            if not loss.requires_grad:  # no label is known in this batch
                continue
            self.optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(self.network.parameters(), CLIP_NORM)
            self.optimizer.step()
            self.average.update_parameters(self.network)
            total += float(answers.detach()) * len(index)
        train_seconds = time.perf_counter() - started
        self.epoch += 1
        val_loss, val_accuracy = self._validation(val_parts, feed)
        entry = FinetuneEpoch(
            epoch=self.epoch,
            train_loss=total / len(self.batch),
            train_accuracy=tally.accuracy(),
            val_loss=val_loss,
            val_accuracy=val_accuracy,
            train_seconds=train_seconds,
            seconds=time.perf_counter() - started,
            peak_mib=peak_memory_mib(),
        )
        self.history.append(entry)
        return entry

    def _losses(self, inputs: Inputs, batch: EmbeddingBatch, tally: Tally) -> tuple[Tensor, Tensor]:
        """The loss of the tasks' answers, and that of the alignment: 0 without a projector."""
        if self._mixes(batch):
            return self._mixed_loss(inputs, batch), torch.zeros(())
        embeddings = self.network.embed(inputs, batch)
        present = batch.present
        if len(present) > 1:
            present = drop_modalities(present, self.config.modality_dropout, torch.default_generator)
        logits = self.network.head(embeddings, present)
        tally.add(logits, batch.targets)
        return self.loss_of(logits, batch.targets), self._alignment(embeddings, batch)

    def _alignment(self, embeddings: dict[str, Tensor], batch: EmbeddingBatch) -> Tensor:
        if self.network.projector is None:
            return torch.zeros(())
        return info_nce(self.network.projector(embeddings), batch.present, self.config.temperature)

    def _mixes(self, batch: EmbeddingBatch) -> bool:
        """Only photos can be mixed, so there must be nothing else."""
        drawn = float(torch.rand(())) < self.config.mix
        return drawn and set(batch.present) == {"image"} and len(batch) > 1

    def _mixed_loss(self, inputs: Inputs, batch: EmbeddingBatch) -> Tensor:
        """With photos of other rows mixed in, the loss is mixed in the same proportion."""
        places, pixels = inputs["image"]
        order = torch.randperm(len(batch))
        pixels, share = blend(pixels, pixels[order])
        logits = self.network({"image": (places, pixels)}, batch)
        other = {task: target[order] for task, target in batch.targets.items()}
        return share * self.loss_of(logits, batch.targets) + (1 - share) * self.loss_of(logits, other)

    @torch.inference_mode()
    def _validation(self, parts: Sequence[Tensor], feed: Iterator[Inputs]) -> tuple[float, dict[str, float]]:
        """Loss and {task: share right} of the averaged weights; tasks without known labels are left out."""
        network, tally, total = self.average.module.eval(), Tally(), 0.0
        for index, inputs in zip(parts, feed, strict=True):
            batch = self.val.rows(index)
            logits = network(inputs, batch)
            tally.add(logits, batch.targets)
            total += float(self.loss_of(logits, batch.targets)) * len(index)
        return total / max(1, len(self.val)), tally.accuracy()

    def keep(self, checkpoint: Path) -> None:
        """Writes everything that the next epoch depends on, whole or not at all."""
        state: dict[str, Any] = {name: getattr(self, name).state_dict() for name in ("network", "average", "optimizer")}
        state |= {"epoch": self.epoch, "history": [asdict(entry) for entry in self.history], "identity": self.identity}
        state["batch_size"] = self.batch_size
        with whole_file(checkpoint) as partial:
            torch.save(state, partial)

    def restore(self, checkpoint: Path | None) -> None:
        """Resumes from the checkpoint if there is one; one of other settings is refused, a damaged one removed."""
        if checkpoint is None or not checkpoint.exists():
            return
        try:
            state = torch.load(checkpoint, weights_only=True)
        except (RuntimeError, EOFError, ValueError, KeyError, UnpicklingError) as error:
            if ran_out_of_memory(error):
                raise
            log.warning("The stopped run in %s is damaged, so the training begins anew.", checkpoint)
            checkpoint.unlink()
            return
        if state.get("identity") != self.identity:
            raise UserError(
                f"The stopped run in '{checkpoint}' has other settings or other data; "
                "name another folder, or delete it."
            )
        for name in ("network", "average", "optimizer"):
            getattr(self, name).load_state_dict(state[name])
        self.epoch, self.history = state["epoch"], [FinetuneEpoch(**entry) for entry in state["history"]]
        self.batch_size = min(self.batch_size, state.get("batch_size", self.batch_size))


class Tally:
    """Right answers and known labels of each task, batch after batch."""

    def __init__(self) -> None:
        self._right: dict[str, int] = {}
        self._known: dict[str, int] = {}

    def add(self, logits: Mapping[str, Tensor], targets: Mapping[str, Tensor]) -> None:
        for task, target in targets.items():
            known = target >= 0
            right = (logits[task].argmax(1) == target) & known
            self._right[task] = self._right.get(task, 0) + int(right.sum())
            self._known[task] = self._known.get(task, 0) + int(known.sum())

    def accuracy(self) -> dict[str, float]:
        """{task: share right}, without the tasks of which no label was known."""
        return {task: self._right[task] / known for task, known in self._known.items() if known}


def content(batch: EmbeddingBatch) -> str:
    """SHA-256 of a batch's ids, embeddings, present masks and targets."""
    digest = hashlib.sha256("\n".join(batch.ids).encode())
    for group in (batch.embeddings, batch.present, batch.targets):
        for name, rows in sorted(group.items()):
            digest.update(f"\n{name} {tuple(rows.shape)} {rows.dtype}\n".encode() + rows.numpy().tobytes())
    return digest.hexdigest()


def average_with_warm_up(decay: float) -> Callable[[Any, Any, Any], None]:
    """A moving average that follows the weights closely at first: its decay at step t is at most (1 + t) / (10 + t).

    As in TensorFlow's ExponentialMovingAverage and timm's ModelEmaV3. With a constant decay of 0.99 a run of a dozen
    steps would keep nine tenths of where it started; from step 890 on it is the same.
    """

    def update(averaged: Any, current: Any, step: Any) -> None:
        reached = min(decay, (1 + int(step)) / (10 + int(step)))
        get_ema_multi_avg_fn(reached)(averaged, current, step)

    return update


def rate(epoch: float, config: FinetuneConfig) -> float:
    """Share of the full learning rate: linear warm-up, then a cosine down to nothing."""
    if epoch < config.warmup_epochs:
        return (epoch + 0.02) / config.warmup_epochs
    return 0.5 * (1 + math.cos(math.pi * epoch / config.epochs))
