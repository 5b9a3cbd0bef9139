"""Validation rows as each subset of the inputs sees them: what everything in this room is fitted on.

In: a head and an `EmbeddingBatch`. Out: logits, targets and groups for each subset.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from retail.fusion import FusionHead
from retail.schema import SUBSETS, Subset
from retail.store import EmbeddingBatch
from retail.training import predict_logits


@dataclass(frozen=True, eq=False)
class JudgedRows:
    """The rows that have every input of a subset, answered from these alone."""

    logits: Mapping[str, Tensor]  # task -> (N, C_t)
    targets: Mapping[str, Tensor]  # task -> (N,) long; -1 is no label, C_t or more a class that training never saw
    groups: np.ndarray | None  # (N,) of str

    def labelled(self, task: str) -> tuple[Tensor, Tensor, np.ndarray | None]:
        """Logits, targets and groups of the rows with a label."""
        known = self.targets[task] >= 0
        groups = None if self.groups is None else self.groups[known.numpy()]
        return self.logits[task][known], self.targets[task][known], groups


def judged_rows(head: FusionHead, batch: EmbeddingBatch, groups: np.ndarray | None = None) -> dict[Subset, JudgedRows]:
    """For each non-empty subset of the head's inputs."""
    found = {}
    for subset in (subset for subset in SUBSETS if set(subset) <= set(head.dims)):
        whole = batch.having(subset)
        rows = batch.only(subset).rows(whole)
        own_groups = None if groups is None else groups[whole.numpy()]
        found[subset] = JudgedRows(
            predict_logits(head, rows), {task: rows.targets[task] for task in head.tasks}, own_groups
        )
    return found
