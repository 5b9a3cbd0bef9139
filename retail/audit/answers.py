"""What models answer about rows that they never saw, from all inputs of a row together.

In: `Audited` with embeddings, and the labels of one task. Out: features, and probabilities for each row and class.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import softmax
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from retail.audit.finding import Audited
from retail.schema import MODALITIES

FOLDS = 5
COMPONENTS = 64  # of each input
SHRINKAGE = 0.1
NEIGHBOURS = 10  # rows that are asked about a row
BLOCK = 1024  # rows compared at a time
SHARPEST, FLATTEST = 0.3, 20.0  # temperatures that are tried


def features_of(data: Audited) -> tuple[np.ndarray, np.ndarray]:
    """(N, F) the leading components of every input side by side, zeros where it is missing; (N,) has any input."""
    columns, any_present = [np.zeros((len(data.products), 0))], np.zeros(len(data.products), dtype=bool)
    for modality in MODALITIES:
        present = data.present.get(modality, any_present)
        if modality not in data.embeddings or present.sum() < 2:
            continue
        rows = data.embeddings[modality][present].astype(np.float64)
        standard = (rows - rows.mean(0)) / rows.std(0).clip(1e-4)
        size = min(COMPONENTS, *standard.shape)
        parts = PCA(size, svd_solver="randomized", random_state=0).fit_transform(standard)
        column = np.zeros((len(present), size))
        column[present] = parts / max(float(parts.std()), 1e-9)  # inputs of many numbers count no more than others
        columns += [column] if present.all() else [column, present[:, None].astype(float)]
        any_present = any_present | present
    return np.concatenate(columns, axis=1), any_present


def out_of_fold(features: np.ndarray, target: np.ndarray, groups: np.ndarray, n_classes: int) -> np.ndarray | None:
    """(N, C): each row answered by models that saw no row of its group; None with too few rows or classes to ask."""
    answers = answers_of(features, target, groups, n_classes)
    return mixed(answers) if answers else None


def mixed(answers: Mapping[str, np.ndarray]) -> np.ndarray:
    """(N, C) the mean: one model knows what matters, the other follows classes that look in several ways."""
    return sum(answers.values(), np.zeros(())) / len(answers)


def answers_of(features: np.ndarray, target: np.ndarray, groups: np.ndarray, n_classes: int) -> dict[str, np.ndarray]:
    """By model, (N, C) each: a linear discriminant whose temperature fits the labels, and the nearest neighbours.

    Empty with too few rows or classes to ask.
    """
    n_groups = len(set(groups))
    if n_classes < 2 or n_groups < 2 * FOLDS:
        return {}
    linear, near = np.zeros((len(target), n_classes)), np.zeros((len(target), n_classes))
    rows = unit(features)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a fold may lack a class where one group holds most of it
        splitter = (StratifiedKFold if n_groups == len(groups) else StratifiedGroupKFold)(
            FOLDS, shuffle=True, random_state=0
        )
        for inside, outside in splitter.split(features, target, groups):
            if len(set(target[inside])) < 2:
                return {}
            model = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=SHRINKAGE)
            model.fit(features[inside], target[inside])
            linear[np.ix_(outside, model.classes_)] = model.predict_proba(features[outside])
            near[outside] = _neighbours(rows[inside], target[inside], rows[outside], n_classes)
    return {"linear": _calibrated(linear, target), "neighbours": near}


def unit(rows: np.ndarray) -> np.ndarray:
    """Rows of length one; a row of zeros stays."""
    return rows / np.linalg.norm(rows, axis=1, keepdims=True).clip(1e-12)


def _neighbours(seen: np.ndarray, target: np.ndarray, asked: np.ndarray, n_classes: int) -> np.ndarray:
    """(N, C) share of each class among the nearest rows that were seen."""
    count = min(NEIGHBOURS, len(seen))
    shares = np.zeros((len(asked), n_classes))
    for start in range(0, len(asked), BLOCK):
        alike = asked[start : start + BLOCK] @ seen.T
        nearest = np.argpartition(-alike, count - 1, axis=1)[:, :count]
        for place in range(count):
            shares[np.arange(start, start + len(alike)), target[nearest[:, place]]] += 1 / count
    return shares


def _calibrated(probs: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The same with the temperature at which the labels are most probable."""
    logits = np.log(probs.clip(1e-30))

    def surprise(temperature: float) -> float:
        chosen = softmax(logits / temperature, axis=1)[np.arange(len(target)), target]
        return float(-np.log(chosen.clip(1e-9)).mean())

    best = minimize_scalar(surprise, bounds=(SHARPEST, FLATTEST), method="bounded", options={"maxiter": 25})
    return softmax(logits / best.x, axis=1)
