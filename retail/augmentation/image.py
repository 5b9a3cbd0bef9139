"""Photos: timm's random crops, RandAugment and erasing; mixup and cutmix of a batch.

In: RGB pictures or pixels (B, 3, H, W). Out: pixels.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import timm
import torch
from PIL import Image
from torch import Tensor
from torchvision.transforms.functional import to_pil_image

from retail.config import FinetuneConfig

# Pixels between 0 and 1, for the eye.
PLAIN = {"interpolation": "bicubic", "mean": (0.0, 0.0, 0.0), "std": (1.0, 1.0, 1.0)}


@contextmanager
def seeded(seed: Sequence[int]) -> Iterator[int]:
    """Seeds what timm draws from, Python's, NumPy's and PyTorch's generators, and puts them back; gives a number."""
    drawn = int(np.random.SeedSequence(seed).generate_state(1)[0])
    python, numpy = random.getstate(), np.random.get_state()
    try:
        with torch.random.fork_rng(devices=[]):
            random.seed(drawn), np.random.seed(drawn), torch.manual_seed(drawn)
            yield drawn
    finally:
        random.setstate(python), np.random.set_state(numpy)


def training_transform(data_config: Mapping[str, Any], config: FinetuneConfig) -> Any:
    """RGB picture -> (3, size, size), normalised as `data_config` says."""
    return timm.data.create_transform(
        **dict(data_config) | {"input_size": (3, config.size, config.size)},
        is_training=True,
        scale=(config.smallest_crop, 1.0),
        auto_augment=config.augment or None,
        color_jitter=0.0 if config.augment else 0.2,
        re_prob=config.erase,
        re_mode="pixel",
    )


def viewable(photo: Image.Image, config: FinetuneConfig) -> Image.Image:
    """One augmented photo as a picture; it draws from the global generators."""
    return to_pil_image(training_transform(PLAIN, config)(photo).clamp(0, 1))


def blend(pixels: Tensor, other: Tensor) -> tuple[Tensor, float]:
    """Mixup (Zhang et al. 2018) or cutmix (Yun et al. 2019), as a coin falls -> pixels, share of the first."""
    share = float(torch.distributions.Beta(0.4, 0.4).sample())
    if float(torch.rand(())) < 0.5:
        return share * pixels + (1 - share) * other, share
    height, width = pixels.shape[2:]
    side = (1 - share) ** 0.5
    tall, wide = int(height * side), int(width * side)
    top, left = (int(torch.randint(0, full - part + 1, ())) for full, part in ((height, tall), (width, wide)))
    pixels = pixels.clone()
    pixels[:, :, top : top + tall, left : left + wide] = other[:, :, top : top + tall, left : left + wide]
    return pixels, 1 - tall * wide / (height * width)
