"""As sure as right: for each task and each subset of the inputs a temperature and a curve of the likeliest class.

In: logits of validation rows. Out: a `Calibration`, which turns logits into probabilities.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor

from retail.certainty.judged import JudgedRows
from retail.fusion import FusionHead
from retail.schema import Subset
from retail.store import EmbeddingBatch

Curve = tuple[float, float, float]

# Outside this range a temperature says that validation rows are too few, not that the head is off.
TEMPERATURE_RANGE = (0.25, 10.0)
# Standard deviations of log T and of its slope before any row is seen: so wide that twenty rows outweigh them.
PRIOR = (1.0, 2.0)
# The fits of a task's subsets err together, because the same rows with the same labels are in all of them; this share
# of an error does not show as a difference between subsets. Validation folds: 0 to 0.9 differ by 0.2 points of ECE.
SHARED = 0.5
# Weight of half the squared distance of a curve from one that changes nothing, in rows.
CURVE_PRIOR = 20.0
STRAIGHT = (1.0, 1.0, 0.0)  # the curve that changes nothing
EDGE = 1e-5  # no curve tells 0.00001 from 0, nor 0.99999 from 1
FIT_ROWS = 2000  # more rows tell two numbers no better
CHUNK = 1_000_000  # logits at a time
NEWTON_STEPS, EM_STEPS = 30, 60


@dataclass(frozen=True)
class Calibration:
    """log T = log `temperature` + `slope` (H - 1/2), H the entropy of the row's softmax over that of a uniform guess.

    One temperature (Guo et al. 2017, arXiv:1706.04599) cannot correct a head that is too careful where it is sure and
    too sure where it guesses; one that follows the entropy can, and never changes which class is likeliest (Balanya,
    Maroñas and Ramos 2022, arXiv:2208.00461). Both numbers of a subset are shrunk towards the mean over the task's
    subsets, by as much as its validation rows leave them uncertain against how far subsets differ at all (empirical
    Bayes). What nobody fitted has temperature 1 and slope 0.

    Neither can tell a coin toss between two look-alikes from an answer that is right. So the probability p of the
    likeliest class then follows a curve, log(p / (1 - p)) = a log p - b log(1 - p) + c (beta calibration: Kull, Silva
    Filho and Flach 2017), with a prior on changing nothing; the others share the rest as before. A class that is
    likeliest stays so.
    """

    pooled: Mapping[str, float] = field(default_factory=dict)  # task -> T
    temperatures: Mapping[Subset, Mapping[str, float]] = field(default_factory=dict)  # subset -> task -> T
    slopes: Mapping[Subset, Mapping[str, float]] = field(default_factory=dict)  # subset -> task -> slope
    curves: Mapping[Subset, Mapping[str, Curve]] = field(default_factory=dict)  # subset -> task -> (a, b, c)

    @classmethod
    def fit(cls, head: FusionHead, rows: Mapping[Subset, JudgedRows]) -> Calibration:
        """From validation rows with the other inputs hidden; what has no usable row takes the task's mean."""
        pooled: dict[str, float] = {}
        temperatures = {subset: dict[str, float]() for subset in rows}
        slopes = {subset: dict[str, float]() for subset in rows}
        for task in head.tasks:
            fits = {subset: _fitted(*judged.labelled(task)[:2]) for subset, judged in rows.items()}
            mean, own = _shrunk({subset: fit for subset, fit in fits.items() if fit is not None})
            pooled[task] = _inside(mean[0])
            for subset in rows:
                log_t, slope = own.get(subset, mean)
                temperatures[subset][task], slopes[subset][task] = _inside(log_t), float(slope)
        softened = cls(pooled, temperatures, slopes)
        curves = {
            subset: {task: _curve(softened, task, subset, judged) for task in head.tasks}
            for subset, judged in rows.items()
        }
        return replace(softened, curves=curves)

    def temperature(self, task: str, subset: Subset) -> float:
        """Of half-decided answers to these inputs."""
        return self.temperatures.get(subset, self.pooled).get(task, 1.0)

    def slope(self, task: str, subset: Subset) -> float:
        """How much log T rises from a decided answer to a uniform guess."""
        return self.slopes.get(subset, {}).get(task, 0.0)

    def curve(self, task: str, subset: Subset) -> Curve:
        """What the likeliest class's probability follows."""
        return self.curves.get(subset, {}).get(task, STRAIGHT)

    def probs(self, task: str, subset: Subset, logits: Tensor) -> Tensor:
        """(N, C_t) -> (N, C_t)"""
        log_t = math.log(self.temperature(task, subset)) + self.slope(task, subset) * (_entropy(logits) - 0.5)
        probs = (logits.double() / log_t.exp().clamp(*TEMPERATURE_RANGE)[:, None]).softmax(-1)
        curve = self.curve(task, subset)
        return (probs if curve == STRAIGHT else _with_top(probs, curve)).to(logits.dtype)

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


def _curve(softened: Calibration, task: str, subset: Subset, judged: JudgedRows) -> Curve:
    """The curve with the least loss of whether the likeliest class is right, on rows of classes that it knows."""
    from scipy.optimize import minimize
    from scipy.special import expit

    logits, target, _ = judged.labelled(task)
    inside = target < logits.shape[1]
    if not inside.any() or logits.shape[1] < 2:
        return STRAIGHT
    best = softened.probs(task, subset, logits[inside]).max(-1)
    known, right = _curve_features(best.values.double()).numpy(), (best.indices == target[inside]).numpy()

    def loss(curve: np.ndarray) -> tuple[float, np.ndarray]:
        z, off = known @ curve, curve - STRAIGHT
        value = np.logaddexp(0, z).sum() - z[right].sum() + CURVE_PRIOR / 2 * (off**2).sum()
        return value, known.T @ (expit(z) - right) + CURVE_PRIOR * off

    found = minimize(loss, np.array(STRAIGHT), jac=True, bounds=[(0, None), (0, None), (None, None)]).x
    return float(found[0]), float(found[1]), float(found[2])


