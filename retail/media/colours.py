"""A picture's own colour space to sRGB, which screens and encoders take every picture for.

In: a picture and the ICC profile that its file embeds. Out: the picture in sRGB.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np

from retail.outside.limits import MAX_PROFILE_BYTES

if TYPE_CHECKING:
    from PIL import Image, ImageCms

SAME_COLOUR = 3  # steps of 255: profiles called sRGB differ by as much among themselves
SPACES = {"RGB": "RGB", "RGBA": "RGB", "CMYK": "CMYK", "L": "GRAY"}  # mode -> what the profile must describe


def in_srgb(picture: Image.Image, profile: Any) -> Image.Image:
    """An RGB, RGBA, CMYK or L picture in sRGB; a missing, damaged or unfitting profile is ignored."""
    from PIL import ImageCms

    if not isinstance(profile, bytes) or not 0 < len(profile) <= MAX_PROFILE_BYTES:
        return picture
    try:
        own = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if own.profile.xcolor_space.strip() != SPACES[picture.mode]:
            return picture
        mode = picture.mode.removesuffix("A")
        transform = _to_srgb(own, mode)
        if mode == "RGB" and _changes_nothing(transform):
            return picture
        converted = ImageCms.applyTransform(picture.convert(mode), transform)
        assert converted is not None  # it is only where the picture is changed in place
        if picture.mode == "RGBA":
            converted.putalpha(picture.getchannel("A"))
        return converted
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return picture


def _to_srgb(own: ImageCms.ImageCmsProfile, mode: str) -> ImageCms.ImageCmsTransform:
    from PIL import ImageCms

    intent = ImageCms.Intent.RELATIVE_COLORIMETRIC
    flags = ImageCms.Flags.BLACKPOINTCOMPENSATION
    return ImageCms.buildTransform(own, ImageCms.createProfile("sRGB"), mode, "RGB", intent, flags)


def _changes_nothing(transform: ImageCms.ImageCmsTransform) -> bool:
    """Whether a grid of 729 colours comes out as it went in: the profile is sRGB, whatever it is called."""
    from PIL import Image, ImageCms

    steps = np.linspace(0, 255, 9).astype(np.uint8)
    grid = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(27, 27, 3)
    out = ImageCms.applyTransform(Image.fromarray(grid), transform)
    return bool(np.abs(np.asarray(out, dtype=int) - grid).max() <= SAME_COLOUR)
