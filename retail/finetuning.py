"""Fine-tuning: gradients into a pretrained photo encoder, together with the head that reads it.

In: a `TimmEncoder`, a head that was trained on its frozen embeddings (so the head starts where the linear probe
ended: LP-FT, Kumar et al. 2022), products and their embeddings of the other inputs. Out: a weights file and the head.
A stopped run goes on from its last epoch to the same result.
"""

from __future__ import annotations

import copy
import hashlib
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import timm
import torch
from timm.models._manipulate import group_with_matcher
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import DataLoader, Dataset

from retail import config as folders
from retail.config import FinetuneConfig
from retail.encoders.image import TimmEncoder, save_finetuned
from retail.encoders.weights import has_bfloat16
from retail.fusion import FusionHead
from retail.media import decode_image
from retail.schema import Product, UserError
from retail.store import EmbeddingBatch
from retail.training import MultiTaskLoss

WORKERS = 2  # processes that decode and augment beside the training
CLIP_NORM = 2.0


@dataclass
class Finetuned:
    """The weights file, the head that belongs to it, and how the training went."""

    file: Path
    head: FusionHead
    history: list[dict]  # one per epoch: epoch, train_loss, val_accuracy, seconds
    trainable: int  # parameters that learned
    seconds: float


class Photos(Dataset[Tensor]):
    """Place of a product -> one of its photos, augmented; the same seed and epoch give the same pixels."""

    def __init__(self, products: Sequence[Product], transform: Any, seed: int, shape: tuple[int, int, int]) -> None:
        self._products, self._transform, self._seed, self._shape = products, transform, seed, shape
        self.epoch = 0

    def __getitem__(self, place: int) -> Tensor:
        images = self._products[place].images
        if not images:
            return torch.zeros(self._shape)  # absent: the mask says so
        drawn = int(np.random.SeedSequence([self._seed, self.epoch, place]).generate_state(1)[0])
        # timm draws from all three.
        random.seed(drawn), np.random.seed(drawn), torch.manual_seed(drawn)
        return self._transform(decode_image(images[drawn % len(images)]))


class Network(nn.Module):
    """Encoder and head as one: photos and the other inputs' embeddings -> logits of every task."""

    def __init__(self, encoder: Any, head: FusionHead) -> None:
        super().__init__()
        self.encoder, self.head = encoder, head

    def forward(self, pixels: Tensor, batch: EmbeddingBatch) -> dict[str, Tensor]:
        with torch.autocast("cpu", torch.bfloat16, enabled=self.training and has_bfloat16()):
            features = self.encoder(pixels.to(memory_format=torch.channels_last))  # (B, D)
        return self.head(batch.embeddings | {"image": features.float()}, batch.present)


def finetune(
    encoder: TimmEncoder,
    head: FusionHead,
    train: tuple[Sequence[Product], EmbeddingBatch],
    val: tuple[Sequence[Product], EmbeddingBatch],
    config: FinetuneConfig,
    checkpoint: Path | None = None,
    on_epoch: Callable[[dict], None] | None = None,
) -> Finetuned:
    """Trains encoder and head together; equal seeds give equal weights. Raises UserError without photos.

    `train` and `val` are products and their batches, row by row. The averaged weights of the last epoch are kept:
    validation rows choose nothing here.
    """
    if "image" not in head.dims or not bool(train[1].present["image"].any()):
        raise UserError("Fine-tuning needs products with photos; add photos, or train on frozen embeddings.")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        model = _start(encoder, config)
        network = Network(model, _fresh(head) if config.start == "scratch" else copy.deepcopy(head))
        run = _Run(encoder, network, train, val, config)
        run.restore(checkpoint)
        while run.epoch < config.epochs:
            entry = run.train_epoch()
            if checkpoint is not None:
                run.keep(checkpoint)
            if on_epoch:
                on_epoch(entry)
    best: Any = run.average.module
    temporary = folders.home() / "encoders" / "finetuned.safetensors"
    save_finetuned(best.encoder, encoder.model_name, temporary)
    digest = hashlib.sha256(temporary.read_bytes()).hexdigest()
    file = temporary.replace(temporary.with_name(f"{encoder.model_name}-{digest[:16]}.safetensors"))
    trainable = sum(weight.numel() for weight in network.parameters() if weight.requires_grad)
    seconds = sum(entry["seconds"] for entry in run.history)  # those before a stop included
    return Finetuned(file, best.head.eval(), run.history, trainable, seconds)


