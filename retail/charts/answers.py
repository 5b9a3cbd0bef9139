"""The answer to one task as bars.

In: the likeliest classes of a Prediction. Out: an Altair chart.
"""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import pandas as pd

from retail.charts.palette import FUSION_COLOUR, GREY


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
