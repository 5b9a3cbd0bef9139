"""Embeddings of many products drawn on a plane, so that look-alikes lie together.

In: (N, D) embeddings. Out: (N, 2) places. PCA always; UMAP (McInnes et al. 2018) where its package is installed.
"""

from __future__ import annotations

import importlib.util

import numpy as np

from retail.schema import UserError

# A browser takes about two seconds to draw 10,000 points; 2,000 stay smooth while a box is drawn.
MOST_POINTS = 2_000
UMAP_HINT = "UMAP is available as well: `pip install umap-learn`, then restart the dashboard."


def methods() -> list[str]:
    """What is installed here."""
    return ["PCA", "UMAP"] if importlib.util.find_spec("umap") else ["PCA"]


def some_rows(count: int, most: int = MOST_POINTS) -> np.ndarray:
    """Sorted places of at most `most` of `count` rows, the same ones every time."""
    if count <= most:
        return np.arange(count)
    return np.sort(np.random.default_rng(0).permutation(count)[:most])


def on_plane(embeddings: np.ndarray, method: str = "PCA") -> tuple[np.ndarray, float | None]:
    """(N, 2) places of embeddings scaled to length 1, and the share of variance that the plane keeps (PCA only).

    Raises UserError for a method that is not installed.
    """
    if method not in methods():
        raise UserError(f"{method} is not installed. {UMAP_HINT}")
    lengths = np.linalg.norm(embeddings, axis=1, keepdims=True)
    scaled = embeddings / np.maximum(lengths, 1e-12)  # (N, D)
    if method == "UMAP" and len(scaled) > 3:
        import umap

        neighbours = min(15, len(scaled) - 1)
        return umap.UMAP(n_neighbors=neighbours, random_state=0, n_jobs=1).fit_transform(scaled), None
    if min(scaled.shape) < 2:
        return np.zeros((len(scaled), 2)), None
    from sklearn.decomposition import PCA

    pca = PCA(2, random_state=0)
    return pca.fit_transform(scaled), float(pca.explained_variance_ratio_.sum())
