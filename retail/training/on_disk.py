"""Training on more rows than fit in memory: runs of neighbours in random order, and parts that do fit.

In: a batch whose embeddings are `RowsOnDisk`. Out: the same steps as from rows in memory, in another order.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from retail.fusion import FusionHead
from retail.store.on_disk import MAPPED_ROWS
from retail.training.rows import StandardRows

if TYPE_CHECKING:
    from retail.store import EmbeddingBatch

READ_ROWS = 16_384  # in memory at a time, from 256 places of the file: data sorted by class still mix well
PART_BYTES = 256 * 2**20  # of embeddings that validation, and whatever needs all rows at once, works with
ANSWER_BYTES = 512 * 2**20  # of logits that are made of these at once


@dataclass(frozen=True)
class RowsToRead:
    """As `StandardRows`, but standardised as they are read."""

    head: FusionHead
    batch: EmbeddingBatch

    @property
    def targets(self) -> dict[str, Tensor]:
        """{task: (N,)}"""
        return self.batch.targets

    def __len__(self) -> int:
        return len(self.batch)

    def batches(self, order: Tensor, size: int, generator: torch.Generator) -> Iterator[StandardRows]:
        """The rows of `order` in steps of this size; neighbours in the file come near each other."""
        for places in near(order, READ_ROWS // size * size, generator):
            part = standard_part(self.head, self.batch, places)
            for own in torch.arange(len(places)).split(size):
                yield part.at(own)


def near(order: Tensor, read: int, generator: torch.Generator) -> Iterator[Tensor]:
    """The same places, `read` at a time, each time from few runs of `MAPPED_ROWS` neighbours, shuffled."""
    blocks = order // MAPPED_ROWS
    rank = torch.randperm(int(blocks.max()) + 1, generator=generator)
    for part in order[rank[blocks].argsort(stable=True)].split(read):
        yield part[torch.randperm(len(part), generator=generator)]


def standard_part(head: FusionHead, batch: EmbeddingBatch, places: Tensor) -> StandardRows:
    """These rows in memory, as the head's `fuse` takes them."""
    present = {name: batch.present[name][places] for name in head.dims}
    targets = {task: target[places] for task, target in batch.targets.items()}
    embeddings = {name: batch.embeddings[name][places] for name in head.dims}
    return StandardRows(head.standardise(embeddings, present), present, targets)


def fit_scaler(head: FusionHead, batch: EmbeddingBatch) -> None:
    """As the head's own, a part of the rows at a time."""
    for modality, dim in head.dims.items():
        count, total, squares, centre = 0, torch.zeros(dim).double(), torch.zeros(dim).double(), torch.zeros(0)
        for places in batch.present[modality].nonzero().flatten().split(READ_ROWS):
            rows = batch.embeddings[modality][places].double()
            centre = centre if len(centre) else rows.mean(0)  # near the mean, so that no digits cancel
            rows -= centre
            count, total, squares = count + len(rows), total + rows.sum(0), squares + rows.square().sum(0)
        if count > 1:
            shift = total / count
            deviation = ((squares - count * shift.square()) / (count - 1)).clamp_min(0).sqrt()
            head.scale_by(modality, (centre + shift).float(), deviation.float())


def part_places(batch: EmbeddingBatch, logits: int = 0) -> Tensor | slice:
    """The rows that stand for a batch where all are needed at once: all, or as many as fit.

    `logits` is how many are made of each. At random, but first of every class one.
    """
    most = min(PART_BYTES // (4 * max(1, sum(batch.dims.values()))), ANSWER_BYTES // (4 * max(1, logits)))
    if len(batch) <= most:
        return slice(None)
    chances = torch.rand(len(batch), generator=torch.Generator().manual_seed(0))
    for target in batch.targets.values():
        if len(known := (target >= 0).nonzero().flatten()):
            first = torch.full((int(target.max()) + 1,), len(batch)).scatter_reduce(0, target[known], known, "amin")
            chances[first[first < len(batch)]] = 1.0
    return chances.topk(most).indices.sort().values


def in_memory(batch: EmbeddingBatch, places: Tensor | slice) -> EmbeddingBatch:
    """The rows of `part_places`."""
    whole = isinstance(places, slice)
    return batch if whole and not batch.on_disk else batch.in_memory(places)
