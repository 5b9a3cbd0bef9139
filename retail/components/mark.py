"""The product's mark: a photo, a description and a sound that meet in one answer.

In: nothing. Out: an SVG, drawn for light and dark pages alike.
"""

from __future__ import annotations

from retail.charts.palette import INPUT_COLOURS

NAME = "Retail"
_PLACES = ((7, 6), (7, 16), (7, 26))  # of the three inputs, in a square of 32


def mark() -> str:
    """Three points in the colours of the inputs, each with a line to the one that they make together."""
    colours = list(INPUT_COLOURS.values())
    lines = "".join(
        f'<path d="M{x} {y} L23 16" stroke="{colour}" stroke-width="3" stroke-linecap="round"/>'
        f'<circle cx="{x}" cy="{y}" r="4.5" fill="{colour}"/>'
        for (x, y), colour in zip(_PLACES, colours, strict=True)
    )
    middle = '<circle cx="23" cy="16" r="7.5" fill="#2F74B5"/><path d="M19.5 16l2.5 2.7 4.6-5.2" fill="none" '
    tick = 'stroke="#ffffff" stroke-width="2.2" stroke-linecap="round" stroke-linejoin="round"/>'
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32" role="img">{lines}{middle}{tick}</svg>'


def wordmark() -> str:
    """The mark with the name beside it."""
    inner = mark().partition(">")[2].rpartition("</svg>")[0]
    text = '<text x="42" y="23" font-family="Source Sans, sans-serif" font-size="21" font-weight="700" fill="#2F74B5">'
    start = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 110 32" role="img">'
    return f"{start}{inner}{text}{NAME}</text></svg>"