class _Run:
    """Everything that changes from epoch to epoch."""

    def __init__(
        self,
        encoder: TimmEncoder,
        network: Network,
        train: tuple[Sequence[Product], EmbeddingBatch],
        val: tuple[Sequence[Product], EmbeddingBatch],
        config: FinetuneConfig,
    ) -> None:
        self.network, self.config, self.val = network, config, val
        self.batch = train[1].select(network.head.dims)
        shape = (3, config.size, config.size)
        self.photos = Photos(train[0], _training_transform(encoder, config), config.seed, shape)
        evaluation = timm.data.create_transform(**encoder.data_config, is_training=False)
        self.val_photos = Photos(val[0], evaluation, config.seed, encoder.data_config["input_size"])
        self.loss_of = MultiTaskLoss(network.head.tasks, False, config.label_smoothing, {})
        self.optimizer = torch.optim.AdamW(_groups(network, config))
        # Only the learning weights and the statistics move; the copies of the others stay as they are.
        self.average = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(config.average), use_buffers=True)
        # A checkpoint belongs to these settings, this encoder and these rows.
        rows = hashlib.sha256("\n".join([*train[1].ids, "", *val[1].ids]).encode()).hexdigest()
        self.identity = config.to_dict() | {"encoder": encoder.fingerprint, "rows": rows}
        self.history: list[dict] = []
        self.epoch = 0

    def train_epoch(self) -> dict:
        """One pass over the training rows; returns its entry in the history."""
        started, config, size = time.perf_counter(), self.config, self.config.batch_size
        torch.manual_seed(int(np.random.SeedSequence([config.seed, self.epoch]).generate_state(1)[0]))
        batches = torch.randperm(len(self.batch)).split(size)
        _set_mode(self.network, config)
        total = 0.0
        for step, (index, pixels) in enumerate(zip(batches, self._pixels(batches), strict=True)):
            rate = _rate(self.epoch + step / len(batches), config)
            for group in self.optimizer.param_groups:
                group["lr"] = group["full_lr"] * rate
            loss = self._loss(pixels, self.batch.rows(index))
            if not loss.requires_grad:  # no label is known in this batch
                continue
            self.optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(self.network.parameters(), CLIP_NORM)
            self.optimizer.step()
            self.average.update_parameters(self.network)
            total += float(loss.detach()) * len(index)
        self.epoch += 1
        accuracy = self._val_accuracy()
        entry = {"epoch": self.epoch, "train_loss": total / len(self.batch), "val_accuracy": accuracy}
        self.history.append(entry | {"seconds": time.perf_counter() - started})
        return self.history[-1]

    def _pixels(self, batches: Sequence[Tensor]) -> Iterator[Tensor]:
        self.photos.epoch = self.epoch
        return iter(DataLoader(self.photos, batch_sampler=[b.tolist() for b in batches], num_workers=WORKERS))

    def _loss(self, pixels: Tensor, batch: EmbeddingBatch) -> Tensor:
        """With photos of other rows mixed in, the loss is mixed in the same proportion."""
        if float(torch.rand(())) >= self.config.mix or len(batch) < 2 or set(batch.present) != {"image"}:
            return self.loss_of(self.network(pixels, batch), batch.targets)
        order = torch.randperm(len(batch))
        pixels, share = _blend(pixels, pixels[order])
        logits = self.network(pixels, batch)
        other = {task: target[order] for task, target in batch.targets.items()}
        return share * self.loss_of(logits, batch.targets) + (1 - share) * self.loss_of(logits, other)

    @torch.inference_mode()
    def _val_accuracy(self) -> dict[str, float]:
        """{task: share right} of the averaged weights; tasks without known labels are left out."""
        batch = self.val[1].select(self.network.head.dims)
        places = torch.arange(len(batch)).split(self.config.batch_size)
        loader = DataLoader(self.val_photos, batch_sampler=[p.tolist() for p in places], num_workers=WORKERS)
        network = self.average.module.eval()
        parts = [network(pixels, batch.rows(index)) for index, pixels in zip(places, loader, strict=True)]
        accuracy = {}
        for task, target in batch.targets.items():
            if (known := target >= 0).any():
                answers = torch.cat([part[task] for part in parts]).argmax(1)
                accuracy[task] = float((answers == target)[known].float().mean())
        return accuracy

    def keep(self, checkpoint: Path) -> None:
        """Writes everything that the next epoch depends on, whole or not at all."""
        state: dict[str, Any] = {name: getattr(self, name).state_dict() for name in ("network", "average", "optimizer")}
        state |= {"epoch": self.epoch, "history": self.history, "identity": self.identity}
        with folders.whole_file(checkpoint) as partial:
            torch.save(state, partial)

    def restore(self, checkpoint: Path | None) -> None:
        """Goes on from the checkpoint if there is one; one of other settings is refused."""
        if checkpoint is None or not checkpoint.exists():
            return
        state = torch.load(checkpoint, weights_only=True)
        if state.get("identity") != self.identity:
            raise UserError(
                f"The stopped run in '{checkpoint}' has other settings or other data; "
                "name another folder, or delete it."
            )
        for name in ("network", "average", "optimizer"):
            getattr(self, name).load_state_dict(state[name])
        self.epoch, self.history = state["epoch"], state["history"]