def _curve_features(top: Tensor) -> Tensor:
    """(N,) -> (N, 3)"""
    top = top.clamp(EDGE, 1 - EDGE)
    return torch.stack([top.log(), -torch.log1p(-top), torch.ones_like(top)], dim=1)


def _with_top(probs: Tensor, curve: Curve) -> Tensor:
    """(N, C) with the likeliest class on its curve, as long as it stays the likeliest; the others in proportion."""
    best = probs.max(-1, keepdim=True)
    others = probs.scatter(-1, best.indices, 0.0)
    rest = others.sum(-1, keepdim=True)
    second = others.max(-1, keepdim=True).values
    top = (_curve_features(best.values[:, 0]) @ probs.new_tensor(curve)).sigmoid()[:, None]
    top = torch.maximum(top, second / (second + rest).clamp_min(1e-300) + 1e-6).clamp_max(1.0)
    moved = (others * (1 - top) / rest.clamp_min(1e-300)).scatter(-1, best.indices, top)
    return torch.where(rest > 0, moved, probs)  # where there is nothing else, it is certain


def _inside(log_t: float) -> float:
    return min(max(math.exp(log_t), TEMPERATURE_RANGE[0]), TEMPERATURE_RANGE[1])


def _entropy(logits: Tensor) -> Tensor:
    """(N,) of the softmax, 0 for a decided answer to 1 for a uniform guess."""
    log_probs = logits.log_softmax(-1)
    return -(log_probs.exp() * log_probs.clamp(min=-1e4)).sum(-1) / math.log(max(logits.shape[-1], 2))


def _fitted(logits: Tensor, target: Tensor) -> tuple[np.ndarray, np.ndarray] | None:
    """(2,) log T and slope with the least loss, and their (2, 2) precision; None without a row that can tell.

    Rows of a class that can never be answered (no training row had it) are left out: they would drive the temperature
    to its bound.
    """
    usable = (target < logits.shape[1]).nonzero().flatten()
    if len(usable) > FIT_ROWS:
        usable = usable[torch.linspace(0, len(usable) - 1, FIT_ROWS).long()]
    logits, target = logits[usable], target[usable]
    hottest = (logits / TEMPERATURE_RANGE[1]).softmax(-1)
    possible = hottest.gather(-1, target[:, None])[:, 0] > 0
    logits, target = logits[possible], target[possible]
    if not len(target):
        return None
    features = torch.stack([torch.ones(len(target)), _entropy(logits) - 0.5], dim=1).double().numpy()
    prior = np.diag(1 / np.square(PRIOR))
    found = np.zeros(2)
    loss, slope, information = _loss(found, logits, target, features)
    for _ in range(NEWTON_STEPS):
        step = -np.linalg.solve(information + prior, slope + prior @ found)
        before, length = loss + found @ prior @ found / 2, 1.0
        while length > 1e-3:  # halved until it helps: far from the minimum a whole step may overshoot
            there = found + length * step
            new = _loss(there, logits, target, features)
            if new[0] + there @ prior @ there / 2 <= before:
                found, (loss, slope, information) = there, new
                break
            length /= 2
        if np.abs(length * step).max() < 1e-4:
            break
    return found, information + prior


def _loss(
    found: np.ndarray, logits: Tensor, target: Tensor, features: np.ndarray
) -> tuple[float, np.ndarray, np.ndarray]:
    """Summed negative log-likelihood with its gradient (2,) and Fisher information (2, 2)."""
    loss, slope, information = 0.0, np.zeros(2), np.zeros((2, 2))
    size = max(1, CHUNK // logits.shape[1])
    for start in range(0, len(target), size):
        x, z, y = features[start : start + size], logits[start : start + size].double(), target[start : start + size]
        scale = torch.from_numpy(np.exp(np.clip(-x @ found, -10, 10)))[:, None]
        log_probs = (z * scale).log_softmax(-1)
        probs, right = log_probs.exp(), y[:, None]
        mean = (probs * z).sum(-1, keepdim=True)
        pull = (scale * (z.gather(-1, right) - mean))[:, 0].numpy()
        weight = (scale[:, 0] ** 2 * (probs * (z - mean) ** 2).sum(-1)).numpy()
        loss -= float(log_probs.gather(-1, right).sum())
        slope += x.T @ pull
        information += (x * weight[:, None]).T @ x
    return loss, slope, information


def _shrunk(fits: Mapping[Subset, tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, dict[Subset, np.ndarray]]:
    """The mean log T and slope over the subsets of a task, and each subset's moved towards it.

    Normal random effects, by expectation and maximisation (Dempster, Laird and Rubin 1977).
    """
    if not fits:
        return np.zeros(2), {}
    values = np.stack([value for value, _ in fits.values()])  # (K, 2)
    precision = np.stack([told for _, told in fits.values()]) / (1 - SHARED)  # (K, 2, 2)
    weighted = np.einsum("kij,kj->ki", precision, values)
    mean, between = np.zeros(2), np.diag(np.square(PRIOR))
    for _ in range(EM_STEPS):
        common = np.linalg.inv(between)
        left = np.linalg.inv(precision + common)
        moved = np.einsum("kij,kj->ki", left, weighted + common @ mean)
        mean = moved.mean(0)
        between = left.mean(0) + (moved - mean).T @ (moved - mean) / len(fits) + 1e-6 * np.eye(2)
    return mean, dict(zip(fits, moved, strict=True))
