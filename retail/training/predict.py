"""What a trained head answers: probabilities, and the temperature that makes them honest.

In: a head and an `EmbeddingBatch`. Out: probabilities per task, one temperature per task.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from retail.fusion import FusionHead
from retail.training.loss import known_targets

if TYPE_CHECKING:
    from retail.store import EmbeddingBatch

# Rows per pass at prediction: large enough to be quick, small enough for any memory.
PREDICT_ROWS = 1024
# Outside this range a temperature says that validation rows are too few, not that the head is off.
TEMPERATURE_RANGE = (0.25, 10.0)


def predict_probs(
    head: FusionHead, batch: EmbeddingBatch, temperatures: Mapping[str, float] | None = None
) -> dict[str, Tensor]:
    """{task: (N, C_t)} probabilities, each task's logits divided by its temperature."""
    logits = _predict_logits(head, batch)
    return {task: (value / (temperatures or {}).get(task, 1.0)).softmax(-1) for task, value in logits.items()}


def fit_temperatures(head: FusionHead, val: EmbeddingBatch) -> dict[str, float]:
    """Per task the temperature with the least validation loss, by a search in log T.

    Guo et al., On Calibration of Modern Neural Networks, 2017, https://arxiv.org/abs/1706.04599.
    Rows of a class that can never be answered (no training row had it) are left out: they would
    drive the temperature to its bound. A task without other validation labels keeps 1.
    """
    low, high = torch.tensor(TEMPERATURE_RANGE).log().tolist()
    grid = torch.linspace(low, high, 181).exp()
    temperatures = {}
    for task, logits in _predict_logits(head, val).items():
        hottest = (logits / TEMPERATURE_RANGE[1]).softmax(-1)
        target = known_targets(val.targets[task], logits.shape[1])
        possible = hottest.gather(-1, target.clamp_min(0)[:, None])[:, 0] > 0
        known = (target >= 0) & _any_present(head, val) & possible
        if not known.any():
            temperatures[task] = 1.0
            continue
        scaled = logits[known] / grid[:, None, None]  # (T, N, C_t)
        losses = -scaled.log_softmax(-1).gather(-1, target[known].expand(len(grid), -1)[..., None]).mean((1, 2))
        temperatures[task] = float(grid[losses.argmin()])
    return temperatures


def _any_present(head: FusionHead, batch: EmbeddingBatch) -> Tensor:
    return torch.stack([batch.present[modality] for modality in head.dims]).any(0)


@torch.inference_mode()
def _predict_logits(head: FusionHead, batch: EmbeddingBatch) -> dict[str, Tensor]:
    head.eval()
    parts = []
    for start in range(0, max(len(batch), 1), PREDICT_ROWS):
        rows = slice(start, start + PREDICT_ROWS)
        embeddings = {modality: batch.embeddings[modality][rows] for modality in head.dims}
        parts.append(head(embeddings, {modality: batch.present[modality][rows] for modality in head.dims}))
    return {task: torch.cat([part[task] for part in parts]) for task in head.tasks}
