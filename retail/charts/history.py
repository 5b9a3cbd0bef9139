"""How a fine-tuning went: training rows against validation rows, epoch by epoch, so that overfitting shows.

In: the history that a bundle keeps. Out: Altair charts whose `description` says the numbers in words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import pandas as pd

from retail.charts.palette import DASHES, SERIES, SHAPES

ROWS = ("training (augmented)", "validation")
LOSS = "loss"


def training_chart(history: Sequence[Mapping[str, Any]], measure: str) -> alt.LayerChart:
    """The loss (`measure` "loss") or a task's accuracy against epochs; training rows are seen augmented."""
    frame = pd.DataFrame(
        {"epoch": entry["epoch"], "rows": rows, "value": value}
        for entry in history
        for rows, part in zip(ROWS, ("train", "val"), strict=True)
        if (value := entry[f"{part}_loss"] if measure == LOSS else entry[f"{part}_accuracy"].get(measure)) is not None
    )
    text = LOSS if measure == LOSS else f"accuracy for {measure}"
    shown = ".2f" if measure == LOSS else ".1%"
    ends = "; ".join(
        f"{rows} from {own['value'].iloc[0]:{shown}} to {own['value'].iloc[-1]:{shown}}"
        for rows, own in frame.groupby("rows")
    )
    legend = alt.Legend(title=None, orient="top", labelLimit=220)
    up = alt.Y("value:Q", title=text, axis=alt.Axis(format=shown), scale=alt.Scale(zero=False))
    base = alt.Chart(frame).encode(
        x=alt.X("epoch:O", axis=alt.Axis(labelAngle=0)),
        y=up,
        color=alt.Color("rows:N", scale=alt.Scale(domain=ROWS, range=SERIES[:2]), legend=legend),
    )
    lines = base.mark_line().encode(
        strokeDash=alt.StrokeDash("rows:N", scale=alt.Scale(domain=ROWS, range=DASHES[:2]), legend=None)
    )
    points = base.mark_point(filled=True, size=60, opacity=1).encode(
        shape=alt.Shape("rows:N", scale=alt.Scale(domain=ROWS, range=SHAPES[:2]), legend=legend),
        tooltip=["epoch", "rows", alt.Tooltip("value", format=shown)],
    )
    words = f"{text[:1].upper()}{text[1:]} over {frame['epoch'].nunique()} epochs: {ends}"
    return (lines + points).properties(height=300, description=words)
