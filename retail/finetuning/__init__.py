"""Fine-tuning: gradients into pretrained encoders, together with the head that reads them.

In: encoders of any tunable family, a head that was trained on their frozen embeddings (so the head starts where the
linear probe ended: LP-FT, Kumar et al. 2022), products and their embeddings. Out: kept weights and the head.
A stopped run resumes after its last epoch and ends with the same result.
"""

from __future__ import annotations

import copy
import hashlib
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from retail import files
from retail.config import FinetuneConfig, TrainConfig
from retail.encoders import Encoder
from retail.encoders.tunable import TunableEncoder
from retail.files.whole import clear, partial_of
from retail.finetuning.record import FinetuneEpoch
from retail.fusion import FusionHead
from retail.schema import Modality, UserError
from retail.training import rows_with_any
from retail.training.memory import smaller_batch, smaller_note

if TYPE_CHECKING:
    from retail.finetuning.contrast import Projector
    from retail.finetuning.data import MediaRows


@dataclass
class Finetuned:
    """The kept weights, the head that belongs to them, and how the training went."""

    weights: dict[Modality, Path]  # file or folder of each tuned encoder, named by the hash of its content
    head: FusionHead
    history: tuple[FinetuneEpoch, ...]
    trainable: int  # parameters that learned
    parameters: int  # of the encoders that were tuned and the head, those that stayed included
    config: FinetuneConfig  # as it was in the end, perhaps with a smaller batch than was asked for
    projectors: tuple[Projector, Projector] | None = None  # before and after, where there was a contrastive loss
    note: str = ""  # what was done otherwise than asked for

    @property
    def seconds(self) -> float:
        """Of all epochs, those before a stop included."""
        return sum(entry.seconds for entry in self.history)

    @property
    def peak_mib(self) -> float | None:
        """The most memory that the training process held, its helpers not counted."""
        return max((entry.peak_mib or 0 for entry in self.history), default=0) or None


def finetune(
    encoders: Mapping[Modality, Encoder],
    head: FusionHead,
    train: MediaRows,
    val: MediaRows,
    config: FinetuneConfig,
    checkpoint: Path | None = None,
    on_epoch: Callable[[FinetuneEpoch], None] | None = None,
    head_config: TrainConfig | None = None,
) -> Finetuned:
    """Trains the encoders of `config.tune` and the head together; equal seeds give equal weights.

    `train` and `val` are products and their batches, row by row; rows with none of the head's inputs are left out.
    The averaged weights of the last epoch are kept: validation rows choose nothing here. `head_config` says how the
    head was trained. Where memory runs out it goes on from the checkpoint, or anew, with half the batch. Raises
    UserError when an encoder cannot learn from these products, or when the checkpoint is one of other products, other
    settings or another head.
    """
    # What trains is slow to load, and whoever reads a bundle's record loads this package.
    from retail.finetuning.lora import merge_lora
    from retail.finetuning.network import new_network
    from retail.finetuning.run import Run

    def begun(batch_size: int) -> tuple[Run, Projector | None]:
        torch.manual_seed(config.seed)
        network = new_network(tuned, head, train[1], config)
        before = copy.deepcopy(network.projector)
        run = Run(tuned, network, train, val, config, head_config, batch_size)
        run.restore(checkpoint)
        return run, before

    tuned = _tuned(encoders, head, train, config)
    train, val = (_with_any(rows, head) for rows in (train, val))
    with torch.random.fork_rng(devices=[]):
        run, before = begun(config.batch_size)
        while run.epoch < config.epochs:
            try:
                entry = run.train_epoch()
            except (MemoryError, RuntimeError) as error:
                smaller = smaller_batch(error, min(run.batch_size, len(train[0])))
            else:
                if checkpoint is not None:
                    run.keep(checkpoint)
                if on_epoch:
                    on_epoch(entry)
                continue
            del run  # what did not fit makes room
            run, before = begun(smaller)
    best: Any = run.average.module
    if config.lora_rank:
        for model in best.encoders.values():
            merge_lora(model)
    weights = {modality: kept(encoder, best.encoders[modality]) for modality, encoder in tuned.items()}
    sizes = [(weight.numel(), weight.requires_grad) for weight in run.network.parameters()]
    trainable = sum(size for size, learns in sizes if learns)
    projectors = (before, best.projector) if before is not None else None
    parameters = sum(size for size, _ in sizes)
    used = replace(config, batch_size=run.batch_size)
    note = smaller_note(config.batch_size, run.batch_size) if used != config else ""
    return Finetuned(weights, best.head.eval(), tuple(run.history), trainable, parameters, used, projectors, note)


def _with_any(rows: MediaRows, head: FusionHead) -> MediaRows:
    """The rows that have at least one of the head's inputs, as its own training takes them."""
    products, batch = rows
    places = rows_with_any(batch, head.dims)
    return [products[place] for place in places.tolist()], batch.rows(places)


def _tuned(
    encoders: Mapping[Modality, Encoder], head: FusionHead, train: MediaRows, config: FinetuneConfig
) -> dict[Modality, TunableEncoder]:
    tuned: dict[Modality, TunableEncoder] = {}
    for modality in config.tune:
        encoder = encoders.get(modality)
        if encoder is None or modality not in head.dims or not bool(train[1].present[modality].any()):
            raise UserError(
                f"Fine-tuning the {modality} encoder needs training products with {modality} among the inputs; "
                "add them, change --modalities, or leave it out of --tune."
            )
        if not isinstance(encoder, TunableEncoder):
            raise UserError(f"The {modality} encoder {encoder.name!r} cannot be fine-tuned; leave it out of --tune.")
        encoder.check_tunable()
        tuned[modality] = encoder
    if config.contrast and len(head.dims) < 2:
        raise UserError(
            "A contrastive loss needs two kinds of input; add one to --modalities, or leave out --contrast."
        )
    return tuned


def kept(encoder: TunableEncoder, model: nn.Module) -> Path:
    """Saves a trained network under the hash of its content, beside those of earlier runs."""
    folder = files.home() / "encoders"
    clear(folder)
    temporary = partial_of(folder / f"finetuned{encoder.suffix}")
    encoder.save(model, temporary)
    path = folder / f"{encoder.modality}-{_digest(temporary)[:16]}{encoder.suffix}"
    if path.is_dir():  # equal content lies there already
        shutil.rmtree(temporary)
        return path
    return temporary.replace(path)


def discard(path: Path) -> None:
    """Removes kept weights that nobody will ask for again."""
    shutil.rmtree(path) if path.is_dir() else path.unlink()


def _digest(path: Path) -> str:
    """SHA-256 of a file, or of a folder's files and their names."""
    digest = hashlib.sha256()
    for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
        digest.update((file.name if path.is_dir() else "").encode() + file.read_bytes())
    return digest.hexdigest()
