"""The confusion matrix, each of whose cells can be clicked.

In: counts of a confusion matrix and the classes to show. Out: an Altair chart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import altair as alt
import pandas as pd

from retail.charts.axes import names_axis, on_a_phone, tips, told
from retail.charts.palette import CHOSEN_COLOUR, DARK_TEXT, LIGHT_TEXT
from retail.wording import number_of, percent

# From this share of its row on a cell is so dark that its number is written in white.
DARK_SHARE = 0.55
RIGHT, WRONG = ["#DCEBF7", "#0B5FA5"], ["#FBE3D2", "#B5480A"]


def confusion_chart(
    counts: Mapping[tuple[int, int], int],
    classes: Sequence[str],
    shown: Sequence[int],
    chosen: tuple[int, int] | None = None,
) -> alt.LayerChart:
    """Heatmap of counts, shaded by the share of the true class; right answers are blue, mistakes orange.

    `shown` are the classes that get a row and a column, `chosen` the cell with a frame. A click is kept in the
    selection `cell` as {"_true": ..., "_said": ...}, the places of the classes.
    """
    totals: dict[int, int] = {}
    for (true, _), count in counts.items():
        totals[true] = totals.get(true, 0) + count
    kept = set(shown)
    rows = [
        {"true": classes[true], "answered": classes[said], "_true": true, "_said": said}
        | {"products": count, "share": count / totals[true]}
        for (true, said), count in sorted(counts.items())
        if {true, said} <= kept
    ]
    columns = ["true", "answered", "_true", "_said", "products", "share"]
    names = [classes[place] for place in shown]
    # Upright labels stand side by side on a desk's screen; on a phone's some have to go.
    across = alt.Axis(labelLimit=on_a_phone(110, 170), labelAngle=-90, labelFlush=False, orient="top", title="answered")
    clicked = alt.selection_point(name="cell", fields=["_true", "_said"], on="click", empty=False)
    base = alt.Chart(told(pd.DataFrame(rows, columns=columns), {"share": percent})).encode(
        x=alt.X("answered:N", scale=alt.Scale(domain=names), axis=across),
        y=alt.Y("true:N", scale=alt.Scale(domain=names), axis=names_axis(180)),
        tooltip=tips("true", "answered", "products", "_share"),
    )
    right = "datum._true == datum._said"
    here = f"datum._true == {chosen[0]} && datum._said == {chosen[1]}" if chosen else "false"
    layers = []
    for shades, test in ((RIGHT, right), (WRONG, f"!({right})")):
        shade = alt.Color("share:Q", scale=alt.Scale(range=shades, domain=[0, 1]), legend=None)
        frame = alt.condition(here, alt.value(CHOSEN_COLOUR), alt.value("transparent"))
        layers.append(base.transform_filter(test).mark_rect(strokeWidth=3).encode(color=shade, stroke=frame))
    ink = alt.condition(f"datum.share > {DARK_SHARE}", alt.value(LIGHT_TEXT), alt.value(DARK_TEXT))
    labels = base.mark_text(fontSize=on_a_phone(8, 11)).encode(text="products:Q", color=ink)
    chart = alt.layer(layers[0].add_params(clicked), layers[1], labels).resolve_scale(color="independent")
    return chart.properties(height=max(160, 26 * len(names)) + 130, description=_words(counts, classes))


def _words(counts: Mapping[tuple[int, int], int], classes: Sequence[str]) -> str:
    wrong = {pair: count for pair, count in counts.items() if pair[0] != pair[1]}
    worst = sorted(wrong, key=lambda pair: (-wrong[pair], pair))[:3]
    said = [
        f"{classes[true]} answered as {classes[answer]} {number_of(wrong[true, answer], 'time')}"
        for true, answer in worst
    ]
    total = sum(counts.values())
    return (
        ("Most common mistakes: " + "; ".join(said) if said else "No mistake")
        + f". {total - sum(wrong.values()):,} of {total:,} test products are right. "
        + "The select box below opens the same cells."
    )
