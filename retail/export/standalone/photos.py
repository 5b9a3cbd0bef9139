"""A photo as the network takes it.

In: a path or bytes. Out: pixels (3, H, W) float32, prepared as `recogniser.json` says.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageCms, ImageOps

WHITE, GREY = (255, 255, 255), (128, 128, 128)


def pixels_of(source: str | Path | bytes, facts: dict[str, Any]) -> np.ndarray:
    """(3, H, W): upright, in sRGB, on white, resized, cropped and standardised."""
    picture = _picture(source, facts["longest_side"])
    size = facts["resize"]
    if isinstance(size, int):  # of the shorter side
        short, long = sorted(picture.size)
        longer = int(size * long / short)
        wanted = (size, longer) if picture.width <= picture.height else (longer, size)
    else:
        wanted = (size[1], size[0])
    picture = picture.resize(wanted, Image.Resampling[facts["interpolation"].upper()])
    height, width = facts["crop"]
    left, top = round((picture.width - width) / 2), round((picture.height - height) / 2)
    values = np.asarray(picture.crop((left, top, left + width, top + height)), dtype=np.float32) / np.float32(255)
    standard = (values - np.float32(facts["mean"])) / np.float32(facts["std"])
    return np.ascontiguousarray(standard.transpose(2, 0, 1))


def _picture(source: str | Path | bytes, longest_side: int) -> Image.Image:
    picture: Image.Image = Image.open(io.BytesIO(source) if isinstance(source, bytes) else source)
    picture.draft("RGB", (longest_side, longest_side))
    profile = picture.info.get("icc_profile")
    picture.load()
    ImageOps.exif_transpose(picture, in_place=True)
    picture.thumbnail((longest_side, longest_side), Image.Resampling.BICUBIC)
    if "A" in picture.getbands() or "transparency" in picture.info:
        picture = picture.convert("RGBA")
    elif picture.mode not in ("CMYK", "L"):
        picture = picture.convert("RGB")
    return _opaque(_in_srgb(picture, profile))


def _in_srgb(picture: Image.Image, profile: Any) -> Image.Image:
    """A profile that is missing, or does not fit, is passed over."""
    spaces = {"RGB": "RGB", "RGBA": "RGB", "CMYK": "CMYK", "L": "GRAY"}
    if not isinstance(profile, bytes):
        return picture
    try:
        own = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if own.profile.xcolor_space.strip() != spaces[picture.mode]:
            return picture
        mode = picture.mode.removesuffix("A")
        intent, flags = ImageCms.Intent.RELATIVE_COLORIMETRIC, ImageCms.Flags.BLACKPOINTCOMPENSATION
        transform = ImageCms.buildTransform(own, ImageCms.createProfile("sRGB"), mode, "RGB", intent, flags)
        if mode == "RGB" and _changes_nothing(transform):
            return picture
        converted: Any = ImageCms.applyTransform(picture.convert(mode), transform)
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return picture
    if picture.mode == "RGBA":
        converted.putalpha(picture.getchannel("A"))
    return converted


def _changes_nothing(transform: Any) -> bool:
    steps = np.linspace(0, 255, 9).astype(np.uint8)
    grid = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(27, 27, 3)
    out: Any = ImageCms.applyTransform(Image.fromarray(grid), transform)
    return bool(np.abs(np.asarray(out, dtype=int) - grid).max() <= 3)


def _opaque(picture: Image.Image) -> Image.Image:
    """On white, or on grey where a white product would be lost."""
    if picture.mode != "RGBA":
        return picture.convert("RGB")
    on_white = Image.alpha_composite(Image.new("RGBA", picture.size, WHITE), picture).convert("RGB")
    opacity = np.asarray(picture.getchannel("A"), dtype=np.float32)
    seen = np.asarray(on_white).min(2) <= 231
    if not opacity.any() or (opacity * seen).sum() >= 0.1 * opacity.sum():
        return on_white
    return Image.alpha_composite(Image.new("RGBA", picture.size, GREY), picture).convert("RGB")
