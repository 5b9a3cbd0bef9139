"""How far apart two data sets lie in embedding space: what a model trained on one must bridge to serve the other.

In: source and target embeddings (N, D) and (M, D). Out: a `Distance`: how well a classifier tells the sets apart
(Lopez-Paz and Oquab, Revisiting Classifier Two-Sample Tests, 2017) and the maximum mean discrepancy with its
permutation test (Gretton et al., A Kernel Two-Sample Test, 2012).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import pairwise_distances, roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor

from retail.schema import UserError

MAX_ROWS = 1_000  # of each set, drawn at random: enough for two digits, and the kernel stays small
FOLDS = 5
PERMUTATIONS = 500
SIGNIFICANT = 0.05
# Where the words change: below the first the sets look alike, above the second they are easy to tell apart.
ALIKE_AUC, FAR_AUC = 0.6, 0.8


@dataclass(frozen=True)
class Distance:
    """`auc`: 0.5 is alike, 1 is fully apart. `mmd`: squared, unbiased, about 0 when alike. `p_value`: of the MMD."""

    auc: float
    mmd: float
    p_value: float
    source_rows: int
    target_rows: int

    @property
    def sentence(self) -> str:
        """What the figures mean for a model that moves from source to target."""
        figures = f"AUC {self.auc:.2f}, MMD² {self.mmd:.3f}, p = {self.p_value:.3f}"
        if self.auc >= FAR_AUC:
            return f"The two sets are easy to tell apart ({figures}): expect a drop in accuracy."
        if self.auc >= ALIKE_AUC or self.p_value < SIGNIFICANT:
            return f"The two sets differ somewhat ({figures}): check the accuracy on a few target products."
        return f"The two sets look alike ({figures}): expect about the same accuracy."


def distance(source: Tensor, target: Tensor, seed: int = 0) -> Distance:
    """Compares (N, D) with (M, D) embeddings; each set needs at least two rows a fold."""
    if source.shape[1] != target.shape[1]:
        raise UserError(
            f"The two sets have embeddings of {source.shape[1]} and {target.shape[1]} numbers; embed both with the "
            "same encoder."
        )
    if min(len(source), len(target)) < 2 * FOLDS:
        raise UserError(
            f"A comparison of two sets needs at least {2 * FOLDS} products in each, but they have {len(source)} and "
            f"{len(target)}; add products."
        )
    rng = np.random.default_rng(seed)
    first, second = (_draw(rows.numpy(), rng) for rows in (source, target))
    rows = np.concatenate([first, second])
    is_target = np.repeat([0, 1], [len(first), len(second)])
    mmd, p_value = _mmd_test(rows, is_target, rng)
    return Distance(_auc(rows, is_target, seed), mmd, p_value, len(source), len(target))


def _draw(rows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return rows if len(rows) <= MAX_ROWS else rows[rng.choice(len(rows), MAX_ROWS, replace=False)]


def _auc(rows: np.ndarray, is_target: np.ndarray, seed: int) -> float:
    """Area under the ROC curve of a logistic regression, each row scored by a model that did not see it."""
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, class_weight="balanced", max_iter=200))
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    scores = cross_val_predict(model, rows, is_target, cv=folds, method="decision_function")
    return float(roc_auc_score(is_target, scores))


def _mmd_test(rows: np.ndarray, is_target: np.ndarray, rng: np.random.Generator) -> tuple[float, float]:
    """Unbiased squared MMD with a Gaussian kernel of the median distance, and its permutation p-value."""
    squared = pairwise_distances(rows, metric="sqeuclidean")
    bandwidth = float(np.median(squared[np.triu_indices(len(rows), 1)])) or 1.0
    kernel = np.exp(-squared / bandwidth)
    np.fill_diagonal(kernel, 0.0)
    observed = _mmd(kernel, is_target)
    as_far = sum(_mmd(kernel, rng.permutation(is_target)) >= observed for _ in range(PERMUTATIONS))
    return observed, (1 + as_far) / (1 + PERMUTATIONS)


def _mmd(kernel: np.ndarray, is_target: np.ndarray) -> float:
    """From a kernel matrix with an empty diagonal: mean within source + mean within target - twice the mean between."""
    target = is_target.astype(float)
    n, m = len(target) - target.sum(), target.sum()
    to_target = kernel @ target  # (N + M,)
    to_source = kernel.sum(1) - to_target
    within_source, within_target = (to_source * (1 - target)).sum(), (to_target * target).sum()
    between = (to_target * (1 - target)).sum()
    return float(within_source / (n * (n - 1)) + within_target / (m * (m - 1)) - 2 * between / (n * m))
