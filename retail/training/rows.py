"""Which rows, and which inputs of them, a training step sees.

In: targets and present masks. Out: places of rows, and masks with inputs hidden.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from retail.fusion import FusionHead
from retail.schema import UserError

if TYPE_CHECKING:
    from retail.store import EmbeddingBatch


ROWS_AT_ONCE = 8_192


@dataclass(frozen=True)
class StandardRows:
    """Rows standardised once by a head, so that no step needs to do it again; they lie in memory."""

    embeddings: dict[str, Tensor]  # {modality: (N, D_m)}, zeros where absent
    present: dict[str, Tensor]  # {modality: (N,) bool}
    targets: dict[str, Tensor]  # {task: (N,)}

    def __len__(self) -> int:
        return len(next(iter(self.present.values())))

    def at(self, places: Tensor) -> StandardRows:
        return StandardRows(
            {name: rows[places] for name, rows in self.embeddings.items()},
            {name: rows[places] for name, rows in self.present.items()},
            {name: rows[places] for name, rows in self.targets.items()},
        )

    def batches(self, order: Tensor, size: int, _generator: torch.Generator) -> Iterator[StandardRows]:
        """The rows at these places, in steps of this size."""
        return (self.at(places) for places in order.split(size))


def asked(batch: EmbeddingBatch, tasks: Container[str]) -> EmbeddingBatch:
    """The same rows without the targets of other tasks."""
    return replace(batch, targets={task: target for task, target in batch.targets.items() if task in tasks})


def usable_rows(train: EmbeddingBatch, modalities: Iterable[str]) -> EmbeddingBatch:
    """The chosen inputs that occur in training at all, and the rows that have one; raises UserError without any."""
    # Layers for an input never seen would stay random, and spoil a prediction that does have it.
    seen = [name for name in modalities if name in train.present and train.present[name].any()]
    if not seen:
        raise UserError(
            f"Training needs products with {' or '.join(modalities)}, and none of the {len(train)} training "
            "products has it; choose other inputs or add the missing files."
        )
    return with_any(train, seen)


def with_any(batch: EmbeddingBatch, modalities: Iterable[str]) -> EmbeddingBatch:
    """These inputs alone, of the rows that have at least one of them."""
    chosen = batch.select(modalities)
    places = rows_with_any(chosen, modalities)
    return chosen if len(places) == len(chosen) else chosen.rows(places)  # no copy of what may fill half the memory


def rows_with_any(batch: EmbeddingBatch, modalities: Iterable[str]) -> Tensor:
    """Places of the rows that have at least one of these inputs."""
    return torch.stack([batch.present[modality] for modality in modalities]).any(0).nonzero().flatten()


def labelled_rows(batch: EmbeddingBatch, modalities: Iterable[str]) -> Tensor:
    """Places of the rows that have one of these inputs and a label of any task."""
    places = rows_with_any(batch, modalities)
    return places[torch.stack([target[places] >= 0 for target in batch.targets.values()]).any(0)]


def standard_rows(head: FusionHead, batch: EmbeddingBatch) -> StandardRows:
    """The batch's rows as the head's `fuse` takes them: one copy of them, whatever standardising takes on the way."""
    present = {name: batch.present[name] for name in head.dims}
    standard = {name: torch.empty_like(batch.embeddings[name]) for name in head.dims}
    for start in range(0, len(batch), ROWS_AT_ONCE):
        part = slice(start, start + ROWS_AT_ONCE)
        rows = {name: batch.embeddings[name][part] for name in head.dims}
        for name, own in head.standardise(rows, {name: mask[part] for name, mask in present.items()}).items():
            standard[name][part] = own
    return StandardRows(standard, present, batch.targets)


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
    kept = mask & ((draws >= chance) | highest(draws, mask))
    return dict(zip(present, kept.unbind(1), strict=True))


def highest(draws: Tensor, mask: Tensor) -> Tensor:
    """(B, M) bool: the input with the highest draw among the present."""
    return nn.functional.one_hot(draws.masked_fill(~mask, -1).argmax(1), mask.shape[1]).bool()
