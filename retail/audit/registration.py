"""Whether two photos are the same picture although one was cropped, mirrored, resized, brightened or coded again.

In: two photos. Out: the correlation of the best crop of either with the whole of the other; 1 for the same picture.
"""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageOps

from retail.media import picture_of
from retail.schema import MediaSource

SIDE = 64  # pixels of a photo that is searched
COMPARED = 24  # pixels of what is compared: enough that another print or another pose shows
SIZES = (64.0, 58.0, 52.0)  # of crops tried first, down to four fifths
SMALLEST = 46
STEPS = (3.0, 1.5, 0.75)  # pixels by which the best crop is moved and resized
MOST_MOVES = 6  # for each step
PROMISING = 0.9  # a start from which the best crop may still be reached

Picture = Image.Image


def picture(source: MediaSource) -> Picture:
    """A small square copy, whatever its shape was; raises MediaError."""
    return picture_of(source).resize((SIDE, SIDE), Image.Resampling.BOX)


def registered(one: Picture, other: Picture) -> float:
    """The best correlation, either photo being the crop, as it is or mirrored."""
    best = -1.0
    for whole in (other, ImageOps.mirror(other)):
        best = max(best, _best_crop(one, whole), _best_crop(whole, one))
    return best


def _best_crop(searched: Picture, whole: Picture) -> float:
    wanted = _pixels(whole, (0, 0, SIDE))

    def fit(crop: tuple[float, float, float]) -> float:
        return float(_pixels(searched, crop) @ wanted)

    starts = [(x, y, size) for size in SIZES for x in _edges(SIDE - size) for y in _edges(SIDE - size)]
    best, crop = max((fit(start), start) for start in starts)
    if best < PROMISING:
        return best
    for step in STEPS:
        for _ in range(MOST_MOVES):
            found, moved = max((fit(near), near) for near in _moves(crop, step))
            if found <= best:
                break
            best, crop = found, moved
    return best


def _edges(room: float) -> tuple[float, ...]:
    return (0.0, room / 2, room) if room else (0.0,)


def _moves(crop: tuple[float, float, float], step: float) -> list[tuple[float, float, float]]:
    """The crop shifted and resized by one step, kept inside the photo."""
    x, y, size = crop
    tried = [(x + step, y, size), (x - step, y, size), (x, y + step, size), (x, y - step, size)]
    tried += [(x, y, size + step), (x, y, size - step), crop]
    sized = [(max(x, 0.0), max(y, 0.0), min(max(size, SMALLEST), SIDE)) for x, y, size in tried]
    return [(min(x, SIDE - size), min(y, SIDE - size), size) for x, y, size in sized]


def _pixels(photo: Picture, crop: tuple[float, float, float]) -> np.ndarray:
    """(1728,) of unit length around its mean, so that brightness does not count and colours do."""
    x, y, size = crop
    small = photo.resize((COMPARED, COMPARED), Image.Resampling.BILINEAR, box=(x, y, x + size, y + size))
    values = np.asarray(small, dtype=np.float32).reshape(-1)
    values = values - values.mean()
    return values / max(float(np.linalg.norm(values)), 1e-6)
