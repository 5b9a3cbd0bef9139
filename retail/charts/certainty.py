"""How sure a model is beside how right it is.

In: one `Calibration` row of a comparison's results. Out: Altair charts.
"""

from __future__ import annotations

import altair as alt
import pandas as pd

from retail.charts.palette import DASHES, FUSION_COLOUR, GREY, SERIES
from retail.comparison.chosen_rows import Calibration, Threshold

UNIT = alt.Scale(domain=[0, 1], nice=False)
WHEN = ("before", "after")


def _bins(row: Calibration) -> pd.DataFrame:
    both = zip(WHEN, (row.reliability_before, row.reliability_after), strict=True)
    rows = [{"when": when, **vars(bin_)} for when, bins in both for bin_ in bins if bin_.n]
    return pd.DataFrame(rows, columns=["when", "low", "high", "n", "confidence", "accuracy"])


def reliability_chart(row: Calibration) -> alt.LayerChart:
    """Accuracy against confidence, a point a bin, before and after the temperature; its size is the bin's count."""
    frame = _bins(row)
    legend = alt.Legend(title="temperature", orient="top", symbolStrokeWidth=0)  # a dash would fray its signs
    colour = alt.Color("when:N", scale=alt.Scale(domain=WHEN, range=[GREY, FUSION_COLOUR]), legend=legend)
    base = alt.Chart(frame).encode(
        x=alt.X("confidence:Q", scale=UNIT, axis=alt.Axis(format="%")),
        y=alt.Y("accuracy:Q", scale=UNIT, axis=alt.Axis(format="%")),
        color=colour,
    )
    lines = base.mark_line(strokeWidth=2).encode(
        strokeDash=alt.StrokeDash("when:N", scale=alt.Scale(domain=WHEN, range=[[5, 3], [1, 0]]), legend=legend)
    )
    points = base.mark_point(filled=True, opacity=1).encode(
        size=alt.Size("n:Q", legend=None, scale=alt.Scale(range=[25, 260])),
        shape=alt.Shape("when:N", scale=alt.Scale(domain=WHEN, range=["square", "circle"]), legend=legend),
        tooltip=["when", "n", alt.Tooltip("confidence", format=".1%"), alt.Tooltip("accuracy", format=".1%")],
    )
    ideal = pd.DataFrame({"confidence": [0.0, 1.0], "accuracy": [0.0, 1.0]})
    diagonal = alt.Chart(ideal).mark_line(strokeDash=[2, 4], color=GREY).encode(x="confidence:Q", y="accuracy:Q")
    words = (
        f"Reliability for {row.task}, n = {row.n}: calibration error {row.ece_before:.1%} before and "
        f"{row.ece_after:.1%} after the temperature"
    )
    return (diagonal + lines + points).properties(height=330, description=words)


def bin_chart(row: Calibration) -> alt.LayerChart:
    """How many test products fall into each bin of confidence, after the temperature."""
    frame = _bins(row)
    frame = frame[frame["when"] == "after"]
    text = ", ".join(f"{bin_.low:.0%} to {bin_.high:.0%}: {bin_.n}" for bin_ in row.reliability_after if bin_.n)
    base = alt.Chart(frame.assign(zero=0)).encode(y=alt.Y("n:Q", title="products"))
    across = alt.X("low:Q", scale=UNIT, axis=alt.Axis(format="%"), title="confidence")
    bars = base.mark_rect(color=FUSION_COLOUR, stroke=GREY).encode(x=across, x2="high:Q", y2="zero:Q")
    middle = "(datum.low + datum.high) / 2"
    labels = base.transform_calculate(middle=middle).mark_text(dy=-7, color=GREY).encode(x="middle:Q", text="n:Q")
    return (bars + labels).properties(height=330, description=f"Products per bin of confidence, {text}")


def coverage_chart(row: Calibration, wish: Threshold | None = None) -> alt.LayerChart:
    """Accuracy of the most confident answers; a cross marks what a target accuracy comes to on the test rows."""
    frame = pd.DataFrame([vars(point) for point in row.coverage])
    lowest = min([*frame["accuracy"], *([wish.wished] if wish else [])])
    up = alt.Y("accuracy:Q", scale=alt.Scale(domain=[max(0.0, lowest - 0.05), 1.0]), axis=alt.Axis(format="%"))
    across = alt.X("coverage:Q", scale=UNIT, axis=alt.Axis(format="%"), title="answered, most confident first")
    base = alt.Chart(frame).encode(
        x=across, y=up, tooltip=[alt.Tooltip(k, format=".1%") for k in ("coverage", "threshold", "accuracy")]
    )
    layers: list[alt.Chart] = [base.mark_line(color=FUSION_COLOUR, point=alt.OverlayMarkDef(color=FUSION_COLOUR))]
    text = ", ".join(f"{point.coverage:.0%}: {point.accuracy:.1%}" for point in row.coverage)
    if wish:
        line = pd.DataFrame({"accuracy": [wish.wished]})
        layers.append(alt.Chart(line).mark_rule(color=SERIES[1], strokeDash=list(DASHES[1])).encode(y="accuracy:Q"))
        if wish.accuracy is not None:
            point = pd.DataFrame([{"coverage": wish.coverage, "accuracy": wish.accuracy}])
            mark = alt.Chart(point).mark_point(shape="cross", filled=True, size=220, color=SERIES[1], opacity=1)
            layers.append(mark.encode(x="coverage:Q", y="accuracy:Q"))
    words = f"Accuracy for {row.task} by share answered, {text}"
    return alt.LayerChart(layer=layers).properties(height=300, description=words)
