"""A data set's classes as bars, and finished runs beside one another.

In: counts of a data set, or figures of several runs. Out: Altair charts.
"""

from __future__ import annotations

import altair as alt
import pandas as pd

from retail.charts.axes import FRAME, names_axis, share_axis, tips, told
from retail.charts.palette import INPUT_COLOURS, SERIES, SHAPES
from retail.wording import percent, task_words

BAR, GAP, CLASS_ROW = 10, 8, 32  # px a bar, between two classes, and a class at least
LEGEND_LINE = 22  # px of each further line of a legend


def class_chart(counts: pd.DataFrame, task: str) -> alt.Chart:
    """Columns class, input, products, the largest class first -> a bar for each input of a class."""
    order = list(dict.fromkeys(counts["class"]))
    given = set(counts["input"])
    words = [word for word in INPUT_COLOURS if word in given]
    said = (
        f"{label} " + ", ".join(f"{row.products} with a {row.input}" for row in rows.itertuples())
        for label, rows in counts.groupby("class", sort=False)
    )
    scale = alt.Scale(domain=words, range=[INPUT_COLOURS[word] for word in words])
    return (
        alt.Chart(counts)
        .mark_bar(cornerRadiusEnd=2)
        .encode(
            y=alt.Y("class:N", sort=order, title=None, axis=names_axis()),
            yOffset=alt.YOffset("input:N", sort=words),
            x=alt.X("products:Q", title="products", axis=alt.Axis(tickMinStep=1, tickCount=6)),
            color=alt.Color("input:N", scale=scale, sort=words, legend=alt.Legend(title=None, orient="top", columns=1)),
            tooltip=tips("class", "input", "products"),
        )
        .properties(
            height=max(CLASS_ROW, BAR * len(words) + GAP) * len(order) + FRAME + len(words) * LEGEND_LINE,
            description=f"{order[0]} has most products of the classes of {task_words(task)} shown: " + "; ".join(said),
        )
    )


def runs_chart(figures: pd.DataFrame) -> alt.LayerChart:
    """Columns task, run, model and accuracy with its interval: one mark a run, task by task."""
    names = list(dict.fromkeys(figures["run"]))
    said = "; ".join(f"{task_words(row.task)}, {row.run}: {percent(row.accuracy)}" for row in figures.itertuples())
    figures = told(figures.assign(question=figures["task"].map(task_words)), {"accuracy": percent})
    scale, axis = share_axis(float(figures["accuracy_low"].min()), float(figures["accuracy_high"].max()))
    # One under the other: long titles would be cut off beside one another.
    legend = alt.Legend(title=None, orient="top", columns=1, labelLimit=240)
    colours, shapes = list(SERIES[: len(names)]), list(SHAPES[: len(names)])
    base = alt.Chart(figures).encode(
        y=alt.Y("question:N", title=None, axis=names_axis(160)),
        yOffset=alt.YOffset("run:N", sort=names),
        color=alt.Color("run:N", sort=names, scale=alt.Scale(domain=names, range=colours), legend=legend),
    )
    ranges = base.mark_rule(strokeWidth=2.5).encode(
        x=alt.X("accuracy_low:Q", scale=scale, title="accuracy on test", axis=axis),
        x2="accuracy_high:Q",
    )
    points = base.mark_point(filled=True, size=90, opacity=1).encode(
        x=alt.X("accuracy:Q", scale=scale),
        shape=alt.Shape("run:N", sort=names, scale=alt.Scale(domain=names, range=shapes), legend=legend),
        tooltip=tips("run", "question", "model", "_accuracy"),
    )
    height = figures["task"].nunique() * (18 * len(names) + 14) + LEGEND_LINE * len(names) + FRAME
    return (ranges + points).properties(height=height, description=f"Accuracy of the runs: {said}")
