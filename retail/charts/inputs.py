"""What each input brings and costs, over all products and class by class.

In: rows of a comparison's results, all of one task. Out: Altair charts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt
import pandas as pd

from retail.charts.palette import DARK_TEXT, DASHES, FUSION_COLOUR, GREY, LIGHT_TEXT, SERIES, SHAPES, SINGLE_COLOUR
from retail.comparison.chosen_rows import Attribution, Cascade
from retail.comparison.result_rows import Cost, Dedicated
from retail.wording import INPUT_WORDS, inputs_words

PERCENT = alt.Axis(format="%")
BEST, NOT_WORTH_IT = "best value", "not worth it"


def gain_chart(gains: pd.DataFrame, task: str) -> alt.LayerChart:
    """Columns label, n, accuracy, single_accuracy and gain, the largest gain first: a bar a class.

    To the right of zero fusion gains, to the left it loses against the best single input.
    """
    frame = gains.assign(
        points=100 * gains["gain"],
        name=[f"{row.label} (n = {row.n})" for row in gains.itertuples()],
        effect=["gain" if gain > 0 else "loss" if gain < 0 else "none" for gain in gains["gain"]],
    )
    base = alt.Chart(frame).encode(
        y=alt.Y("name:N", sort=None, title=None, axis=alt.Axis(labelLimit=230, labelOverlap=False))
    )
    figures = [alt.Tooltip(key, format=".1%") for key in ("accuracy", "single_accuracy")]
    gained = alt.Tooltip("points", format="+.1f")
    bars = base.mark_bar().encode(
        x=alt.X("points:Q", title="points of accuracy gained by fusion", axis=alt.Axis(format="+d", labelFlush=False)),
        color=alt.Color(
            "effect:N",
            scale=alt.Scale(domain=["gain", "loss", "none"], range=[FUSION_COLOUR, SINGLE_COLOUR, GREY]),
            legend=None,
        ),
        tooltip=[alt.Tooltip("label", title="class"), "n", *figures, gained],
    )
    zero = alt.Chart(pd.DataFrame({"points": [0.0]})).mark_rule(color=GREY).encode(x="points:Q")
    best, worst = gains.iloc[0], gains.iloc[-1]
    words = (
        f"Gain of fusion per class for {task}: most for {best['label']} {100 * best['gain']:+.0f} points, "
        f"least for {worst['label']} {100 * worst['gain']:+.0f}"
    )
    return (bars + zero).properties(height=22 * len(gains) + 50, description=words)


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
        x=alt.X("input:N", sort=list(names.values()), title=None, axis=alt.Axis(labelAngle=0, orient="top")),
        y=alt.Y(
            "class:N",
            sort=[row.label for row in rows],
            title=None,
            axis=alt.Axis(labelLimit=230, labelOverlap=False, labelFlush=False),
        ),
    )
    scale = alt.Scale(scheme="blueorange", domain=[widest, -widest])
    cells = base.mark_rect().encode(color=alt.Color("points:Q", scale=scale, legend=None))
    ink = alt.condition(f"abs(datum.points) > {0.6 * widest}", alt.value(LIGHT_TEXT), alt.value(DARK_TEXT))
    labels = base.mark_text().encode(text=alt.Text("points:Q", format="+.0f"), color=ink)
    means = long.groupby("input")["points"].mean()
    said = ", ".join(f"{name} {means[name]:+.0f}" for name in names.values())
    words = f"What each input adds to the right answer for {task}, in points, mean over classes: {said}"
    return (cells + labels).properties(height=24 * len(rows) + 40, description=words)


def dedicated_chart(rows: Sequence[Dedicated], task: str) -> alt.LayerChart:
    """The one model beside a model trained for one subset only, subset by subset."""
    pairs = [
        {"given": inputs_words(row.modalities), "model": model, "accuracy": accuracy}
        for row in rows
        for model, accuracy in (("one model for all", row.accuracy), ("trained for these inputs", row.dedicated))
    ]
    order = [inputs_words(row.modalities) for row in rows][::-1]
    base = alt.Chart(pd.DataFrame(pairs)).encode(
        y=alt.Y("given:N", sort=order, title=None, axis=alt.Axis(labelLimit=220)),
        x=alt.X("accuracy:Q", scale=alt.Scale(zero=False), axis=PERCENT),
    )
    domain = ["one model for all", "trained for these inputs"]
    points = base.mark_point(filled=True, size=110, opacity=1).encode(
        color=alt.Color(
            "model:N",
            scale=alt.Scale(domain=domain, range=[FUSION_COLOUR, SINGLE_COLOUR]),
            legend=alt.Legend(title=None, orient="top", labelLimit=220),
        ),
        shape=alt.Shape("model:N", scale=alt.Scale(domain=domain, range=["circle", "square"])),
        tooltip=["given", "model", alt.Tooltip("accuracy", format=".1%")],
    )
    links = base.mark_line(color=GREY, strokeWidth=2).encode(detail="given:N")
    text = "; ".join(f"{inputs_words(row.modalities)} {row.accuracy:.1%} against {row.dedicated:.1%}" for row in rows)
    words = f"One model against models trained for one subset each, for {task}: {text}"
    return (links + points).properties(height=32 * len(rows) + 60, description=words)


def cost_chart(rows: Sequence[Cost], task: str) -> alt.LayerChart:
    """Accuracy against the time to encode one product; a circle is worth its price, a cross is not."""
    frame = pd.DataFrame(
        {"given": inputs_words(row.modalities), "accuracy": row.accuracy, "milliseconds": 1000 * row.seconds}
        | {"MiB": row.mebibytes, "kind": BEST if row.worth_it else NOT_WORTH_IT}
        for row in rows
    )
    domain = [kind for kind in (BEST, NOT_WORTH_IT) if kind in set(frame["kind"])]
    base = alt.Chart(frame).encode(
        x=alt.X(
            "milliseconds:Q",
            title="ms to encode one product",
            scale=alt.Scale(domain=[0, 1.2 * frame["milliseconds"].max()]),
        ),
        y=alt.Y("accuracy:Q", scale=alt.Scale(zero=False, padding=20), axis=PERCENT),
    )
    points = base.mark_point(filled=True, size=130, opacity=1).encode(
        color=alt.Color(
            "kind:N",
            scale=_scale(domain, (FUSION_COLOUR, GREY)),
            legend=alt.Legend(title=None, orient="top", labelLimit=220),
        ),
        shape=alt.Shape("kind:N", scale=_scale(domain, ("circle", "cross"))),
        tooltip=["given", alt.Tooltip("accuracy", format=".1%"), alt.Tooltip("milliseconds", format=".0f"), "MiB"],
    )
    # Above the best and below the others, so that neighbours do not write over each other.
    labels = [
        base.transform_filter(alt.datum.kind == kind).mark_text(dy=dy, color=GREY).encode(text="given:N")
        for kind, dy in zip(domain, (-13, 16), strict=False)
    ]
    text = "; ".join(
        f"{r['given']} {r['accuracy']:.1%} in {r['milliseconds']:.0f} ms" for r in frame.to_dict("records")
    )
    words = f"Accuracy for {task} against encoding time: {text}"
    return alt.LayerChart(layer=[points, *labels]).properties(height=330, description=words)


def _scale(domain: list[str], marks: Sequence[Any]) -> alt.Scale:
    """Each value its own mark, so that range and domain are equally long."""
    return alt.Scale(domain=domain, range=[marks[place % len(marks)] for place in range(len(domain))])


def cascade_chart(rows: Sequence[Cascade], task: str) -> alt.LayerChart:
    """Accuracy against the share of products for which more is asked, a line a second step."""
    steps = list(dict.fromkeys(inputs_words(row.then) for row in rows))
    # Not called "then": a browser would take such a row for a promise and draw nothing.
    frame = pd.DataFrame({"more": inputs_words(row.then), "asked": row.asked, "accuracy": row.accuracy} for row in rows)
    legend = alt.Legend(
        title=None, orient="top", labelLimit=240, columns=1, symbolStrokeWidth=0
    )  # a dash would fray its signs
    base = alt.Chart(frame).encode(
        x=alt.X("asked:Q", title="products asked for more", axis=PERCENT),
        y=alt.Y("accuracy:Q", scale=alt.Scale(zero=False), axis=PERCENT),
        color=alt.Color("more:N", scale=_scale(steps, SERIES), legend=legend),
    )
    dash = alt.StrokeDash("more:N", scale=_scale(steps, DASHES), legend=legend)
    lines = base.mark_line(strokeWidth=2).encode(strokeDash=dash)
    points = base.mark_point(filled=True, size=60, opacity=1).encode(
        shape=alt.Shape("more:N", scale=_scale(steps, SHAPES), legend=legend),
        tooltip=["more", alt.Tooltip("asked", format=".0%"), alt.Tooltip("accuracy", format=".1%")],
    )
    ends = [max((row for row in frame.to_dict("records") if row["more"] == s), key=lambda r: r["asked"]) for s in steps]
    text = "; ".join(f"always asking for {row['more']} {row['accuracy']:.1%}" for row in ends)
    return (lines + points).properties(height=320, description=f"Cascade for {task}: {text}")
