"""The answer to one task as bars, and what each input said for it.

In: the likeliest classes of a Prediction, or its attribution. Out: an Altair chart.
"""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import pandas as pd

from retail.charts.axes import ROW, figures_axis, names_axis
from retail.charts.palette import FUSION_COLOUR, GREY, INPUT_COLOURS
from retail.evaluation.attribution import Attribution
from retail.wording import INPUT_WORDS, percent, points, task_words


def answer_bars(top: Sequence[tuple[str, float]], other: float, classes: int, task: str) -> alt.LayerChart:
    """Top classes and what all others share, as labelled bars."""
    rows = [*top, (f"Other ({classes - len(top)})", other)] if classes > len(top) else list(top)
    figures = {label: percent(prob) for label, prob in rows}
    order = list(figures)
    base = alt.Chart(pd.DataFrame(rows, columns=["class", "probability"])).encode(
        x=alt.X("probability:Q", title=None, scale=alt.Scale(domain=[0, 1]), axis=None)
    )
    bars = base.mark_bar(color=FUSION_COLOUR, cornerRadiusEnd=3).encode(
        y=alt.Y("class:N", sort=order, title=None, axis=names_axis())
    )
    # Marks that nobody sees, for the axis at the right with the figures.
    beside = base.mark_point(opacity=0, aria=False).encode(
        y=alt.Y("class:N", sort=order, title=None, axis=figures_axis(figures))
    )
    chart = alt.layer(bars, beside).resolve_axis(y="independent")
    said = ", ".join(f"{name} {figure}" for name, figure in figures.items())
    return chart.properties(height=ROW * len(rows), description=f"Probabilities for {task_words(task)}: {said}")


def attribution_bars(attribution: Attribution) -> alt.LayerChart:
    """What each input added to the probability of the answer, in points, to the left and right of nothing."""
    rows = [
        {"input": word, "points": 100 * part, "label": f"{word} {points(part)}"}
        for modality, word in INPUT_WORDS.items()
        if (part := attribution.parts.get(modality)) is not None
    ]
    names = list(INPUT_COLOURS)
    scale = alt.Scale(domain=names, range=[INPUT_COLOURS[name] for name in names])
    bars = (
        alt.Chart(pd.DataFrame(rows))
        .mark_bar(cornerRadius=3)
        .encode(
            y=alt.Y("label:N", sort=[str(row["label"]) for row in rows], title=None, axis=names_axis()),
            x=alt.X("points:Q", title=None, axis=None),
            color=alt.Color("input:N", scale=scale, legend=None),
        )
    )
    zero = alt.Chart(pd.DataFrame({"points": [0.0]})).mark_rule(color=GREY).encode(x="points:Q")
    return (bars + zero).properties(height=34 * len(rows), description=attribution.sentence)
