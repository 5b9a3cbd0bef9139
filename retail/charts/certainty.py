"""How sure a model is beside how right it is.

In: one `Calibration` row of a comparison's results. Out: Altair charts.
"""

from __future__ import annotations

import altair as alt
import pandas as pd

from retail.charts.axes import percent_axis, share_axis, tips, told
from retail.charts.palette import DASHES, FUSION_COLOUR, GREY, SERIES
from retail.comparison.chosen_rows import Calibration, Threshold
from retail.wording import percent, percent_range, task_words

UNIT = alt.Scale(domain=[0, 1], nice=False)
QUARTERS = percent_axis((0.0, 0.25, 0.5, 0.75, 1.0))

WHEN = ("before", "after")


def _bins(row: Calibration) -> pd.DataFrame:
    both = zip(WHEN, (row.reliability_before, row.reliability_after), strict=True)
    rows = [{"when": when, **vars(bin_)} for when, bins in both for bin_ in bins if bin_.n]
    frame = pd.DataFrame(rows, columns=["when", "low", "high", "n", "confidence", "accuracy"])
    return told(frame, {"confidence": percent, "accuracy": percent})


def reliability_chart(row: Calibration) -> alt.LayerChart:
    """Accuracy against confidence, a point a bin, before and after the temperature; its size is the bin's count."""
    frame = _bins(row)
    legend = alt.Legend(title="temperature", orient="top", symbolStrokeWidth=0)  # a dash would fray its signs
    colour = alt.Color("when:N", scale=alt.Scale(domain=WHEN, range=[GREY, FUSION_COLOUR]), legend=legend)
    base = alt.Chart(frame).encode(
        x=alt.X("confidence:Q", scale=UNIT, axis=QUARTERS, title="how sure"),
        y=alt.Y("accuracy:Q", scale=UNIT, axis=QUARTERS, title="how often right"),
        color=colour,
    )
    lines = base.mark_line(strokeWidth=2).encode(
        strokeDash=alt.StrokeDash("when:N", scale=alt.Scale(domain=WHEN, range=[[5, 3], [1, 0]]), legend=legend)
    )
    points = base.mark_point(filled=True, opacity=1).encode(
        size=alt.Size("n:Q", legend=None, scale=alt.Scale(range=[25, 260])),
        shape=alt.Shape("when:N", scale=alt.Scale(domain=WHEN, range=["square", "circle"]), legend=legend),
        tooltip=tips("when", "n", "_confidence", "_accuracy"),
    )
    ideal = pd.DataFrame({"confidence": [0.0, 1.0], "accuracy": [0.0, 1.0]})
    diagonal = alt.Chart(ideal).mark_line(strokeDash=[2, 4], color=GREY).encode(x="confidence:Q", y="accuracy:Q")
    words = (
        f"Percentages for {task_words(row.task)} are off by {percent(row.ece_after)} on average after the temperature, "
        f"{percent(row.ece_before)} before it; n = {row.n:,}"
    )
    return (diagonal + lines + points).properties(height=330, description=words)


def bin_chart(row: Calibration) -> alt.LayerChart:
    """How many test products fall into each bin of confidence, after the temperature."""
    frame = _bins(row)
    frame = frame[frame["when"] == "after"]
    most = max(row.reliability_after, key=lambda bin_: bin_.n)
    text = ", ".join(f"{percent_range(bin_.low, bin_.high)} {bin_.n:,}" for bin_ in row.reliability_after if bin_.n)
    room = alt.Scale(domain=[0, 1.12 * most.n])  # for the number above the highest bar
    axis = alt.Axis(tickCount=5, tickMinStep=1)
    base = alt.Chart(frame.assign(_zero=0, _middle=(frame["low"] + frame["high"]) / 2)).encode(
        y=alt.Y("n:Q", title="products", scale=room, axis=axis), tooltip=tips("n", "_confidence", "_accuracy")
    )
    across = alt.X("low:Q", scale=UNIT, axis=QUARTERS, title="how sure")
    bars = base.mark_rect(color=FUSION_COLOUR, stroke=GREY).encode(x=across, x2="high:Q", y2="_zero:Q")
    labels = base.mark_text(dy=-7, color=GREY).encode(x="_middle:Q", text="n:Q")
    words = f"Most answers, {most.n:,} of {row.n:,}, are {percent_range(most.low, most.high)} sure. All: {text}"
    return (bars + labels).properties(height=330, description=words)


def coverage_chart(row: Calibration, wish: Threshold | None = None) -> alt.LayerChart:
    """Accuracy of the most confident answers; a cross marks what a target accuracy comes to on the test rows."""
    frame = pd.DataFrame([vars(point) for point in row.coverage])
    scale, axis = share_axis(min([*frame["accuracy"], *([wish.wished] if wish else [])]), 1.0)
    up = alt.Y("accuracy:Q", scale=scale, axis=axis, title="accuracy of these")
    across = alt.X("coverage:Q", scale=UNIT, axis=QUARTERS, title="answered, the surest first")
    base = alt.Chart(told(frame, dict.fromkeys(("coverage", "threshold", "accuracy"), percent))).encode(
        x=across, y=up, tooltip=tips("_coverage", "_threshold", "_accuracy")
    )
    layers: list[alt.Chart] = [base.mark_line(color=FUSION_COLOUR, point=alt.OverlayMarkDef(color=FUSION_COLOUR))]
    first, last = row.coverage[0], row.coverage[-1]
    if wish:
        line = pd.DataFrame({"accuracy": [wish.wished]})
        layers.append(alt.Chart(line).mark_rule(color=SERIES[1], strokeDash=list(DASHES[1])).encode(y="accuracy:Q"))
        if wish.accuracy is not None:
            point = pd.DataFrame([{"coverage": wish.coverage, "accuracy": wish.accuracy}])
            mark = alt.Chart(point).mark_point(shape="cross", filled=True, size=220, color=SERIES[1], opacity=1)
            layers.append(mark.encode(x="coverage:Q", y="accuracy:Q"))
    words = (
        f"Of all answers for {task_words(row.task)} {percent(last.accuracy)} are right, of the surest "
        f"{percent(first.coverage)} of them {percent(first.accuracy)}"
    )
    return alt.LayerChart(layer=layers).properties(height=300, description=words)