def _start(encoder: TimmEncoder, config: FinetuneConfig) -> Any:
    if config.start == "scratch":
        model: Any = timm.create_model(encoder.model_name, pretrained=False, num_classes=0)
    else:
        model = encoder.new_model()
    model = model.requires_grad_(True).to(memory_format=torch.channels_last)
    for name, depth in _depths(model).items():
        model.get_parameter(name).requires_grad_(not config.layers or depth < config.layers)
    return model


def _fresh(head: FusionHead) -> FusionHead:
    """The same head with new random weights, and without the scale of embeddings that are no longer there."""
    head = copy.deepcopy(head)
    for module in head.modules():
        if callable(reset := getattr(module, "reset_parameters", None)):
            reset()
    head.get_buffer("mean_image").zero_()
    head.get_buffer("scale_image").fill_(1.0)
    return head


def _depths(model: Any) -> dict[str, int]:
    """{parameter: how many layers lie behind its own}; timm knows the layers of its networks."""
    layer_of = group_with_matcher(model.named_parameters(), model.group_matcher(coarse=False), reverse=True)
    last = max(layer_of.values())
    return {name: last - layer for name, layer in layer_of.items()}


def _groups(network: Network, config: FinetuneConfig) -> list[dict]:
    """One optimiser group per layer and kind: lower layers learn slower, only matrices decay."""
    groups: dict[tuple[float, float], dict] = {}
    depths = _depths(network.encoder)
    named = [(weight, config.learning_rate * config.layer_decay ** depths[name])
             for name, weight in network.encoder.named_parameters()]  # fmt: skip
    named += [(weight, config.head_learning_rate) for weight in network.head.parameters()]
    for weight, rate in named:
        if weight.requires_grad:
            decay = config.weight_decay if weight.ndim > 1 else 0.0
            group = groups.setdefault((rate, decay), {"params": [], "full_lr": rate, "lr": rate, "weight_decay": decay})
            group["params"].append(weight)
    return list(groups.values())


def _set_mode(network: Network, config: FinetuneConfig) -> None:
    """Training mode, but batch norms that do not learn, or are to keep the source's statistics, stay as they are."""
    network.train()
    for module in network.encoder.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.train(config.batch_norm == "adapt" and module.weight.requires_grad)


def _rate(epoch: float, config: FinetuneConfig) -> float:
    """Linear warm-up, then a cosine down to nothing."""
    if epoch < config.warmup_epochs:
        return (epoch + 0.02) / config.warmup_epochs
    return 0.5 * (1 + float(np.cos(np.pi * epoch / config.epochs)))


def _blend(pixels: Tensor, other: Tensor) -> tuple[Tensor, float]:
    """Mixup (Zhang et al. 2018) or cutmix (Yun et al. 2019), as a coin falls -> pixels, share of the first."""
    share = float(torch.distributions.Beta(0.4, 0.4).sample())
    if float(torch.rand(())) < 0.5:
        return share * pixels + (1 - share) * other, share
    height, width = pixels.shape[2:]
    side = (1 - share) ** 0.5
    tall, wide = int(height * side), int(width * side)
    top, left = (int(torch.randint(0, full - part + 1, ())) for full, part in ((height, tall), (width, wide)))
    pixels = pixels.clone()
    pixels[:, :, top : top + tall, left : left + wide] = other[:, :, top : top + tall, left : left + wide]
    return pixels, 1 - tall * wide / (height * width)


def _training_transform(encoder: TimmEncoder, config: FinetuneConfig) -> Any:
    return timm.data.create_transform(
        **encoder.data_config | {"input_size": (3, config.size, config.size)},
        is_training=True,
        scale=(config.smallest_crop, 1.0),
        auto_augment=config.augment or None,
        color_jitter=0.0 if config.augment else 0.2,
        re_prob=config.erase,
        re_mode="pixel",
    )
