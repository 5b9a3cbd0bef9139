"""Draws the printed label of every demo product with Pillow.

Front and side panels lie side by side in one picture (front left, side right); round packs take the front twice.
The two products of a pair get the same drawing apart from the small variant word.
"""

from __future__ import annotations

import math
import random
from pathlib import Path

from PIL import Image, ImageDraw, ImageFilter, ImageFont

from recipes.demo.products import DemoProduct, Line

FONTS = Path("/usr/share/fonts/truetype")
BRAND_FONTS = {
    "Fennimore": "dejavu/DejaVuSerif-Bold.ttf",
    "Larkvale": "liberation/LiberationSerif-BoldItalic.ttf",
    "Quillon": "dejavu/DejaVuSans-ExtraLight.ttf",
    "Oldmere": "dejavu/DejaVuSans-Bold.ttf",
    "Brisa": "dejavu/DejaVuSans-BoldOblique.ttf",
    "Brightwell": "liberation/LiberationSans-BoldItalic.ttf",
    "Velluto": "liberation/LiberationSerif-Italic.ttf",
}
TEXT_FONT = "liberation/LiberationSansNarrow-Bold.ttf"
SIZES = {"carton": (640, 900), "gable": (520, 900), "pouch": (640, 900)}
ROUND = (640, 620)


def draw_label(product: DemoProduct, path: Path) -> None:
    """Writes the label picture of one product."""
    line = product.line
    size = SIZES.get(line.packaging, ROUND)
    front = _front(product, size)
    right = _side(line, size) if line.packaging in SIZES else front
    sheet = Image.new("RGB", (size[0] * 2, size[1]))
    sheet.paste(front, (0, 0))
    sheet.paste(right, (size[0], 0))
    sheet.save(path)


def _font(name: str, size: float) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(FONTS / name), int(size))


def _fit(draw: ImageDraw.ImageDraw, text: str, name: str, width: float, top: float) -> ImageFont.FreeTypeFont:
    size = top
    while draw.textlength(text, font=_font(name, size)) > width and size > 12:
        size -= 2
    return _font(name, size)


def _front(product: DemoProduct, size: tuple[int, int]) -> Image.Image:
    line, (w, h) = product.line, size
    ground, accent, ink = line.colours
    image = _shade(Image.new("RGB", size, ground))
    _ART[line.art](ImageDraw.Draw(image), size, accent, random.Random(line.key))
    image = image.filter(ImageFilter.GaussianBlur(0.8))
    draw = ImageDraw.Draw(image)
    draw.rounded_rectangle((w * 0.07, h * 0.1, w * 0.93, h * 0.36), radius=w * 0.05, fill=ground)
    draw.rounded_rectangle((w * 0.09, h * 0.115, w * 0.91, h * 0.345), radius=w * 0.04, outline=accent, width=5)
    brand_font = _fit(draw, line.brand, BRAND_FONTS[line.brand], w * 0.74, h * 0.17)
    draw.text((w / 2, h * 0.23), line.brand, font=brand_font, fill=ink, anchor="mm")
    draw.rectangle((0, h * 0.70, w, h * 0.86), fill=accent)
    noun_ink = _contrast(accent)
    noun_font = _fit(draw, line.noun.upper(), TEXT_FONT, w * 0.82, h * 0.1)
    draw.text((w / 2, h * 0.765), line.noun.upper(), font=noun_font, fill=noun_ink, anchor="mm")
    draw.text((w / 2, h * 0.832), product.variant.lower(), font=_font(TEXT_FONT, h * 0.036), fill=noun_ink, anchor="mm")
    draw.text((w / 2, h * 0.92), line.size, font=_font(TEXT_FONT, h * 0.045), fill=ink, anchor="mm")
    return image


