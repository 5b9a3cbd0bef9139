"""Strategies and baselines side by side: accuracy with intervals, and what each is worth when inputs are missing.

In: `Results`, a task and the title of the model that is looked at. Out: Altair charts and their table.
"""

from __future__ import annotations

import altair as alt
import pandas as pd

from retail.charts.palette import DARK_TEXT, FUSION_COLOUR, LIGHT_TEXT, SINGLE_COLOUR
from retail.comparison.result_rows import Score
from retail.comparison.results import Results
from retail.wording import inputs_words

KINDS = alt.Scale(domain=["fusion", "single"], range=[FUSION_COLOUR, SINGLE_COLOUR])


def summary_rows(results: Results, task: str) -> list[Score]:
    """The rows over all seeds of one task, the most accurate first."""
    return sorted(results.mean_scores(task).values(), key=lambda row: -row.accuracy)


def accuracy_chart(results: Results, task: str, highlight: str = "") -> alt.LayerChart:
    """Accuracy with 95 % intervals of every fusion and baseline; kind shows in colour and shape.

    The row of the title `highlight` is shaded. A click is kept in the selection `model` as {"title": ...}.
    """
    rows = summary_rows(results, task)
    titles = results.titles
    frame = pd.DataFrame(
        {"title": titles[row.model], "kind": row.kind, "accuracy": row.accuracy}
        | {"accuracy_low": row.accuracy_low, "accuracy_high": row.accuracy_high}
        for row in rows
    )
    low = max(0.0, float(frame["accuracy_low"].min()) - 0.05)
    high = min(1.0, float(frame["accuracy_high"].max()) + 0.04)
    text = ", ".join(f"{titles[row.model]} {row.accuracy:.1%}" for row in rows)
    base = alt.Chart(frame.assign(left=low, right=high)).encode(
        y=alt.Y("title:N", sort=list(frame["title"]), title=None, axis=alt.Axis(labelLimit=200)),
        color=alt.Color("kind:N", scale=KINDS, legend=alt.Legend(title=None, orient="top", symbolOpacity=1)),
    )
    scale = alt.Scale(domain=[low, high], nice=False)
    axis = alt.X("left:Q", scale=scale, title="accuracy on test", axis=alt.Axis(format="%"))
    # The whole row takes a click, because a dot is hard to hit.
    shaded = alt.condition(alt.datum.title == highlight, alt.value(0.16), alt.value(0.0))
    bands = base.mark_bar(size=26).encode(x=axis, x2="right:Q", opacity=shaded)
    clicked = alt.selection_point(name="model", fields=["title"], on="click", empty=False)
    ranges = base.mark_rule(strokeWidth=2.5).encode(x=alt.X("accuracy_low:Q", scale=scale), x2="accuracy_high:Q")
    points = base.mark_point(filled=True, size=110, opacity=1).encode(
        x=alt.X("accuracy:Q", scale=scale),
        shape=alt.Shape("kind:N", scale=alt.Scale(domain=["fusion", "single"], range=["circle", "square"])),
        tooltip=["title", alt.Tooltip("accuracy", format=".1%")],
    )
    description = f"Accuracy for {task}, n = {rows[0].n} test products: {text}"
    return (bands.add_params(clicked) + ranges + points).properties(height=30 * len(rows) + 50, description=description)


def subset_table(results: Results, task: str) -> pd.DataFrame:
    """Strategies × the inputs given at prediction, accuracy in %."""
    rows = [row for row in results.subsets if row.task == task]
    frame = pd.DataFrame(
        {"strategy": results.titles[row.model], "given": inputs_words(row.modalities), "accuracy": row.accuracy}
        for row in rows
    )
    if frame.empty:
        return frame
    order = list(dict.fromkeys(inputs_words(row.modalities) for row in rows))
    return frame.pivot(index="strategy", columns="given", values="accuracy")[order[::-1]]


def subset_chart(results: Results, task: str, highlight: str = "") -> alt.LayerChart:
    """Heatmap: how accurate each strategy is with each subset of inputs; the row of `highlight` has a frame."""
    frame = subset_table(results, task)
    order = list(frame.columns)
    long = frame.reset_index().melt("strategy", var_name="given", value_name="accuracy")
    best = "; ".join(f"{given}: {frame[given].idxmax()} {frame[given].max():.0%}" for given in order)
    middle = (long["accuracy"].min() + long["accuracy"].max()) / 2
    description = f"Accuracy for {task} by inputs given, best strategy each: {best}"
    base = alt.Chart(long).encode(
        x=alt.X(
            "given:N",
            sort=order,
            title="inputs given",
            axis=alt.Axis(labelAngle=-35, labelLimit=220, labelOverlap=False),
        ),
        y=alt.Y("strategy:N", title=None, axis=alt.Axis(labelLimit=180, labelOverlap=False, labelFlush=False)),
    )
    framed = alt.condition(alt.datum.strategy == highlight, alt.value("#D55E00"), alt.value("transparent"))
    cells = base.mark_rect(strokeWidth=2).encode(
        color=alt.Color("accuracy:Q", scale=alt.Scale(scheme="blues"), legend=None), stroke=framed
    )
    labels = base.mark_text().encode(
        text=alt.Text("accuracy:Q", format=".0%"),
        color=alt.condition(f"datum.accuracy > {middle}", alt.value(LIGHT_TEXT), alt.value(DARK_TEXT)),
    )
    return (cells + labels).properties(height=34 * len(frame) + 110, description=description)
