"""What may stand behind a photo encoder's name: resolution, mirror images, several crops, several layers.

In: `NAME@SOURCE#size=288+flip+crops+layers=2`. Out: `PhotoOptions`, and the embedding averaged over the views.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import torch
from torch import Tensor, nn

from retail.outside.limits import MAX_LAYERS, MAX_SIDE
from retail.schema import UserError


@dataclass(frozen=True)
class PhotoOptions:
    """How a photo becomes one embedding; the defaults are the checkpoint's own."""

    size: int = 0  # pixels of the square that the network sees; 0 = the checkpoint's
    flip: bool = False  # mean of the photo and its mirror image
    crops: bool = False  # mean of the four corners and the centre of the resized photo
    layers: int = 0  # so many intermediate layers, averaged over the photo, stand beside the last one's features

    @property
    def settings(self) -> dict[str, Any]:
        """What a fingerprint must know beside the preprocessing."""
        return {name: value for name, value in asdict(self).items() if value and name != "size"}


def photo_options(name: str, checkpoint: str) -> tuple[str, PhotoOptions]:
    """What stands before the #, and what stands behind it; raises UserError for an option it does not know."""
    base, _, text = checkpoint.partition("#")
    parts = [re.fullmatch(r"(size|layers)=([1-9]\d{,5})|(flip|crops)", part) for part in text.split("+") if part]
    known = {field.name for field in fields(PhotoOptions)}
    if not base or None in parts or len(parts) > len(known):
        raise UserError(
            f"Cannot read the photo encoder {name!r}; write it as 'timm:NAME' or 'timm:NAME#size=288+flip' "
            "(options: size=N, flip, crops, layers=N)."
        )
    values: dict[str, Any] = {part[1] or part[3]: int(part[2]) if part[1] else True for part in parts if part}
    options = PhotoOptions(**values)
    if options.size > MAX_SIDE or options.layers > MAX_LAYERS:
        raise UserError(f"{name!r} asks for too much: at most size={MAX_SIDE} and layers={MAX_LAYERS}.")
    return base, options


def five_crops(transform: Any, name: str) -> Callable[[Any], Tensor]:
    """A preprocessing with a centre crop -> one that gives all five crops, (5, 3, H, W)."""
    from torchvision.transforms import CenterCrop, FiveCrop

    steps = list(transform.transforms)
    place = next((place for place, step in enumerate(steps) if isinstance(step, CenterCrop)), None)
    if place is None:
        raise UserError(f"The preprocessing of {name!r} does not crop; leave out 'crops'.")
    crop = FiveCrop(steps[place].size)

    def views(photo: Any) -> Tensor:
        for step in steps[:place]:
            photo = step(photo)
        pictures = list(crop(photo))
        for step in steps[place + 1 :]:
            pictures = [step(picture) for picture in pictures]
        return torch.stack(pictures)

    return views


def stacked(photos: Sequence[Tensor]) -> Tensor:
    """B of the same shape -> (B, ...); a single one, as on a processor, is not copied"""
    return photos[0][None] if len(photos) == 1 else torch.stack(list(photos))


def mean_over_views(model: Callable[[Tensor], Tensor], pixels: Tensor, flip: bool) -> Tensor:
    """(B, 3, H, W) or (B, V, 3, H, W) -> (B, D)"""
    flat = pixels.flatten(0, -4)  # (B * V, 3, H, W)
    features = model(flat)  # (B * V, D)
    if flip:
        features = (features + model(flat.flip(3))) / 2
    return features if pixels.ndim == 4 else features.unflatten(0, pixels.shape[:2]).mean(1)


class WithLayers(nn.Module):
    """A timm network whose features are followed by the means of its last `count` intermediate layers."""

    def __init__(self, model: Any, count: int) -> None:
        super().__init__()
        if not hasattr(model, "forward_intermediates"):
            raise UserError("This network does not show its layers; leave out 'layers='.")
        self.model, self.count = model, count

    def forward(self, pixels: Tensor) -> Tensor:
        last, layers = self.model.forward_intermediates(pixels, indices=self.count)  # each (B, C, H, W)
        return torch.cat([self.model.forward_head(last, pre_logits=True), *(layer.mean((2, 3)) for layer in layers)], 1)


class Features(nn.Module):
    """One view of each photo (B, 3, H, W) -> (B, D), with the layers and the mirror image that the options ask for."""

    def __init__(self, model: nn.Module, options: PhotoOptions) -> None:
        super().__init__()
        self.model = WithLayers(model, options.layers) if options.layers else model
        self.flip = options.flip

    def forward(self, pixels: Tensor) -> Tensor:
        return mean_over_views(self.model, pixels, self.flip)
