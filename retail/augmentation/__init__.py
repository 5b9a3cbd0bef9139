"""Augmentation of photos, descriptions and sound clips for fine-tuning, and a preview of what it makes of a product.

In: decoded media, a seed and a `FinetuneConfig`. Out: the same item, changed at random; equal seeds, equal changes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image

from retail.augmentation.image import seeded, viewable
from retail.augmentation.sound import augmented_features, rerecorded
from retail.augmentation.text import augmented_text
from retail.config import FinetuneConfig
from retail.encoders.long_clips import loudest_part
from retail.media import clean_text, picture_of, waveform_of
from retail.schema import Product


@dataclass(frozen=True, eq=False)
class Example:
    """One product as a training step may see it; an absent input stays absent."""

    photo: Image.Image | None = None  # (size, size)
    text: str = ""
    sound: np.ndarray | None = None  # (S,) float32 at 16 kHz: pitch, speed and transmission; for the ear
    spectrogram: np.ndarray | None = None  # (64, T) log mel with room, microphone and noise too; what the network sees


def preview(product: Product, seed: int = 0, count: int = 4, config: FinetuneConfig | None = None) -> list[Example]:
    """`count` augmented examples of a product, the same ones for the same seed. Raises MediaError for a bad file.

    Mixup and cutmix need a second product and are not shown. The first preview of a sound makes the bank of noises,
    which takes some seconds.
    """
    config = config or FinetuneConfig()
    photos = [picture_of(source) for source in product.images]
    clip = None if product.audio is None else loudest_part(torch.from_numpy(waveform_of(product.audio))).numpy()
    return [_example(photos, product.text, clip, [seed, number], config) for number in range(count)]


def _example(
    photos: list[Image.Image], text: str, clip: np.ndarray | None, seed: list[int], config: FinetuneConfig
) -> Example:
    photo = None
    if photos:
        with seeded(seed) as drawn:
            photo = viewable(photos[drawn % len(photos)], config)
    heard = clip is not None and config.vary_sound
    return Example(
        photo,
        augmented_text(clean_text(text), seed, config) if text.strip() else "",
        rerecorded(clip, seed) if clip is not None and heard else clip,
        augmented_features([clip], seed, config)[0].numpy() if clip is not None else None,
    )
