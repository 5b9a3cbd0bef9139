"""Ways to calibrate that were compared: what `retail.certainty` keeps, and what it was chosen over.

In: validation rows of each subset of the inputs. Out: for each way a function from a task, a subset and (N, C) logits
to (N, C) probabilities. Only vector scaling may change which class is likeliest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import torch
from scipy.optimize import minimize, minimize_scalar
from scipy.special import log_softmax, softmax
from sklearn.isotonic import IsotonicRegression

from retail.certainty.calibration import Calibration, _fitted
from retail.certainty.judged import JudgedRows
from retail.fusion import FusionHead
from retail.schema import Subset

Calibrator = Callable[[str, Subset, np.ndarray], np.ndarray]
Map = Callable[[np.ndarray], np.ndarray]


def calibrators(head: FusionHead, rows: Mapping[Subset, JudgedRows]) -> dict[str, Calibrator]:
    """By name, fitted on these rows."""
    kept = Calibration.fit(head, rows)
    softened = replace(kept, curves={})

    def softened_probs(task: str, subset: Subset, logits: np.ndarray) -> np.ndarray:
        return softened.probs(task, subset, torch.from_numpy(logits)).numpy().astype(float)

    whole = max(rows, key=len)
    plain: dict[tuple[str, Subset], float] = {}
    maps: dict[str, dict[tuple[str, Subset], Map]] = {}
    for task in head.tasks:
        for subset, judged in rows.items():
            logits, target = _usable(*(tensor.numpy() for tensor in judged.labelled(task)[:2]))
            plain[task, subset] = temperature(logits, target)
            probs = softened_probs(task, subset, logits)
            sure, right = probs.max(1), probs.argmax(1) == target
            for name, made in {
                "own vector scaling": vector(logits, target),
                "the same + uniform part": uniform_part(probs, target),
                "the same + isotonic of the top": isotonic(sure, right),
            }.items():
                maps.setdefault(name, {})[task, subset] = made
    shrunk = _shrunk_plain(head, rows)
    own = {subset: replace(Calibration.fit(head, {subset: judged}), curves={}) for subset, judged in rows.items()}
    found: dict[str, Calibrator] = {
        "not calibrated": lambda task, subset, logits: softmax(logits, 1),
        "temperature of all inputs": lambda task, subset, logits: softmax(logits / plain[task, whole], 1),
        "own temperature": lambda task, subset, logits: softmax(logits / plain[task, subset], 1),
        "shrunk temperature": lambda task, subset, logits: softmax(logits / shrunk[task, subset], 1),
        "own temperature by entropy": lambda task, subset, logits: (
            own[subset].probs(task, subset, torch.from_numpy(logits)).numpy().astype(float)
        ),
        "shrunk temperature by entropy": softened_probs,
        "the same + beta of the top (kept)": lambda task, subset, logits: (
            kept.probs(task, subset, torch.from_numpy(logits)).numpy().astype(float)
        ),
    }
    for name, made in maps.items():
        before = (lambda task, subset, logits: logits) if name == "own vector scaling" else softened_probs
        found[name] = lambda task, subset, logits, made=made, before=before: made[task, subset](
            before(task, subset, logits)
        )
    return found


def temperature(logits: np.ndarray, target: np.ndarray) -> float:
    """With the least loss (Guo et al. 2017)."""
    rows = np.arange(len(target))

    def loss(log_t: float) -> float:
        return -float(log_softmax(logits * np.exp(-log_t), 1)[rows, target].sum())

    return float(np.exp(minimize_scalar(loss, bounds=(np.log(0.25), np.log(10)), method="bounded").x))


def _shrunk_plain(head: FusionHead, rows: Mapping[Subset, JudgedRows]) -> dict[tuple[str, Subset], float]:
    """One temperature a subset, shrunk to the task's pooled one (DerSimonian and Laird 1986)."""
    found = {}
    for task in head.tasks:
        fits = {subset: _fitted(*judged.labelled(task)[:2]) for subset, judged in rows.items()}
        known = {
            subset: (
                np.log(temperature(*_usable(*(tensor.numpy() for tensor in rows[subset].labelled(task)[:2])))),
                fit,
            )
            for subset, fit in fits.items()
            if fit is not None
        }
        values = np.array([value for value, _ in known.values()])
        variances = np.array([1 / fit[1][0, 0] for _, fit in known.values()])
        weights = 1 / variances
        centre = (weights * values).sum() / weights.sum()
        excess = (weights * (values - centre) ** 2).sum() - (len(values) - 1)
        between = max(0.0, excess / (weights.sum() - (weights**2).sum() / weights.sum()))
        moved = centre + between / (between + variances) * (values - centre)
        found.update({(task, subset): float(np.exp(value)) for subset, value in zip(known, moved, strict=True)})
    return found


def vector(logits: np.ndarray, target: np.ndarray, weight: float = 20.0) -> Map:
    """A scale and an offset for each class with a squared prior (Kull et al. 2019, diagonal)."""
    classes, rows = logits.shape[1], np.arange(len(target))
    truth = np.eye(classes)[target]

    def loss(x: np.ndarray) -> tuple[float, np.ndarray]:
        scale, offset, off = np.exp(x[:classes]), x[classes:], x[:classes] - x[:classes].mean()
        logs = log_softmax(logits * scale + offset, 1)
        pull = np.exp(logs) - truth
        value = -logs[rows, target].sum() + weight / 2 * ((off**2).sum() + (offset**2).sum())
        return value, np.concatenate([(pull * logits).sum(0) * scale + weight * off, pull.sum(0) + weight * offset])

    x = minimize(loss, np.zeros(2 * classes), jac=True, method="L-BFGS-B", options={"maxiter": 100}).x
    return lambda other: softmax(other * np.exp(x[:classes]) + x[classes:], 1)


def uniform_part(probs: np.ndarray, target: np.ndarray) -> Map:
    """p = (1 - e) q + e / C."""
    classes, right = probs.shape[1], probs[np.arange(len(target)), target]
    parts = np.array([0, 0.005, 0.01, 0.02, 0.03, 0.05, 0.08, 0.12, 0.2])
    losses = [-np.log((1 - part) * right + part / classes + 1e-12).sum() for part in parts]
    best = parts[int(np.argmin(losses))]
    return lambda other: (1 - best) * other + best / classes


def isotonic(sure: np.ndarray, right: np.ndarray) -> Map:
    """Isotonic regression of the likeliest class (Zadrozny and Elkan 2002), a fifth of it as it was."""
    fitted = IsotonicRegression(y_min=0.01, y_max=0.995, out_of_bounds="clip").fit(sure, right)
    return lambda probs: with_top(probs, 0.8 * fitted.predict(probs.max(1)) + 0.2 * probs.max(1))


def with_top(probs: np.ndarray, top: np.ndarray) -> np.ndarray:
    """(N, C) with this probability of the likeliest class, if it stays the likeliest; the others in proportion."""
    rows, best = np.arange(len(probs)), probs.argmax(1)
    rest = np.maximum(1 - probs[rows, best], 1e-12)
    second = np.partition(probs, -2, axis=1)[:, -2]
    top = np.maximum(top, second / (second + rest) + 1e-9)
    found = probs * ((1 - top) / rest)[:, None]
    found[rows, best] = top
    return found


def _usable(logits: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Without rows of a class that can never be answered."""
    known = target < logits.shape[1]
    known[known] = softmax(logits[known] / 10, 1)[np.arange(known.sum()), target[known]] > 0
    return logits[known].astype(float), target[known]
