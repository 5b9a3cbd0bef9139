"""The confusion matrix, each of whose cells can be clicked.

In: counts of a confusion matrix and the classes to show. Out: an Altair chart.
"""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import numpy as np
import pandas as pd

from retail.charts.palette import DARK_TEXT, LIGHT_TEXT

# From this share of its row on a cell is so dark that its number is written in white.
DARK_SHARE = 0.55
RIGHT, WRONG = ["#DCEBF7", "#0B5FA5"], ["#FBE3D2", "#B5480A"]


def confusion_chart(
    counts: np.ndarray, classes: Sequence[str], shown: Sequence[int], chosen: tuple[int, int] | None = None
) -> alt.LayerChart:
    """Heatmap of counts, shaded by the share of the true class; right answers are blue, mistakes orange.

    `shown` are the classes that get a row and a column, `chosen` the cell with a frame. A click is kept in the
    selection `cell` as {"place_true": ..., "place_said": ...}.
    """
    totals = np.maximum(counts.sum(1), 1)
    rows = [
        {"true": classes[true], "answered": classes[said], "place_true": true, "place_said": said}
        | {"products": int(counts[true, said]), "share": float(counts[true, said] / totals[true])}
        for true in shown
        for said in shown
        if counts[true, said]
    ]
    names = [classes[place] for place in shown]
    down = alt.Axis(labelLimit=170, labelOverlap=False, labelFlush=False)
    # Upright labels stand side by side on a desk's screen; on a phone's some have to go.
    across = alt.Axis(labelLimit=170, labelAngle=-90, labelFlush=False, orient="top", title="answered")
    clicked = alt.selection_point(name="cell", fields=["place_true", "place_said"], on="click", empty=False)
    base = alt.Chart(pd.DataFrame(rows)).encode(
        x=alt.X("answered:N", scale=alt.Scale(domain=names), axis=across),
        y=alt.Y("true:N", scale=alt.Scale(domain=names), axis=down),
        tooltip=["true", "answered", "products", alt.Tooltip("share", format=".0%")],
    )
    right = "datum.place_true == datum.place_said"
    here = f"datum.place_true == {chosen[0]} && datum.place_said == {chosen[1]}" if chosen else "false"
    layers = []
    for shades, test in ((RIGHT, right), (WRONG, f"!({right})")):
        shade = alt.Color("share:Q", scale=alt.Scale(range=shades, domain=[0, 1]), legend=None)
        frame = alt.condition(here, alt.value("#D4006A"), alt.value("transparent"))
        layers.append(base.transform_filter(test).mark_rect(strokeWidth=3).encode(color=shade, stroke=frame))
    ink = alt.condition(f"datum.share > {DARK_SHARE}", alt.value(LIGHT_TEXT), alt.value(DARK_TEXT))
    labels = base.mark_text().encode(text="products:Q", color=ink)
    chart = alt.layer(layers[0].add_params(clicked), layers[1], labels).resolve_scale(color="independent")
    return chart.properties(height=max(160, 24 * len(names)) + 130, description=_words(counts, classes))


def _words(counts: np.ndarray, classes: Sequence[str]) -> str:
    wrong = counts - np.diag(np.diag(counts))
    worst = [divmod(int(place), len(counts)) for place in np.argsort(-wrong, axis=None, kind="stable")[:3]]
    said = [f"{classes[t]} answered as {classes[s]} {wrong[t, s]} times" for t, s in worst if wrong[t, s]]
    return (
        f"Confusion matrix of {int(counts.sum())} test products, {int(np.trace(counts))} right. "
        + ("Most common mistakes: " + "; ".join(said) if said else "No mistake")
        + ". The select box below opens the same cells."
    )
