"""Products as points on a plane, and accuracy against the number of training examples.

In: a frame of points, or the rows of a learning curve. Out: Altair charts.
"""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import pandas as pd

from retail.charts.axes import share_axis, tips, told
from retail.charts.palette import GREY, SERIES, SHAPES
from retail.frozen.results import CurvePoint
from retail.wording import method_title, percent, task_words

OTHERS = "other classes"


def plane_chart(points: pd.DataFrame, task: str) -> alt.Chart:
    """Columns id, x, y, class, colour, answer ("right" or "wrong"); a box that is drawn is the selection `box`.

    The most frequent values of `colour` have a colour of their own; right and wrong answers differ in shape.
    """
    counts = points["colour"].value_counts()
    common = counts.index[: len(SERIES) if len(counts) <= len(SERIES) else len(SERIES) - 1].tolist()
    shown = points.assign(colour=[name if name in common else OTHERS for name in points["colour"]])
    domain = [*common, OTHERS] if len(common) < len(counts) else common
    colours = list(SERIES[: len(domain)])
    axis = alt.Axis(labels=False, ticks=False)
    marks = alt.Chart(shown).mark_point(size=70, strokeWidth=1.6, filled=False)
    box = alt.selection_interval(name="box", mark=alt.BrushConfig(stroke=GREY, strokeWidth=2, strokeDash=[6, 4]))
    right = int((points["answer"] == "right").sum())
    return (
        marks.encode(
            x=alt.X("x:Q", title=None, axis=axis, scale=alt.Scale(zero=False)),
            y=alt.Y("y:Q", title=None, axis=axis, scale=alt.Scale(zero=False)),
            color=alt.Color(
                "colour:N",
                scale=alt.Scale(domain=domain, range=colours),
                legend=alt.Legend(title=None, orient="bottom", columns=3, labelLimit=230),
            ),
            shape=alt.Shape(
                "answer:N",
                scale=alt.Scale(domain=["right", "wrong"], range=["circle", "cross"]),
                legend=alt.Legend(title=None, orient="top"),
            ),
            tooltip=["id", "class", "answer"],
        )
        .add_params(box)
        .properties(
            height=460,
            description=f"{right:,} of {len(points):,} test products were answered correctly for {task_words(task)}; "
            "look-alikes stand together. The select box below lists the products of a class.",
        )
    )


def curve_chart(rows: Sequence[CurvePoint], task: str) -> alt.LayerChart:
    """Accuracy with 95 % intervals against training examples per class, a line a method."""
    order = list(dict.fromkeys(str(row.shots) for row in rows))
    methods = list(dict.fromkeys(method_title(row.method) for row in rows))
    frame = told(
        pd.DataFrame([row.to_dict() | {"shots": str(row.shots), "method": method_title(row.method)} for row in rows]),
        {"accuracy": percent},
    )
    scale, axis = share_axis(float(frame["accuracy_low"].min()), float(frame["accuracy_high"].max()))
    legend = alt.Legend(title=None, orient="top")
    base = alt.Chart(frame).encode(
        x=alt.X("shots:O", sort=order, title="training examples per class", axis=alt.Axis(labelAngle=0)),
        color=alt.Color(
            "method:N",
            scale=alt.Scale(domain=methods, range=list(SERIES[: len(methods)])),
            legend=legend,
        ),
    )
    up = alt.Y("accuracy:Q", axis=axis, title="accuracy", scale=scale)
    ranges = base.mark_rule(strokeWidth=2).encode(y=alt.Y("accuracy_low:Q", scale=scale), y2="accuracy_high:Q")
    lines = base.mark_line().encode(y=up)
    points = base.mark_point(filled=True, size=80, opacity=1).encode(
        y=up,
        shape=alt.Shape("method:N", scale=alt.Scale(domain=methods, range=list(SHAPES[: len(methods)])), legend=legend),
        tooltip=tips("method", "shots", "n_train", "_accuracy"),
    )
    best = max((row for row in rows if str(row.shots) == order[-1]), key=lambda row: row.accuracy)
    few = next(row for row in rows if row.method == best.method)
    text = "; ".join(f"{method_title(row.method)} with {row.shots} {percent(row.accuracy)}" for row in rows)
    words = (
        f"{method_title(best.method)} ends best for {task_words(task)}: {percent(few.accuracy)} with {few.shots} per "
        "class, "
        f"{percent(best.accuracy)} with {best.shots}. All: {text}"
    )
    return (ranges + lines + points).properties(height=320, description=words)
