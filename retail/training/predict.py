"""What a trained head answers, before any calibration.

In: a head and an `EmbeddingBatch`. Out: logits or probabilities per task.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from retail.fusion import FusionHead

if TYPE_CHECKING:
    from retail.store import EmbeddingBatch

# Rows per pass at prediction: large enough to be quick, small enough for any memory.
PREDICT_ROWS = 1024


def predict_probs(head: FusionHead, batch: EmbeddingBatch) -> dict[str, Tensor]:
    """{task: (N, C_t)} probabilities as the head gives them; `retail.certainty` makes them honest."""
    return {task: logits.softmax(-1) for task, logits in predict_logits(head, batch).items()}


@torch.inference_mode()
def predict_logits(head: FusionHead, batch: EmbeddingBatch) -> dict[str, Tensor]:
    """{task: (N, C_t)}"""
    head.eval()
    parts = []
    for start in range(0, max(len(batch), 1), PREDICT_ROWS):
        rows = slice(start, start + PREDICT_ROWS)
        embeddings = {modality: batch.embeddings[modality][rows] for modality in head.dims}
        parts.append(head(embeddings, {modality: batch.present[modality][rows] for modality in head.dims}))
    return {task: torch.cat([part[task] for part in parts]) for task in head.tasks}