def _side(line: Line, size: tuple[int, int]) -> Image.Image:
    w, h = size
    ground, accent, ink = line.colours
    image = _shade(Image.new("RGB", size, ground))
    draw, rng = ImageDraw.Draw(image), random.Random("side " + line.key)
    font = _fit(draw, line.brand, BRAND_FONTS[line.brand], w * 0.8, h * 0.12)
    draw.text((w / 2, h * 0.1), line.brand, font=font, fill=ink, anchor="mm")
    draw.rectangle((w * 0.1, h * 0.2, w * 0.9, h * 0.55), fill="#f7f5ef", outline=accent, width=4)
    for row in range(9):
        y = h * (0.225 + row * 0.036)
        draw.text((w * 0.14, y), rng.choice(["Energy", "Fat", "Salt", "Fibre", "Keep cool", "Origin"]),
                  font=_font(TEXT_FONT, h * 0.027), fill="#222")  # fmt: skip
        draw.text(
            (w * 0.86, y), f"{rng.uniform(0, 90):.1f} g", font=_font(TEXT_FONT, h * 0.027), fill="#222", anchor="ra"
        )
    draw.rectangle((w * 0.2, h * 0.66, w * 0.8, h * 0.86), fill="white")
    x = w * 0.24
    while x < w * 0.74:
        bar = rng.choice([3, 5, 8, 11])
        draw.rectangle((x, h * 0.68, x + bar, h * 0.83), fill="black")
        x += bar + rng.choice([4, 7, 10])
    return image


def _shade(image: Image.Image) -> Image.Image:
    """A soft printed gradient, darker to the foot, so that a panel is not one flat colour."""
    shadow = Image.new("RGB", image.size, "black")
    mask = Image.linear_gradient("L").resize(image.size).point(lambda v: int(v * 0.22))
    return Image.composite(shadow, image, mask)


def _contrast(colour: str) -> str:
    r, g, b = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return "#1d1a18" if 0.3 * r + 0.59 * g + 0.11 * b > 130 else "#ffffff"


def _sun(draw: ImageDraw.ImageDraw, size: tuple[int, int], accent: str, rng: random.Random) -> None:
    w, h = size
    centre = (w / 2, h * 0.66)
    for k in range(24):
        a, b = math.tau * k / 24, math.tau * (k + 0.45) / 24
        far = w * 0.75
        points = [centre, *((centre[0] + far * math.cos(t), centre[1] + far * math.sin(t)) for t in (a, b))]
        draw.polygon(points, fill=accent)
    draw.ellipse((w * 0.3, centre[1] - w * 0.2, w * 0.7, centre[1] + w * 0.2), fill=accent)


def _beans(draw: ImageDraw.ImageDraw, size: tuple[int, int], accent: str, rng: random.Random) -> None:
    w, h = size
    for _ in range(46):
        x, y, r = rng.uniform(0, w), rng.uniform(h * 0.38, h * 0.7), rng.uniform(0.03, 0.06) * w
        draw.ellipse((x - r, y - r * 0.7, x + r, y + r * 0.7), fill=accent, outline="#1a1210", width=2)
        draw.arc((x - r * 0.8, y - r * 0.3, x + r * 0.8, y + r * 0.3), 0, 180, fill="#1a1210", width=3)


def _leaves(draw: ImageDraw.ImageDraw, size: tuple[int, int], accent: str, rng: random.Random) -> None:
    w, h = size
    for k in range(9):
        x, y = w * (0.1 + 0.1 * k), h * (0.55 + 0.09 * math.sin(k * 1.7))
        long, wide, turn = h * 0.12, w * 0.055, rng.uniform(-0.7, 0.7)
        points = []
        for s in range(24):
            t = math.tau * s / 24
            px, py = wide * math.sin(t) * abs(math.sin(t / 2 + 0.4)), long * math.cos(t)
            points.append(
                (x + px * math.cos(turn) - py * math.sin(turn), y + px * math.sin(turn) + py * math.cos(turn))
            )
        draw.polygon(points, fill=accent)
        draw.line((points[0], points[12]), fill="#2a3a1c", width=3)


def _rings(draw: ImageDraw.ImageDraw, size: tuple[int, int], accent: str, rng: random.Random) -> None:
    w, h = size
    for _ in range(26):
        x, y, r = rng.uniform(0, w), rng.uniform(h * 0.38, h * 0.7), rng.uniform(0.04, 0.1) * w
        draw.ellipse((x - r, y - r, x + r, y + r), outline=accent, width=int(r * 0.45))


def _waves(draw: ImageDraw.ImageDraw, size: tuple[int, int], accent: str, rng: random.Random) -> None:
    w, h = size
    for k in range(5):
        y0 = h * (0.42 + 0.06 * k)
        points = [(x, y0 + h * 0.022 * math.sin(x / w * 9 + k * 0.9)) for x in range(-8, w + 16, 8)]
        draw.line(points, fill=accent, width=int(h * 0.03))


_ART = {"sun": _sun, "beans": _beans, "leaves": _leaves, "rings": _rings, "waves": _waves}
