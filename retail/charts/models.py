"""Strategies and baselines side by side: accuracy with intervals, and what each is worth when inputs are missing.

In: `Results`, a task and the title of the model that is looked at. Out: Altair charts and their table.
"""

from __future__ import annotations

import altair as alt
import pandas as pd

from retail.charts.axes import best_single_rule, figures_axis, height, names_axis, share_axis, tips, told
from retail.charts.palette import CHOSEN_COLOUR, DARK_TEXT, FUSION_COLOUR, LIGHT_TEXT, SINGLE_COLOUR
from retail.comparison.result_rows import Score
from retail.comparison.results import Results
from retail.wording import inputs_words, percent, percent_range, task_words

KIND_WORDS = {"fusion": "several inputs", "single": "one input"}
KIND_MARKS = {"several inputs": (FUSION_COLOUR, "circle"), "one input": (SINGLE_COLOUR, "square")}


def summary_rows(results: Results, task: str) -> list[Score]:
    """The rows over all seeds of one task, the most accurate first."""
    return sorted(results.mean_scores(task).values(), key=lambda row: -row.accuracy)


def accuracy_chart(results: Results, task: str, highlight: str = "") -> alt.LayerChart:
    """Accuracy with 95 % intervals of every fusion and baseline; kind shows in colour and shape.

    The row of the title `highlight` is shaded; a dashed line marks the best single input. A click is kept in the
    selection `model` as {"title": ...}.
    """
    rows, titles = summary_rows(results, task), results.titles
    frame = pd.DataFrame(
        {"title": titles[row.model], "kind": KIND_WORDS[row.kind], "accuracy": row.accuracy}
        | {"accuracy_low": row.accuracy_low, "accuracy_high": row.accuracy_high, "n": row.n}
        | {"_95 % interval": percent_range(row.accuracy_low, row.accuracy_high)}
        for row in rows
    )
    scale, axis = share_axis(float(frame["accuracy_low"].min()), float(frame["accuracy_high"].max()))
    ends = {"_left": scale.domain[0], "_right": scale.domain[1]}
    kinds = [kind for kind in KIND_MARKS if kind in set(frame["kind"])]
    colours, signs = (alt.Scale(domain=kinds, range=[KIND_MARKS[kind][place] for kind in kinds]) for place in (0, 1))
    base = alt.Chart(told(frame, {"accuracy": percent}).assign(**ends)).encode(
        color=alt.Color("kind:N", scale=colours, legend=alt.Legend(title=None, orient="top", symbolOpacity=1)),
    )
    order = list(frame["title"])
    named = alt.Y("title:N", sort=order, title=None, axis=names_axis())
    figures = dict(zip(order, frame["accuracy"].map(percent), strict=True))
    beside = alt.Y("title:N", sort=order, title=None, axis=figures_axis(figures))
    # The whole row takes a click, because a dot is hard to hit.
    shaded = alt.condition(alt.datum.title == highlight, alt.value(0.16), alt.value(0.0))
    across = alt.X("_left:Q", scale=scale, title="accuracy on test", axis=axis)
    bands = base.mark_bar(size=24).encode(y=named, x=across, x2="_right:Q", opacity=shaded)
    clicked = alt.selection_point(name="model", fields=["title"], on="click", empty=False)
    ranges = base.mark_rule(strokeWidth=2.5).encode(
        y=alt.Y("title:N", sort=order, axis=None), x=alt.X("accuracy_low:Q", scale=scale), x2="accuracy_high:Q"
    )
    points = base.mark_point(filled=True, size=110, opacity=1).encode(
        y=beside,
        x=alt.X("accuracy:Q", scale=scale),
        shape=alt.Shape("kind:N", scale=signs),
        tooltip=tips("title", "_accuracy", "_95 % interval", "n"),
    )
    layers = [bands.add_params(clicked), ranges, points]
    singles = [row.accuracy for row in rows if row.kind == "single"]
    if singles and len(singles) < len(rows):
        layers.insert(1, best_single_rule(max(singles), scale))
    chart = alt.LayerChart(layer=layers).resolve_axis(y="independent")
    return chart.properties(height=height(len(rows)), description=_accuracy_words(rows, titles, task))


def _accuracy_words(rows: list[Score], titles: dict[str, str], task: str) -> str:
    first = rows[0]
    single = next((row for row in rows if row.kind == "single" and row is not first), None)
    beside = f"; the best single input, {titles[single.model]}, {percent(single.accuracy)}" if single else ""
    if first.kind == "single":
        fusion = next((row for row in rows if row.kind == "fusion"), None)
        beside = f"; the best fusion, {titles[fusion.model]}, {percent(fusion.accuracy)}" if fusion else ""
    every = ", ".join(f"{titles[row.model]} {percent(row.accuracy)}" for row in rows)
    lead = f"{titles[first.model]} is right most often for {task_words(task)}: {percent(first.accuracy)}{beside}"
    return f"{lead}. n = {first.n:,} test products. In order: {every}"


def subset_table(results: Results, task: str) -> pd.DataFrame:
    """Strategies × the inputs given at prediction, accuracy as a share."""
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
    long = told(
        frame.reset_index().melt("strategy", var_name="given", value_name="accuracy"),
        {"accuracy": percent},
    ).assign(_whole=lambda table: 100 * table["accuracy"])
    middle = (long["accuracy"].min() + long["accuracy"].max()) / 2
    best = "; ".join(f"with {given} {frame[given].idxmax()} {percent(frame[given].max())}" for given in order)
    base = alt.Chart(long).encode(
        x=alt.X(
            "given:N",
            sort=order,
            title="accuracy in %",
            axis=alt.Axis(labelAngle=-35, labelLimit=220, labelOverlap=False),
        ),
        y=alt.Y("strategy:N", title=None, axis=names_axis()),
        tooltip=tips("strategy", "given", "_accuracy"),
    )
    framed = alt.condition(alt.datum.strategy == highlight, alt.value(CHOSEN_COLOUR), alt.value("transparent"))
    cells = base.mark_rect(strokeWidth=2).encode(
        color=alt.Color("accuracy:Q", scale=alt.Scale(scheme="blues"), legend=None), stroke=framed
    )
    labels = base.mark_text(fontSize=11).encode(
        text=alt.Text("_whole:Q", format=".1f"),
        color=alt.condition(f"datum.accuracy > {middle}", alt.value(LIGHT_TEXT), alt.value(DARK_TEXT)),
    )
    words = f"The best method for {task_words(task)} by inputs given: {best}"
    return (cells + labels).properties(height=34 * len(frame) + 170, description=words)
