"""Cross-validation folds within the training rows that keep look-alikes together.

In: embedded training rows. Out: pairs of row places (to fit on, to score). Photos of one visit to a shop are
near-copies: folds that part them promise an accuracy that new photos do not reach.
"""

from __future__ import annotations

import numpy as np
from sklearn.cluster import AgglomerativeClustering
from sklearn.model_selection import StratifiedGroupKFold
from torch import Tensor

from retail.config import GROUP_SIMILARITY
from retail.frozen.rows import FrozenRows
from retail.schema import UserError

FOLDS = 5

Folds = list[tuple[np.ndarray, np.ndarray]]


def look_alikes(train: FrozenRows, similarity: float = GROUP_SIMILARITY) -> np.ndarray:
    """(N,) group numbers: rows of one declared group, and rows with equal labels whose embeddings are alike.

    Average-linkage clusters of the cosine between standardised embeddings; a row with a declared group keeps that.
    `similarity` 1 groups nothing.
    """
    rows, declared = train.embeddings.numpy(), train.declared_groups
    labels = list(zip(*train.labels.values(), strict=True))
    standard = (rows - rows.mean(0)) / rows.std(0).clip(1e-4)
    standard /= np.linalg.norm(standard, axis=1, keepdims=True).clip(1e-12)
    groups = np.full(len(rows), -1)
    for number, name in enumerate(sorted({name for name in declared if name})):
        groups[[place for place, own in enumerate(declared) if own == name]] = number
    places_of: dict[object, list[int]] = {}
    for place in np.flatnonzero(groups < 0).tolist():
        places_of.setdefault(labels[place], []).append(place)
    for places in places_of.values():
        groups[places] = groups.max() + 1 + _clusters(standard[places], similarity)
    return groups


def _clusters(standard: np.ndarray, similarity: float) -> np.ndarray:
    if len(standard) < 2 or similarity >= 1:
        return np.arange(len(standard))
    distances = np.clip(1 - standard @ standard.T, 0, 2)
    np.fill_diagonal(distances, 0)
    clustering = AgglomerativeClustering(
        None, metric="precomputed", linkage="average", distance_threshold=1 - similarity
    )
    return clustering.fit_predict(distances)


def grouped_folds(target: Tensor, groups: np.ndarray, seed: int = 0, folds: int = FOLDS) -> Folds:
    """Folds with about the same share of each class of `target` (N,), -1 counting as a class; no group is parted."""
    classes = target.numpy()
    folds = min(folds, len(np.unique(groups)), int(np.bincount(classes + 1).max(initial=0)))
    if folds < 2:
        raise UserError(
            f"Cross-validation needs at least two groups of training rows, but the {len(classes)} rows form "
            f"{len(np.unique(groups))}; add products, or raise --group-similarity."
        )
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    return list(splitter.split(np.zeros((len(classes), 1)), classes, groups))
