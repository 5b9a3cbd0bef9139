"""Two small charts as inline SVG that need no library to be seen.

In: numbers between 0 and 1. Out: SVG elements with a text alternative.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

LABEL_WIDTH, PLOT_WIDTH, ROW_HEIGHT = 190, 380, 22
SIDE, MARGIN = 220, 42
COLOURS = ("#2F74B5", "#8A6D00", "#7A3E9D", "#2E7D4F", "#B23A48")
DASHES = ("", "6 3", "2 3", "8 3 2 3", "1 2")

Point = tuple[float, float]


def _svg(width: int, height: int, words: str, parts: Sequence[str]) -> str:
    label = escape(words, quote=True)
    return f'<svg role="img" aria-label="{label}" viewBox="0 0 {width} {height}" width="{width}">{"".join(parts)}</svg>'


def _text(across: float, down: float, words: str, anchor: str = "start") -> str:
    return f'<text x="{across:.1f}" y="{down:.1f}" text-anchor="{anchor}">{escape(words)}</text>'


def _line(first: Point, last: Point, colour: str = "#9AA1AB", width: float = 1) -> str:
    (x1, y1), (x2, y2) = first, last
    return f'<path d="M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}" stroke="{colour}" stroke-width="{width}" fill="none"/>'


def intervals(rows: Sequence[tuple[str, float, float, float, bool]], words: str) -> str:
    """(label, value, low, high, is fusion): a dot (fusion) or square (single input) on its interval."""
    low = max(0.0, min(row[2] for row in rows) - 0.03)
    high = min(1.0, max(row[3] for row in rows) + 0.03)

    def place(value: float) -> float:
        return LABEL_WIDTH + PLOT_WIDTH * (value - low) / max(high - low, 1e-9)

    parts = []
    for number, (label, value, start, end, fusion) in enumerate(rows):
        down, colour = ROW_HEIGHT * (number + 0.7), COLOURS[0 if fusion else 1]
        parts.append(_text(LABEL_WIDTH - 8, down + 4, label, "end"))
        parts.append(_line((place(start), down), (place(end), down), colour, 2.5))
        across = place(value)
        dot = f'<circle cx="{across:.1f}" cy="{down:.1f}" r="4.5" fill="{colour}"/>'
        square = f'<rect x="{across - 4:.1f}" y="{down - 4:.1f}" width="8" height="8" fill="{colour}"/>'
        parts.append(dot if fusion else square)
    bottom = ROW_HEIGHT * (len(rows) + 0.5)
    parts.append(_line((LABEL_WIDTH, bottom), (LABEL_WIDTH + PLOT_WIDTH, bottom)))
    ticks = (low, (low + high) / 2, high)
    parts += [_text(place(tick), bottom + 15, f"{100 * tick:.0f} %", "middle") for tick in ticks]
    return _svg(LABEL_WIDTH + PLOT_WIDTH + 30, int(bottom) + 22, words, parts)


def curves(series: Mapping[str, Sequence[Point]], across: str, up: str, words: str) -> str:
    """Lines through (share, share) points in the unit square; lines differ in dash as well as in colour."""
    left, top = MARGIN, 10

    def place(point: Point) -> Point:
        return left + SIDE * point[0], top + SIDE * (1 - point[1])

    parts = [f'<rect x="{left}" y="{top}" width="{SIDE}" height="{SIDE}" fill="none" stroke="#9AA1AB"/>']
    for tick in (0.0, 0.5, 1.0):
        parts.append(_text(left + SIDE * tick, top + SIDE + 15, f"{100 * tick:.0f} %", "middle"))
        parts.append(_text(left - 5, top + SIDE * (1 - tick) + 4, f"{100 * tick:.0f}", "end"))
    for number, (name, points) in enumerate(series.items()):
        colour, dash = COLOURS[number % len(COLOURS)], DASHES[number % len(DASHES)]
        path = "L".join(f"{x:.1f} {y:.1f}" for x, y in map(place, points))
        stroke = f'stroke="{colour}" stroke-width="2" stroke-dasharray="{dash}" fill="none"'
        down = top + SIDE + 52 + 16 * number
        parts.append(f'<path d="M{path}" {stroke}/><path d="M{left} {down - 4}h26" {stroke}/>')
        parts.append(_text(left + 32, down, name))
    parts.append(_text(left + SIDE / 2, top + SIDE + 32, f"{across} → {up} ↑", "middle"))
    return _svg(left + SIDE + 20, top + SIDE + 52 + 16 * len(series), words, parts)
