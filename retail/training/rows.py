"""Which rows, and which inputs of them, a training step sees.

In: targets and present masks. Out: places of rows, and masks with inputs hidden.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from retail.fusion import FusionHead

if TYPE_CHECKING:
    from retail.store import EmbeddingBatch


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


def standard_rows(head: FusionHead, batch: EmbeddingBatch) -> StandardRows:
    """The batch's rows as the head's `fuse` takes them."""
    present = {name: batch.present[name] for name in head.dims}
    return StandardRows(head.standardise(batch.embeddings, present), present, batch.targets)


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
