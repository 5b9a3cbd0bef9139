"""What each input brings and costs, over all products and class by class.

In: rows of a comparison's results, all of one task. Out: Altair charts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt
import pandas as pd

from retail.charts.axes import figures_axis, height, names_axis, percent_axis, share_axis, tips, told
from retail.charts.palette import DARK_TEXT, DASHES, FUSION_COLOUR, GREY, LIGHT_TEXT, SERIES, SHAPES, SINGLE_COLOUR
from retail.comparison.chosen_rows import Attribution, Cascade
from retail.comparison.result_rows import Cost, Dedicated
from retail.wording import INPUT_WORDS, inputs_words, percent, points, task_words

BEST, NOT_WORTH_IT = "best value", "not worth it"
QUARTERS = (0.0, 0.25, 0.5, 0.75, 1.0)


def gain_chart(gains: pd.DataFrame, task: str) -> alt.LayerChart:
    """Columns label, n, accuracy, single_accuracy and gain, the largest gain first: a bar a class.

    To the right of zero fusion gains, to the left it loses against the best single input; n stands in brackets.
    """
    frame = told(
        gains.assign(
            points=100 * gains["gain"],
            _effect=["gain" if gain > 0 else "loss" if gain < 0 else "none" for gain in gains["gain"]],
        ),
        {"accuracy": percent, "single_accuracy": percent, "gain": points},
    )
    order = list(frame["label"])
    figures = {row.label: f"{row.points:+.1f} ({row.n:,})" for row in frame.itertuples()}
    base = alt.Chart(frame).encode(y=alt.Y("label:N", sort=order, title=None, axis=names_axis(230)))
    bars = base.mark_bar().encode(
        x=alt.X(
            "points:Q",
            title="points gained by fusion",
            axis=alt.Axis(
                labelExpr="datum.value ? format(datum.value, '+d') : '0'", labelFlush=False, tickCount=5, tickMinStep=1
            ),
        ),
        color=alt.Color(
            "_effect:N",
            scale=alt.Scale(domain=["gain", "loss", "none"], range=[FUSION_COLOUR, SINGLE_COLOUR, GREY]),
            legend=None,
        ),
        tooltip=tips("label", "n", "_accuracy", "_single_accuracy", "_gain"),
    )
    beside = base.mark_point(opacity=0, aria=False).encode(
        x="points:Q", y=alt.Y("label:N", sort=order, title=None, axis=figures_axis(figures))
    )
    zero = alt.Chart(pd.DataFrame({"points": [0.0]})).mark_rule(color=GREY).encode(x="points:Q")
    best, worst = gains.loc[gains["gain"].idxmax()], gains.loc[gains["gain"].idxmin()]
    words = (
        f"Fusion gains most for {best['label']}, {points(best['gain'])}, and least for {worst['label']}, "
        f"{points(worst['gain'])}, of {len(gains)} classes of {task_words(task)}"
    )
    chart = alt.layer(bars, beside, zero).resolve_axis(y="independent")
    return chart.properties(height=height(len(gains)), description=words)


def attribution_chart(rows: Sequence[Attribution], task: str) -> alt.LayerChart:
    """Heatmap of classes × inputs: points that an input adds to the probability of the right class."""
    names = {key: word for key, word in INPUT_WORDS.items() if any(key in row.parts for row in rows)}
    long = pd.DataFrame(
        {"class": row.label, "input": word, "points": 100 * row.parts[key]}
        for row in rows
        for key, word in names.items()
        if key in row.parts
    )
    widest = max(float(long["points"].abs().max()), 1.0)
    base = alt.Chart(long).encode(
        x=alt.X(
            "input:N",
            sort=list(names.values()),
            title=None,
            axis=alt.Axis(labelAngle=0, orient="top", labelOverlap=False),
        ),
        y=alt.Y("class:N", sort=[row.label for row in rows], title=None, axis=names_axis(230)),
    )
    scale = alt.Scale(scheme="blueorange", domain=[widest, -widest])
    cells = base.mark_rect().encode(color=alt.Color("points:Q", scale=scale, legend=None))
    ink = alt.condition(f"abs(datum.points) > {0.6 * widest}", alt.value(LIGHT_TEXT), alt.value(DARK_TEXT))
    labels = base.mark_text().encode(text=alt.Text("points:Q", format="+.1f"), color=ink)
    means = long.groupby("input")["points"].mean()
    most = str(means.idxmax())
    said = ", ".join(f"{name} {points(means[name] / 100)}" for name in names.values())
    words = f"The {most} adds most to the right answer for {task_words(task)}; mean over {len(rows)} classes: {said}"
    return (cells + labels).properties(height=height(len(rows)), description=words)


def dedicated_chart(rows: Sequence[Dedicated], task: str) -> alt.LayerChart:
    """The one model beside a model trained for one subset only, subset by subset."""
    pairs = pd.DataFrame(
        {"given": inputs_words(row.modalities), "model": model, "accuracy": accuracy}
        for row in rows
        for model, accuracy in (("one model for all", row.accuracy), ("trained for these inputs", row.dedicated))
    )
    order = [inputs_words(row.modalities) for row in rows][::-1]
    scale, axis = share_axis(float(pairs["accuracy"].min()), float(pairs["accuracy"].max()))
    base = alt.Chart(told(pairs, {"accuracy": percent})).encode(
        y=alt.Y("given:N", sort=order, title=None, axis=names_axis(220)),
        x=alt.X("accuracy:Q", scale=scale, axis=axis, title="accuracy on test"),
    )
    domain = ["one model for all", "trained for these inputs"]
    marks = base.mark_point(filled=True, size=110, opacity=1).encode(
        color=alt.Color(
            "model:N",
            scale=alt.Scale(domain=domain, range=[FUSION_COLOUR, GREY]),
            legend=alt.Legend(title=None, orient="top", labelLimit=220, columns=1),
        ),
        shape=alt.Shape("model:N", scale=alt.Scale(domain=domain, range=["circle", "square"])),
        tooltip=tips("given", "model", "_accuracy"),
    )
    links = base.mark_line(color=GREY, strokeWidth=2).encode(detail="given:N")
    worst = max(rows, key=lambda row: row.loss)
    text = "; ".join(
        f"{inputs_words(row.modalities)} {percent(row.accuracy)} against {percent(row.dedicated)}" for row in rows
    )
    words = (
        f"One model for all inputs is furthest behind with {inputs_words(worst.modalities)}: {points(-worst.loss)} for "
        f"{task_words(task)}. Against models trained for these inputs: {text}"
    )
    return (links + marks).properties(height=height(len(rows), 32) + 20, description=words)


def cost_chart(rows: Sequence[Cost], task: str) -> alt.LayerChart:
    """Accuracy of each mix of inputs, the quickest first, with its time; a circle is the best value for its time."""
    rows = sorted(rows, key=lambda row: row.seconds)
    frame = pd.DataFrame(
        {"given": inputs_words(row.modalities), "accuracy": row.accuracy, "milliseconds": 1000 * row.seconds}
        | {"MiB": row.mebibytes, "kind": BEST if row.worth_it else NOT_WORTH_IT}
        for row in rows
    )
    domain = [kind for kind in (BEST, NOT_WORTH_IT) if kind in set(frame["kind"])]
    order = list(frame["given"])
    scale, axis = share_axis(float(frame["accuracy"].min()), float(frame["accuracy"].max()))
    times = {name: f"{spent:.0f} ms" for name, spent in zip(order, frame["milliseconds"], strict=True)}
    base = alt.Chart(
        told(frame, {"accuracy": percent, "milliseconds": "{:.0f}".format, "MiB": "{:.0f}".format})
    ).encode(
        y=alt.Y("given:N", sort=order, title=None, axis=names_axis(220)),
        x=alt.X("accuracy:Q", scale=scale, axis=axis, title="accuracy on test"),
        color=alt.Color(
            "kind:N",
            scale=_scale(domain, (FUSION_COLOUR, GREY)),
            legend=alt.Legend(title=None, orient="top", labelLimit=220, columns=1),
        ),
        shape=alt.Shape("kind:N", scale=_scale(domain, ("circle", "cross"))),
        tooltip=tips("given", "_accuracy", "_milliseconds", "_MiB"),
    )
    marks = base.mark_point(filled=True, size=130, opacity=1)
    beside = base.mark_point(opacity=0, aria=False).encode(
        y=alt.Y("given:N", sort=order, title=None, axis=figures_axis(times))
    )
    best = "; ".join(
        f"{row.given} {percent(row.accuracy)} in {times[row.given]}" for row in frame.itertuples() if row.kind == BEST
    )
    words = f"Best value for {task_words(task)}, the quickest first: {best}"
    chart = alt.layer(marks, beside).resolve_axis(y="independent")
    return chart.properties(height=height(len(rows), 30) + 20, description=words)


def _scale(domain: list[str], marks: Sequence[Any]) -> alt.Scale:
    """Each value its own mark, so that range and domain are equally long."""
    return alt.Scale(domain=domain, range=[marks[place % len(marks)] for place in range(len(domain))])


def cascade_chart(rows: Sequence[Cascade], task: str) -> alt.LayerChart:
    """Accuracy against the share of products for which more is asked, a line a second step."""
    steps = list(dict.fromkeys(inputs_words(row.then) for row in rows))
    # Not called "then": a browser would take such a row for a promise and draw nothing.
    frame = pd.DataFrame({"more": inputs_words(row.then), "asked": row.asked, "accuracy": row.accuracy} for row in rows)
    # One below the other, and without a dash, which would fray the signs.
    legend = alt.Legend(title=None, orient="top", labelLimit=240, columns=1, symbolStrokeWidth=0)
    scale, axis = share_axis(float(frame["accuracy"].min()), float(frame["accuracy"].max()))
    base = alt.Chart(told(frame, {"asked": percent, "accuracy": percent})).encode(
        x=alt.X(
            "asked:Q", title="products asked for more", axis=percent_axis(QUARTERS), scale=alt.Scale(domain=[0, 1])
        ),
        y=alt.Y("accuracy:Q", scale=scale, axis=axis, title="accuracy on test"),
        color=alt.Color("more:N", scale=_scale(steps, SERIES), legend=legend),
    )
    dash = alt.StrokeDash("more:N", scale=_scale(steps, DASHES), legend=legend)
    lines = base.mark_line(strokeWidth=2).encode(strokeDash=dash)
    marks = base.mark_point(filled=True, size=60, opacity=1).encode(
        shape=alt.Shape("more:N", scale=_scale(steps, SHAPES), legend=legend),
        tooltip=tips("more", "_asked", "_accuracy"),
    )
    found = frame.to_dict("records")
    never = min(found, key=lambda row: row["asked"])
    ends = [max((row for row in found if row["more"] == step), key=lambda row: row["asked"]) for step in steps]
    text = "; ".join(f"always asking for {row['more']} {percent(row['accuracy'])}" for row in ends)
    words = f"Accuracy for {task_words(task)}: never asking for more {percent(never['accuracy'])}; {text}"
    return (lines + marks).properties(height=330, description=words)
