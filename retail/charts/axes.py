"""Axes and rows that all figures share: round ticks, whole percent, a height that can be read, figures beside rows.

In: ends of a scale, counts of rows. Out: parts of Altair charts.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import altair as alt
import pandas as pd

from retail.charts.palette import SINGLE_COLOUR
from retail.wording import task_words

ROW = 27  # px a row: as high as a line of text with room above and below it
FRAME = 96  # px of legend, axis and title: a page gives a chart its whole height, not its rows alone
MOST_TICKS = 6
PHONE = 450  # px: a narrower chart is one on a phone
NARROW = 135  # px of a name there
STEPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.25)
IN_PERCENT = "format(100 * datum.value, '.0f') + ' %'"
ROUNDING = 1e-9  # what floating point may be off by


def height(rows: int, row: int = ROW) -> int:
    """Of a chart with so many rows."""
    return rows * row + FRAME


def share_axis(low: float, high: float) -> tuple[alt.Scale, alt.Axis]:
    """Scale and axis of shares from `low` to `high`: round ends between 0 and 100 %, at most six ticks."""
    low, high = max(0.0, low), min(1.0, high)
    step = next((step for step in STEPS if (high - low) / step <= MOST_TICKS - 1), STEPS[-1])
    first, last = math.floor(low / step + ROUNDING), math.ceil(high / step - ROUNDING)
    ticks = [round(place * step, 4) for place in range(first, max(last, first + 1) + 1)]
    return alt.Scale(domain=[ticks[0], min(ticks[-1], 1.0)], nice=False, zero=False), percent_axis(ticks)


def percent_axis(ticks: Sequence[float]) -> alt.Axis:
    """Shares in whole percent."""
    return alt.Axis(values=[tick for tick in ticks if tick <= 1], labelExpr=IN_PERCENT)


def whole_axis() -> tuple[alt.Scale, alt.Axis]:
    """From 0 to 100 %."""
    return share_axis(0.0, 1.0)


def on_a_phone(narrow: int, wide: int) -> alt.ExprRef:
    """A number of px that depends on the width of the page; a chart in a file has none and is wide."""
    return alt.ExprRef(f"(containerSize()[0] || {PHONE}) < {PHONE} ? {narrow} : {wide}")


def names_axis(limit: int = 190) -> alt.Axis:
    """Every row has its name, cut at `limit` px, earlier on a phone, which needs the room for its figures."""
    return alt.Axis(labelLimit=on_a_phone(min(limit, NARROW), limit), labelOverlap=False, labelFlush=False)


def figures_axis(figures: Mapping[str, str]) -> alt.Axis:
    """A row's figure at the right end, in room of its own, so that nothing is cut off; by the name of the row."""
    words = f"{json.dumps(dict(figures), ensure_ascii=False)}[datum.label] || ''"
    return alt.Axis(
        orient="right",
        labelExpr=words,
        labelPadding=10,
        labelOverlap=False,
        labelFlush=False,
        title=None,
        ticks=False,
        domain=False,
        grid=False,
    )


def told(frame: pd.DataFrame, words: Mapping[str, Callable[[Any], str]]) -> pd.DataFrame:
    """With a column of words for each column of figures; `tips` shows it."""
    return frame.assign(**{f"_{name}": frame[name].map(say) for name, say in words.items()})


def tips(*names: str) -> list[alt.Tooltip]:
    """What a pointer shows; a name that begins with _ is a column of `told`."""
    return [alt.Tooltip(f"{name}:N", title=task_words(name.removeprefix("_"))) for name in names]


def best_single_rule(accuracy: float, scale: alt.Scale) -> alt.Chart:
    """A dashed line at the accuracy of the best single input."""
    line = alt.Chart(pd.DataFrame({"best single input": [accuracy]}))
    rule = line.mark_rule(color=SINGLE_COLOUR, strokeDash=[4, 3], strokeWidth=1.5, aria=False)
    return rule.encode(x=alt.X("best single input:Q", scale=scale))
