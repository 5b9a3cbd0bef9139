"""Made-up scores, as `evaluate` finds them, for boards of recognisers that never were."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from retail.config import TrainConfig
from retail.evaluation.leaderboard import Candidate
from retail.evaluation.reports import ScoredData, Scores, TaskPredictions, TaskScore
from retail.metrics.scores import score
from retail.schema import Modality
from retail.training.record import RowCounts, TrainingData, TrainingRecord

CHECKSUM = "these"


def record(checksum: str = CHECKSUM, name: str = "Fruit") -> dict:
    """How a recogniser of fused embeddings was made, as its bundle has it."""
    training = TrainingRecord(config=TrainConfig(), data=TrainingData(name, checksum), rows=RowCounts(10, 5))
    return training.to_dict()


def candidate(
    name: str,
    right: Mapping[str, Sequence[int]],
    groups: Sequence[str] = (),
    bundle: dict | None = None,
    inputs: tuple[Modality, ...] = ("image", "text"),
    data: ScoredData | None = None,
    imported: bool = False,
) -> Candidate:
    """Right (1) or wrong (0) on each row of each task; all are 70 % sure."""
    rows, per_row = [], {}
    n = len(next(iter(right.values())))
    data = data or ScoredData(name="Fruit", checksum=CHECKSUM, split="test", n=n)
    for task, hits in right.items():
        target = np.array([f"class {row % 3}" for row in range(len(hits))], dtype=object)
        preds = np.where(np.array(hits, dtype=bool), target, "")
        names = np.array(groups, dtype=object) if groups else None
        figures = score(target, preds, np.full(len(hits), 0.7), names)
        kind = "fusion" if len(inputs) > 1 else "single"
        rows.append(
            TaskScore(task=task, model="gated", kind=kind, modalities=inputs, seed=0, split=data.split, **figures)
        )
        ids = tuple(f"row-{row}" for row in range(len(hits)))
        per_row[task] = TaskPredictions(ids=ids, target=tuple(target), preds=tuple(preds), groups=tuple(groups))
    scores = Scores(
        bundle=record() if bundle is None else bundle,
        data=data,
        scores=tuple(rows),
        unknown_labels={},
        notes=(),
        predictions=per_row,
    )
    return Candidate(name, scores, imported)
