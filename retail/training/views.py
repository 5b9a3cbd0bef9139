"""Several views of the same rows in one pass: with inputs hidden at random, and each input alone.

In: a head and `StandardRows`. Out: the loss of a step. Trunks run once, whatever the number of views.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from retail.fusion import FusionHead
from retail.fusion.layers import trunks_applied
from retail.training.rows import StandardRows, highest

Mask = Mapping[str, Tensor]


@dataclass(frozen=True)
class Views:
    """What a head answers to several views, and the features that its trunks gave on the way."""

    logits: list[dict[str, Tensor]]  # view by view {task: (B, C_t)}
    features: dict[str, Tensor]  # {modality: (B, W)}, {} for a strategy without trunks


def answer_views(head: FusionHead, rows: StandardRows, views: Sequence[Mask]) -> Views:
    """The head's answers to the rows, for each mask of what is shown."""
    trunks = head.modality_trunks()
    features = {modality: trunk(rows.embeddings[modality]) for modality, trunk in trunks.items()}
    present = {name: torch.cat([view[name] for view in views]) for name in rows.present}  # (V * B,)
    seen = {
        name: torch.where(present[name][:, None], own.repeat(len(views), 1), 0.0)
        for name, own in (rows.embeddings | features).items()
    }
    with trunks_applied(trunks.values()):
        logits = head.fuse(seen, present)
    parts = {task: value.chunk(len(views)) for task, value in logits.items()}
    return Views([{task: part[place] for task, part in parts.items()} for place in range(len(views))], features)


def one_input(present: Mask, generator: torch.Generator) -> dict[str, Tensor]:
    """Shows of each product one of its present inputs, each as likely."""
    mask = torch.stack(list(present.values()), dim=1)  # (B, M)
    kept = mask & highest(torch.rand(mask.shape, generator=generator), mask)
    return dict(zip(present, kept.unbind(1), strict=True))


def alone(present: Mask) -> dict[str, dict[str, Tensor]]:
    """Per modality the mask that shows it and nothing else."""
    return {
        modality: {other: mask if other == modality else torch.zeros_like(mask) for other, mask in present.items()}
        for modality in present
    }


def known_where(targets: Mapping[str, Tensor], mask: Tensor) -> dict[str, Tensor]:
    """The targets, -1 where the mask is off."""
    return {task: torch.where(mask, target, -1) for task, target in targets.items()}
