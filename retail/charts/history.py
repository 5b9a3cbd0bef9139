"""How a fine-tuning went: training rows against validation rows, epoch by epoch, so that overfitting shows.

In: the history that a bundle keeps. Out: Altair charts whose `description` says the numbers in words.
"""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import pandas as pd

from retail.charts.axes import IN_PERCENT, tips, told
from retail.charts.palette import DASHES, SERIES, SHAPES
from retail.finetuning.record import FinetuneEpoch
from retail.wording import percent, task_words

ROWS = ("training (augmented)", "validation")
LOSS = "loss"


def _figures(entry: FinetuneEpoch, measure: str) -> tuple[float | None, float | None]:
    """Of the training and the validation rows."""
    if measure == LOSS:
        return entry.train_loss, entry.val_loss
    return entry.train_accuracy.get(measure), entry.val_accuracy.get(measure)


def training_chart(history: Sequence[FinetuneEpoch], measure: str) -> alt.LayerChart:
    """The loss (`measure` "loss") or a task's accuracy against epochs; training rows are seen augmented."""
    frame = pd.DataFrame(
        {"epoch": entry.epoch, "rows": rows, "value": value}
        for entry in history
        for rows, value in zip(ROWS, _figures(entry, measure), strict=True)
        if value is not None
    )
    text = LOSS if measure == LOSS else f"accuracy for {task_words(measure)}"
    say = "{:.2f}".format if measure == LOSS else percent
    frame = told(frame, {"value": say})
    ends = "; ".join(
        f"{rows} from {own['_value'].iloc[0]} to {own['_value'].iloc[-1]}" for rows, own in frame.groupby("rows")
    )
    legend = alt.Legend(title=None, orient="top", labelLimit=220)
    up = alt.Y(
        "value:Q",
        title=text,
        axis=alt.Axis(format=".2f") if measure == LOSS else alt.Axis(labelExpr=IN_PERCENT),
        scale=alt.Scale(zero=False),
    )
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
        tooltip=tips("epoch", "rows", "_value"),
    )
    words = f"{text[:1].upper()}{text[1:]} over {frame['epoch'].nunique()} epochs: {ends}"
    return (lines + points).properties(height=300, description=words)
