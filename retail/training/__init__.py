"""Trains a fusion head on embeddings: multi-task loss, hidden inputs, early stopping.

In: `EmbeddingBatch`es for training and validation, and a `TrainConfig`. Out: a `FitResult`. `fitting` reads top to
bottom; the loss of tasks is in `loss`, of a step in `step`, what a trained head answers in `predict`.
"""

from __future__ import annotations

from retail.training.fitting import FitResult, fit
from retail.training.loss import WEIGHTED, MultiTaskLoss, class_weights, known_targets, task_weights
from retail.training.predict import predict_logits, predict_probs
from retail.training.rows import drop_modalities, labelled_rows, row_order, rows_with_any

__all__ = [
    "WEIGHTED",
    "FitResult",
    "MultiTaskLoss",
    "class_weights",
    "drop_modalities",
    "fit",
    "known_targets",
    "labelled_rows",
    "predict_logits",
    "predict_probs",
    "row_order",
    "rows_with_any",
    "task_weights",
]
