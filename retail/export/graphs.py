"""The head of a recogniser as an ONNX graph with a batch of any size.

In: a head, and what it knows of unknown products. Out: a file.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from retail.certainty.novelty import Novelty
from retail.certainty.spaces import side_by_side
from retail.fusion import FusionHead
from retail.inference.graphs import write_graph
from retail.schema import MODALITIES

PRESENT, UNKNOWN = "present", "unknown"


class _Head(nn.Module):
    """Embeddings in the fixed order and (B, M) which of them are there -> the tasks' logits, and how unknown it is."""

    def __init__(self, head: FusionHead, novelty: Novelty | None) -> None:
        super().__init__()
        self.head, self.novelty = copy.deepcopy(head), novelty

    def forward(self, *rows: Tensor) -> tuple[Tensor, ...]:
        present = dict(zip(self.head.dims, rows[-1].unbind(1), strict=True))
        given = dict(zip(self.head.dims, rows[:-1], strict=True))
        logits = self.head(given, present)
        if self.novelty is None:
            return tuple(logits.values())
        return *logits.values(), self._unknown(self.novelty, given, present, logits)

    @staticmethod
    def _unknown(
        novelty: Novelty, given: Mapping[str, Tensor], present: Mapping[str, Tensor], logits: Mapping[str, Tensor]
    ) -> Tensor:
        """(B,) the score of `Novelty`, by masks in place of chosen rows."""
        fused = novelty.fused
        directions = normalize(fused.mapped(side_by_side(logits)), dim=1)
        apart = 1 - (directions @ fused.unit_means.T).max(1).values
        near = torch.zeros_like(apart)
        codes = torch.zeros_like(apart, dtype=torch.long)
        for modality, space in novelty.inputs.items():
            clean = torch.where(present[modality][:, None], given[modality], 0.0)
            near = near + torch.where(present[modality], space.distances(space.similarities(clean)), 0.0)
            codes = codes + present[modality].long() * 2 ** MODALITIES.index(modality)
        return novelty.score_of(torch.stack([near, apart], 1), codes)


def write_head_graph(head: FusionHead, novelty: Novelty | None, path: Path) -> tuple[str, ...]:
    """The head's inputs (B, D_m) and present (B, M) -> logits_0, logits_1, … (B, C_t), unknown (B,); returns these."""
    probes = [torch.zeros(2, dim) for dim in head.dims.values()]
    mask = torch.ones(2, len(probes), dtype=torch.bool)
    outputs = [f"logits_{place}" for place in range(len(head.tasks))] + ([] if novelty is None else [UNKNOWN])
    write_graph(_Head(head, novelty), (*probes, mask), path, [*head.dims, PRESENT], outputs)
    return tuple(outputs)
