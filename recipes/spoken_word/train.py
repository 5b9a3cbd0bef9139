"""Trains the spoken-word network so that the same word from any voice gets the same embedding.

In: `Clips`. Out: a checkpoint that training resumes from, and at its end the averaged weights.
"""

from __future__ import annotations

import math
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import DataLoader, Dataset

from recipes.spoken_word.accents import ACCENTED
from recipes.spoken_word.clips import Clips
from recipes.spoken_word.objectives import Objectives, TrainingConfig
from recipes.spoken_word.people import PICO, RHVOICE
from recipes.spoken_word.words import Spoken
from retail.augmentation.speech import Augment, noise_bank
from retail.encoders.spoken_word import SpokenWordNet
from retail.encoders.weights import has_bfloat16
from retail.files import whole_file
from retail.schema import UserError

# How often each voice is drawn; those modelled on people count for far more than their number of clips.
SHARES = {"espeak": 0.14, "rms": 0.05, "kal16": 0.015, "kal": 0.015, "ked": 0.035}
SHARES |= dict.fromkeys(ACCENTED, 0.015) | dict.fromkeys([*RHVOICE, *PICO], 0.03)
SHARES |= {"bdl": 0.07, "clb": 0.08, "us": 0.08, "gb": 0.08}
PARTNER_SECONDS = 600  # the longest wait for another process, which may be scoring


