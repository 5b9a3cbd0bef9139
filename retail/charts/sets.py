"""A data set's classes as bars, and finished runs beside one another.

In: counts of a data set, or figures of several runs. Out: Altair charts.
"""

from __future__ import annotations

import altair as alt
import pandas as pd

from retail.charts.palette import INPUT_COLOURS, SERIES, SHAPES

MAX_CLASSES = 25  # bars beyond this are too many to read
FRAME = 180  # legend, axis and title: a page gives a chart its whole height, not its bars alone


def class_chart(counts: pd.DataFrame, task: str) -> alt.Chart:
    """Columns class, input, products, the largest class first -> a bar for each input of a class."""
    order = list(dict.fromkeys(counts["class"]))[:MAX_CLASSES]
    counts = counts[counts["class"].isin(order)]
    words = list(INPUT_COLOURS)
    said = (
        f"{label} " + ", ".join(f"{row.products} {row.input}" for row in rows.itertuples())
        for label, rows in counts.groupby("class", sort=False)
    )
    scale = alt.Scale(domain=words, range=list(INPUT_COLOURS.values()))
    return (
        alt.Chart(counts)
        .mark_bar(cornerRadiusEnd=2)
        .encode(
            y=alt.Y("class:N", sort=order, title=None, axis=alt.Axis(labelLimit=190)),
            yOffset=alt.YOffset("input:N", sort=words),
            x=alt.X("products:Q", title="products", axis=alt.Axis(tickMinStep=1)),
            color=alt.Color("input:N", scale=scale, sort=words, legend=alt.Legend(title=None, orient="top", columns=1)),
            tooltip=["class", "input", "products"],
        )
        .properties(height=36 * len(order) + FRAME, description=f"Products per class of {task}: " + "; ".join(said))
    )


def runs_chart(figures: pd.DataFrame) -> alt.LayerChart:
    """Columns task, run, model and accuracy with its interval: one mark a run, task by task."""
    names = list(dict.fromkeys(figures["run"]))
    said = "; ".join(f"{row.task}, {row.run}: {row.accuracy:.1%}" for row in figures.itertuples())
    low = max(0.0, float(figures["accuracy_low"].min()) - 0.05)
    scale = alt.Scale(domain=[low, min(1.0, float(figures["accuracy_high"].max()) + 0.04)])
    # One under the other: long titles would be cut off beside one another.
    legend = alt.Legend(title=None, orient="top", columns=1, labelLimit=320)
    colours, shapes = list(SERIES[: len(names)]), list(SHAPES[: len(names)])
    base = alt.Chart(figures).encode(
        y=alt.Y("task:N", title=None, axis=alt.Axis(labelLimit=160)),
        yOffset=alt.YOffset("run:N", sort=names),
        color=alt.Color("run:N", sort=names, scale=alt.Scale(domain=names, range=colours), legend=legend),
    )
    ranges = base.mark_rule(strokeWidth=2.5).encode(
        x=alt.X("accuracy_low:Q", scale=scale, title="accuracy on test", axis=alt.Axis(format="%")),
        x2="accuracy_high:Q",
    )
    points = base.mark_point(filled=True, size=90, opacity=1).encode(
        x=alt.X("accuracy:Q", scale=scale),
        shape=alt.Shape("run:N", sort=names, scale=alt.Scale(domain=names, range=shapes), legend=legend),
        tooltip=["run", "task", "model", alt.Tooltip("accuracy", format=".1%")],
    )
    height = figures["task"].nunique() * (18 * len(names) + 14) + 22 * len(names)
    return (ranges + points).properties(height=height, description=f"Accuracy of the runs: {said}")
