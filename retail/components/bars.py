"""Rows of words with a small bar and a figure each, light enough for a page that is drawn again at every click.

In: `Bar`s. Out: one list on the page that a screen reader reads row by row; the bar only repeats the figure.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import streamlit as st

from retail.components.certainty import LOOKS, sign
from retail.escaping import in_html
from retail.wording import Certainty

USUAL_COLOUR = "#2F74B5"
STYLE = """<style>
ul.bars {list-style: none; margin: 0; padding: 0}
ul.bars li {display: grid; grid-template-columns: minmax(0, 5fr) minmax(3rem, 3fr) 3.5rem; gap: 0 0.75rem; margin: 0;
  padding: 0.3rem 0; align-items: center; overflow-wrap: anywhere}
.bars-name {display: inline-block; min-width: 6.5rem; margin-right: 0.5rem; opacity: 0.8}
.bars-track {height: 0.5rem; border-radius: 0.25rem; background: color-mix(in srgb, currentColor 12%, transparent)}
.bars-track span {display: block; height: 100%; border-radius: 0.25rem}
.bars-value {text-align: right; white-space: nowrap}
@media (max-width: 640px) {
  ul.bars li {grid-template-columns: minmax(0, 1fr) 3.5rem}
  .bars-track {grid-row: 2; grid-column: 1 / 3; margin-top: 0.2rem}
}
</style>"""


@dataclass(frozen=True)
class Bar:
    """One row: 'Category  coffee  Sure ▬▬▬ 98 %'; `share` is the bar's length, 0 to 1."""

    label: str
    share: float
    value: str
    name: str = ""  # what the label answers
    word: Certainty | None = None
    colour: str = USUAL_COLOUR


def draw_bars(bars: Iterable[Bar]) -> None:
    """The rows, below one another."""
    st.html(f'{LOOKS}{STYLE}<ul class="bars">{"".join(map(_row, bars))}</ul>')


def _row(bar: Bar) -> str:
    name = f'<span class="bars-name">{in_html(bar.name)}</span> ' if bar.name else ""
    label = f"<strong>{in_html(bar.label)}</strong>" if bar.name else in_html(bar.label)
    word = f" {sign(bar.word)}" if bar.word else ""
    width = f"width: {100 * min(max(bar.share, 0.0), 1.0):.1f}%; background: {bar.colour}"
    return (
        f'<li><span>{name}{label}{word}</span><span class="bars-track" aria-hidden="true">'
        f'<span style="{width}"></span></span><span class="bars-value">{in_html(bar.value)}</span></li>'
    )
