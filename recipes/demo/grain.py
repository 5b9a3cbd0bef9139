"""Takes the grain of few render samples out of a photo: non-local means (Buades, Coll, Morel 2005) in numpy.

In: a picture as Blender wrote it. Out: the same picture, each pixel a mean of pixels whose surroundings look alike.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

REACH, STRENGTH = 3, 16.0
JPEG_QUALITY = 86


def smooth_file(source: Path, target: Path) -> None:
    """Reads a raw photo and writes the finished JPEG."""
    picture = np.asarray(Image.open(source).convert("RGB"), dtype=np.float32)
    Image.fromarray(smooth(picture)).save(target, quality=JPEG_QUALITY, optimize=True)


def smooth(picture: np.ndarray) -> np.ndarray:
    """(H, W, 3) float to (H, W, 3) uint8."""
    padded = np.pad(picture, ((REACH, REACH), (REACH, REACH), (0, 0)), mode="reflect")
    height, width = picture.shape[:2]
    total, weights = np.zeros_like(picture), np.zeros((height, width, 1), np.float32)
    for down in range(2 * REACH + 1):
        for right in range(2 * REACH + 1):
            moved = padded[down : down + height, right : right + width]
            distance = _patch_mean(((moved - picture) ** 2).mean(axis=2))
            weight = np.exp(-distance / STRENGTH**2)[..., None]
            total += weight * moved
            weights += weight
    return np.clip(total / weights + 0.5, 0, 255).astype(np.uint8)


def _patch_mean(plane: np.ndarray) -> np.ndarray:
    """Mean over 3 x 3 neighbours."""
    edged = np.pad(plane, 1, mode="edge")
    rows = edged[:-2] + edged[1:-1] + edged[2:]
    return (rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:]) / 9
