"""What the product's fine-tuning adds to a plain training loop of the same network, in the same run.

In: a data folder with photos (the grocery set by default). Out: seconds per epoch of both, turn by turn, their ratio
and exit code 1 when it is above 1.1. The plain loop has its augmented photos in memory, decodes nothing, averages
nothing and writes nothing; batch size, precision, optimiser and network are the same. Validation is left out of both.
It runs once with PyTorch's own convolutions, which the limit holds for, and once with the product's quick gradients.
`OMP_NUM_THREADS=1 python -m benchmarks.finetune_cost --photos 256 --turns 3` on an otherwise idle machine.
"""

from __future__ import annotations

import argparse
import statistics
import time
from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

from retail.config import FinetuneConfig, TrainConfig
from retail.dataset.reader import read_manifest
from retail.encoders import load_preset
from retail.encoders.tunable import TunableEncoder
from retail.finetuning.data import Inputs
from retail.finetuning.network import new_network, optimizer_groups
from retail.finetuning.run import CLIP_NORM, Run
from retail.schema import Modality
from retail.splits import vocabularies_of
from retail.store import EmbeddingBatch, EmbeddingStore, embed_products
from retail.training import MultiTaskLoss, fit

ROOT = Path(__file__).resolve().parents[1]
GROCERY = ROOT.parent / "shared" / "datasets" / "grocery"
LIMIT = 1.1


class PlainLoop:
    """Forward, backward, step: over batches that lie in memory; with PyTorch's own convolutions, or the product's."""

    def __init__(self, run: Run, encoders: dict[Modality, TunableEncoder], config: FinetuneConfig, own: bool) -> None:
        self.network = new_network(encoders, run.network.head, run.batch, config)
        if own:
            self.network.encoders = nn.ModuleDict({name: encoder.new_model() for name, encoder in encoders.items()})
        self.optimizer = torch.optim.AdamW(optimizer_groups(self.network, encoders, config))
        self.loss_of = MultiTaskLoss(run.network.head.tasks, False, config.label_smoothing, {})
        parts = torch.arange(len(run.batch)).split(config.batch_size)
        inputs = run.feed(0, {"train": parts})
        self.batches: list[tuple[Inputs, EmbeddingBatch]] = [
            (given, run.batch.rows(index)) for index, given in zip(parts, inputs, strict=True)
        ]

    def epoch_seconds(self) -> float:
        started = time.perf_counter()
        self.network.train()
        for inputs, batch in self.batches:
            loss = self.loss_of(self.network(inputs, batch), batch.targets)
            self.optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(self.network.parameters(), CLIP_NORM)
            self.optimizer.step()
        return time.perf_counter() - started


def product_run(data: Path, photos: int, config: FinetuneConfig) -> tuple[Run, dict[Modality, TunableEncoder]]:
    """The product's own run over evenly spaced photos of the training rows."""
    manifest = read_manifest(data)
    products = [product for product in manifest.in_split("train") if product.images]
    products = products[:: max(1, len(products) // photos)][:photos]
    vocabularies = vocabularies_of(products, manifest.tasks)
    loaded = load_preset("bundled", ["image"])
    batch, _ = embed_products(products, loaded, vocabularies, EmbeddingStore())
    sizes = {task: len(vocabulary) for task, vocabulary in vocabularies.items()}
    head = fit(batch, batch, sizes, TrainConfig(strategy="concatenation", modalities=("image",), max_epochs=2)).head
    encoders = {name: encoder for name, encoder in loaded.items() if isinstance(encoder, TunableEncoder)}
    network = new_network(encoders, head, batch, config)
    started = time.perf_counter()
    run = Run(encoders, network, (products, batch), (products[:1], batch.rows([0])), config)
    print(f"decoding {len(products)} photos once: {time.perf_counter() - started:.2f} s")
    return run, encoders


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=GROCERY)
    parser.add_argument("--photos", type=int, default=256)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--size", type=int, default=FinetuneConfig.size)
    chosen = parser.parse_args()
    # Mixed batches cost nothing that counts here; without them both loops see the same kind of batch.
    config = replace(FinetuneConfig(), size=chosen.size, mix=0.0, epochs=chosen.turns + 1)
    run, encoders = product_run(chosen.data, chosen.photos, config)
    plain, quick = (PlainLoop(run, encoders, config, own) for own in (True, False))
    plain.epoch_seconds(), quick.epoch_seconds(), run.train_epoch()  # all warm
    ratios: list[float] = []
    quick_ratios: list[float] = []
    for turn in range(chosen.turns):
        theirs, best, ours = plain.epoch_seconds(), quick.epoch_seconds(), run.train_epoch()["train_seconds"]
        ratios.append(ours / theirs), quick_ratios.append(ours / best)
        seconds = f"plain {theirs:.2f} s, plain with quick gradients {best:.2f} s, product {ours:.2f} s"
        print(f"turn {turn + 1}: {seconds}, ratios {ratios[-1]:.3f} and {quick_ratios[-1]:.3f}", flush=True)
    ratio = statistics.median(ratios)
    beside = f"with quick gradients {statistics.median(quick_ratios):.3f}"
    print(f"median ratio {ratio:.3f} (limit {LIMIT}), {beside}; {torch.get_num_threads()} thread(s)")
    raise SystemExit(ratio > LIMIT)


if __name__ == "__main__":
    main()
