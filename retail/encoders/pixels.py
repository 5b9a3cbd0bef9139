"""How a picture becomes a network's pixels, where that is the usual resize, crop and standardise.

In: the preprocessing that a checkpoint came with, or what was kept of it. Out: (3, H, W) float32, the numbers that
torchvision's own steps give but for rounding, in fewer passes over the pixels and without loading torchvision.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
import torch
from PIL import Image
from torch import Tensor

STEPS = ["Resize", "CenterCrop", "ToTensor", "Normalize"]


@dataclass(frozen=True)
class Pixels:
    """Sizes in pixels, height before width; one number stands for the shorter side."""

    resize: int | tuple[int, int]
    interpolation: str  # one of Pillow's
    crop: tuple[int, int]
    mean: tuple[float, ...]
    std: tuple[float, ...]

    @classmethod
    def of(cls, transform: Any) -> Self | None:
        """What torchvision's steps do; None where they are others than `STEPS`, or pad a picture."""
        steps = {type(step).__name__.removeprefix("Maybe"): step for step in getattr(transform, "transforms", ())}
        if list(steps) != STEPS:
            return None
        size, crop = steps["Resize"].size, tuple(steps["CenterCrop"].size)
        resize = size if isinstance(size, int) else tuple(size) if len(size) > 1 else size[0]
        least = (resize, resize) if isinstance(resize, int) else resize
        if least[0] < crop[0] or least[1] < crop[1]:
            return None
        norm = steps["Normalize"]
        mean, std = (tuple(torch.as_tensor(values).tolist()) for values in (norm.mean, norm.std))
        return cls(resize, steps["Resize"].interpolation.value, crop, mean, std)

    @classmethod
    def kept(cls, facts: dict[str, Any]) -> Self:
        """As `facts` gave it, from JSON."""
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in facts.items()
        }
        return cls(**values)

    @property
    def facts(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)

    def __call__(self, picture: Image.Image) -> Tensor:
        """RGB -> (3, H, W)"""
        resized = picture.resize(self._size(*picture.size), Image.Resampling[self.interpolation.upper()])
        height, width = self.crop
        left, top = round((resized.width - width) / 2), round((resized.height - height) / 2)
        values = np.asarray(resized)[top : top + height, left : left + width].transpose(2, 0, 1)  # (3, H, W) bytes
        pixels = np.empty(values.shape, np.float32)
        np.multiply(values, self._scale, out=pixels)
        return torch.from_numpy(np.add(pixels, self._offset, out=pixels))

    @cached_property
    def _scale(self) -> np.ndarray:
        """(3, 1, 1) that a byte is multiplied by"""
        return (1 / (255 * np.array(self.std)))[:, None, None].astype(np.float32)

    @cached_property
    def _offset(self) -> np.ndarray:
        """(3, 1, 1) that is added then"""
        return (-np.array(self.mean) / np.array(self.std))[:, None, None].astype(np.float32)

    def _size(self, width: int, height: int) -> tuple[int, int]:
        """(width, height) to resize to"""
        if not isinstance(self.resize, int):
            return self.resize[1], self.resize[0]
        if width <= height:
            return self.resize, int(self.resize * height / width)
        return int(self.resize * width / height), self.resize