class Batches(Dataset[tuple[Tensor, Tensor]]):
    """Step number -> features and labels of one process; depends on nothing but the seed, the step and the rank."""

    def __init__(self, clips: Clips, config: TrainingConfig, rank: int = 0) -> None:
        self._clips, self._config, self._rank = clips, config, rank
        count = int(clips.label.max()) + 1
        order = np.lexsort((clips.label, clips.source))
        bounds = np.searchsorted(clips.source[order], np.arange(len(clips.sources) + 1))
        self._by_word: list[list[np.ndarray]] = []  # of each source, of each word: its clips
        for first, last in zip(bounds, bounds[1:], strict=False):
            places = order[first:last]
            self._by_word.append(np.split(places, np.searchsorted(clips.label[places], np.arange(1, count))))
        shares = np.array([SHARES[source] for source in clips.sources])
        self._shares = shares / shares.sum()
        # Words of like length share a batch, so that little of it is silence.
        mean = np.bincount(clips.label, weights=np.diff(clips.start)) / np.bincount(clips.label)
        self._lengths = np.array_split(np.argsort(mean, kind="stable"), max(1, min(10, count // config.words)))

    def __len__(self) -> int:
        return self._config.steps

    def __getitem__(self, step: int) -> tuple[Tensor, Tensor]:
        """features (B, 64, T) of this process's words said twice, then the non-speech; labels (B,)"""
        config = self._config
        together = np.random.default_rng([config.seed, step])
        words = together.choice(self._lengths[together.integers(len(self._lengths))], config.words, replace=False)
        # The same for all processes, or the one with the shorter batch would wait.
        spare_seconds = 0.03 + 0.8 * together.random() ** 4
        pace = 0.85 * 2 ** (0.25 * float(np.clip(together.normal(), -1.5, 1.5)))  # people are quicker
        rng = np.random.default_rng([config.seed, step, self._rank])
        labels = np.tile(words[self._rank :: config.processes], 2)
        sources = rng.choice(len(self._shares), len(labels), p=self._shares)
        said = (self._by_word[source][word] for source, word in zip(sources, labels, strict=True))
        places = [int(rng.choice(clips)) for clips in said]
        generator = torch.Generator().manual_seed(int(rng.integers(1 << 62)))
        augment = Augment(generator, spare_seconds, pace, harder=step >= config.harder_after)
        features = augment([self._clips.clip(place) for place in places], config.non_speech // config.processes)
        return features, torch.from_numpy(labels.astype(np.int64))


class Exchange:
    """Averages the gradients of the processes on this machine, through memory that they share."""

    def __init__(self, processes: int, size: int) -> None:
        context = multiprocessing.get_context("fork")
        self._gradients = torch.zeros(processes, size).share_memory_()
        self._barrier = context.Barrier(processes, timeout=PARTNER_SECONDS)

    def __call__(self, rank: int, parameters: list[nn.Parameter]) -> None:
        """Waits for the others; then every process holds the same mean gradients."""
        gradients = [parameter.grad.flatten() for parameter in parameters if parameter.grad is not None]
        torch.cat(gradients, out=self._gradients[rank])
        self._barrier.wait()
        mean = self._gradients.mean(0)
        self._barrier.wait()
        parts = iter(mean.split([len(gradient) for gradient in gradients]))
        for parameter in parameters:
            if parameter.grad is not None:
                parameter.grad = next(parts).view_as(parameter)


@dataclass
class Run:
    """One process's training: its replica of everything that learns, and how it reports."""

    clips: Clips
    config: TrainingConfig
    net: SpokenWordNet
    objectives: Objectives
    checkpoint: Path
    score: Callable[[SpokenWordNet], dict[str, float]] | None
    say: Callable[[str], None]

    def __call__(self, rank: int, exchange: Exchange | None) -> SpokenWordNet:
        """Trains to the end, or on from the checkpoint; rank 0 keeps the checkpoints and returns the average."""
        config, device = self.config, torch.device("cuda" if torch.cuda.is_available() else "cpu")
        net, objectives = self.net.to(device), self.objectives.to(device)
        average = moving_average(net, config.average)
        averaged: Any = average.module
        parameters = [*net.parameters(), *objectives.parameters()]
        groups = [
            {"params": [p for p in parameters if p.ndim > 1], "weight_decay": config.weight_decay},
            {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
        ]
        optimizer = torch.optim.AdamW(groups, lr=config.learning_rate, betas=(0.9, 0.98), fused=True)
        holders: dict[str, Any] = {"net": net, "objectives": objectives, "average": average, "optimizer": optimizer}
        first = _restore(self.checkpoint, holders, config)
        started = time.monotonic()
        for step, (features, labels) in _loader(self.clips, config, rank, first, device):
            for group in optimizer.param_groups:
                group["lr"] = _learning_rate(step, config)
            net.train()
            margin = config.margin * min(1.0, step / config.margin_ramp)
            with torch.autocast(device.type, torch.bfloat16, enabled=has_bfloat16(device.type)):
                loss, parts = objectives(net, features.to(device), labels.to(device), margin)
            optimizer.zero_grad()
            loss.backward()
            if exchange is not None:
                exchange(rank, parameters)
            nn.utils.clip_grad_norm_(parameters, 5.0)
            optimizer.step()
            average.update_parameters(net)
            done = step + 1
            if rank == 0 and (done % config.checkpoint_every == 0 or done == config.steps):
                _keep(self.checkpoint, holders, done, config)
                scores = self.score(averaged.eval()) if self.score and device.type == "cpu" else {}
                figures = " ".join(f"{name} {value:.3f}" for name, value in {**parts, **scores}.items())
                pace = (done - first) / (time.monotonic() - started)
                self.say(f"step {done} of {config.steps}, {pace:.2f} a second: {figures}")
        return averaged.eval().cpu()


def train(
    clips: Clips,
    words: list[Spoken],
    config: TrainingConfig,
    checkpoint: Path,
    net: SpokenWordNet | None = None,
    score: Callable[[SpokenWordNet], dict[str, float]] | None = None,
    say: Callable[[str], None] = print,
) -> SpokenWordNet:
    """Trains, or resumes from the checkpoint, and returns the averaged network in evaluation mode.

    On a processor `config.processes` processes of one thread each share every batch, and the cores that are left
    prepare the next ones; on a GPU one process trains and the processors make the batches.
    """
    torch.manual_seed(config.seed)
    net = net or SpokenWordNet()
    objectives = Objectives(words, net.channels, config)
    if torch.cuda.is_available():
        config = replace(config, processes=1)
    run = Run(clips, config, net, objectives, checkpoint, score, say)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    noise_bank("coloured"), noise_bank("without_voice")  # once, before there are more processes
    try:
        return run(0, None) if config.processes == 1 else _together(run, config.processes)
    finally:
        torch.set_num_threads(threads)


def _together(run: Run, processes: int) -> SpokenWordNet:
    """The same training by several processes, each with its share of every batch."""
    exchange = Exchange(processes, sum(p.numel() for p in [*run.net.parameters(), *run.objectives.parameters()]))
    context = multiprocessing.get_context("fork")  # the clips, gigabytes of them, are not copied
    partners = [context.Process(target=run, args=(rank, exchange), daemon=True) for rank in range(1, processes)]
    for partner in partners:
        partner.start()
    try:
        return run(0, exchange)
    finally:
        for partner in partners:
            partner.terminate()


def _loader(
    clips: Clips, config: TrainingConfig, rank: int, first: int, device: torch.device
) -> Iterator[tuple[int, tuple[Tensor, Tensor]]]:
    workers = max(0, len(os.sched_getaffinity(0)) - config.processes)  # the cores that are left make the batches
    batches = Batches(clips, config, rank)
    loader = DataLoader(batches, batch_size=None, sampler=range(first, config.steps), num_workers=workers)
    return enumerate(loader, start=first)


def _learning_rate(step: int, config: TrainingConfig) -> float:
    """A straight warm-up, then half a cosine down to nearly nothing."""
    if step < config.warmup:
        return config.learning_rate * (step + 1) / config.warmup
    progress = (step - config.warmup) / max(1, config.steps - config.warmup)
    return config.learning_rate * (0.5 * (1 + math.cos(math.pi * progress)) + 1e-3)


def moving_average(net: nn.Module, decay: float) -> AveragedModel:
    """Follows the weights and statistics closely at first: at step t its decay is at most t / (t + 10).

    Whole numbers, such as a count of batches, are taken over as they are.
    """

    def update(averaged: Any, current: Any, step: Any) -> None:
        if averaged[0].is_floating_point():
            get_ema_multi_avg_fn(min(decay, int(step) / (int(step) + 10)))(averaged, current, step)
            return
        for mean, value in zip(averaged, current, strict=True):
            mean.copy_(value)

    return AveragedModel(net, multi_avg_fn=update, use_buffers=True)


def _keep(checkpoint: Path, holders: dict[str, Any], step: int, config: TrainingConfig) -> None:
    state = {"step": step, "config": asdict(config)}
    with whole_file(checkpoint) as partial:
        torch.save(state | {name: holder.state_dict() for name, holder in holders.items()}, partial)


def _restore(checkpoint: Path, holders: dict[str, Any], config: TrainingConfig) -> int:
    if not checkpoint.exists():
        return 0
    state = torch.load(checkpoint, weights_only=True)
    if state["config"] != asdict(config):
        raise UserError(
            f"The checkpoint '{checkpoint}' was made with other settings; move it away, or train with them."
        )
    for name, holder in holders.items():
        holder.load_state_dict(state[name])
    return int(state["step"])
