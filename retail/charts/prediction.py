"""The answer to one task as bars, and what each input said for it.

In: the likeliest classes of a Prediction, or its attribution. Out: an Altair chart.
"""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import pandas as pd

from retail.charts.palette import FUSION_COLOUR, GREY, INPUT_COLOURS
from retail.evaluation.attribution import Attribution
from retail.wording import INPUT_WORDS


def answer_bars(top: Sequence[tuple[str, float]], other: float, classes: int, task: str) -> alt.LayerChart:
    """Top classes and what all others share, as labelled bars."""
    rows = [{"class": label, "probability": prob} for label, prob in top]
    if classes > len(top):
        rows.append({"class": f"Other ({classes - len(top)})", "probability": other})
    text = ", ".join(f"{row['class']} {row['probability']:.0%}" for row in rows)
    order = [str(row["class"]) for row in rows]
    base = alt.Chart(pd.DataFrame(rows)).encode(
        y=alt.Y("class:N", sort=order, title=None, axis=alt.Axis(labelLimit=190)),
        x=alt.X("probability:Q", title=None, scale=alt.Scale(domain=[0, 1.12]), axis=None),
    )
    bars = base.mark_bar(color=FUSION_COLOUR, cornerRadiusEnd=3)
    labels = base.mark_text(align="left", dx=4, color=GREY).encode(text=alt.Text("probability:Q", format=".0%"))
    return (bars + labels).properties(height=26 * len(rows), description=f"Probabilities for {task}: {text}")


def attribution_bars(attribution: Attribution) -> alt.LayerChart:
    """What each input added to the probability of the answer, in points, to the left and right of nothing."""
    rows = [
        {"input": word, "points": 100 * part, "label": f"{word} {100 * part:+.0f}"}
        for modality, word in INPUT_WORDS.items()
        if (part := attribution.parts.get(modality)) is not None
    ]
    names = list(INPUT_COLOURS)
    scale = alt.Scale(domain=names, range=[INPUT_COLOURS[name] for name in names])
    axis = alt.Axis(labelLimit=190, labelOverlap=False)
    bars = (
        alt.Chart(pd.DataFrame(rows))
        .mark_bar(cornerRadius=3)
        .encode(
            y=alt.Y("label:N", sort=[str(row["label"]) for row in rows], title=None, axis=axis),
            x=alt.X("points:Q", title=None, axis=None),
            color=alt.Color("input:N", scale=scale, legend=None),
        )
    )
    zero = alt.Chart(pd.DataFrame({"points": [0.0]})).mark_rule(color=GREY).encode(x="points:Q")
    return (bars + zero).properties(height=34 * len(rows), description=attribution.sentence)
