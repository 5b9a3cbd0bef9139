"""As sure as right: a temperature for each task and each subset of the inputs.

In: logits of validation rows. Out: a `Calibration`, which turns logits into probabilities.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from scipy.optimize import minimize_scalar
from torch import Tensor

from retail.certainty.judged import JudgedRows
from retail.fusion import FusionHead
from retail.schema import Subset
from retail.store import EmbeddingBatch

# Outside this range a temperature says that validation rows are too few, not that the head is off.
TEMPERATURE_RANGE = (0.25, 10.0)
STEP = 0.05  # of log T, to measure how sharp the minimum is


@dataclass(frozen=True)
class Calibration:
    """Temperatures (Guo et al. 2017, arXiv:1706.04599); 1 for what nobody fitted.

    A subset's own log-temperature is shrunk towards the task's pooled one by as much as its validation rows leave it
    uncertain, against how far the subsets of that task differ at all (empirical Bayes; DerSimonian and Laird 1986).
    """

    pooled: Mapping[str, float] = field(default_factory=dict)  # task -> T
    temperatures: Mapping[Subset, Mapping[str, float]] = field(default_factory=dict)  # subset -> task -> T

    @classmethod
    def fit(cls, head: FusionHead, rows: Mapping[Subset, JudgedRows]) -> Calibration:
        """From validation rows with the other inputs hidden; what has no usable row takes the pooled temperature."""
        pooled, own = {}, {subset: dict[str, float]() for subset in rows}
        for task in head.tasks:
            fits = {subset: _log_temperature(*judged.labelled(task)[:2]) for subset, judged in rows.items()}
            centre, values = _shrunk({subset: fit for subset, fit in fits.items() if fit is not None})
            pooled[task] = math.exp(centre)
            for subset in rows:
                own[subset][task] = math.exp(values.get(subset, centre))
        return cls(pooled, own)

    def temperature(self, task: str, subset: Subset) -> float:
        """Of answers to these inputs."""
        return self.temperatures.get(subset, self.pooled).get(task, 1.0)

    def probs(self, task: str, subset: Subset, logits: Tensor) -> Tensor:
        """(N, C_t) -> (N, C_t)"""
        return (logits / self.temperature(task, subset)).softmax(-1)

    def all_probs(self, logits: Mapping[str, Tensor], batch: EmbeddingBatch) -> dict[str, Tensor]:
        """The same for every task, each row by the inputs that it has."""
        found = {task: torch.zeros_like(own) for task, own in logits.items()}
        inputs = tuple(self.inputs or batch.present)
        for subset, places in batch.by_inputs(inputs):
            for task, own in logits.items():
                found[task][places] = self.probs(task, subset, own[places])
        return found

    @property
    def inputs(self) -> Subset:
        """All the inputs that there are temperatures for."""
        return max(self.temperatures, key=len, default=())


def _log_temperature(logits: Tensor, target: Tensor) -> tuple[float, float] | None:
    """Log T with the least loss and its variance; None without a row that can tell.

    Rows of a class that can never be answered (no training row had it) are left out: they would drive the temperature
    to its bound.
    """
    low, high = math.log(TEMPERATURE_RANGE[0]), math.log(TEMPERATURE_RANGE[1])
    inside = target < logits.shape[1]
    logits, target = logits[inside].double(), target[inside]
    hottest = (logits / TEMPERATURE_RANGE[1]).softmax(-1)
    possible = hottest.gather(-1, target[:, None])[:, 0] > 0
    logits, target = logits[possible], target[possible]
    if not len(target):
        return None
    right = logits.gather(-1, target[:, None])[:, 0]

    def loss(log_t: float) -> float:
        scale = math.exp(-log_t)
        return float((torch.logsumexp(logits * scale, -1) - right * scale).sum())

    best = float(minimize_scalar(loss, bounds=(low, high), method="bounded", options={"xatol": 1e-4}).x)
    around = min(max(best, low + STEP), high - STEP)
    sharpness = (loss(around - STEP) - 2 * loss(around) + loss(around + STEP)) / STEP**2
    return best, 1 / max(sharpness, 1e-6)


def _shrunk(fits: Mapping[Subset, tuple[float, float]]) -> tuple[float, dict[Subset, float]]:
    """The pooled log T, and each subset's moved towards it."""
    if not fits:
        return 0.0, {}
    values, variances = np.array(list(fits.values())).T
    weights = 1 / variances
    centre = float((weights * values).sum() / weights.sum())
    excess = float((weights * (values - centre) ** 2).sum()) - (len(values) - 1)
    between = max(0.0, excess / max(weights.sum() - (weights**2).sum() / weights.sum(), 1e-12))
    kept = between / (between + variances) if between else np.zeros(len(values))
    moved = centre + kept * (values - centre)
    return centre, dict(zip(fits, moved.tolist(), strict=True))
