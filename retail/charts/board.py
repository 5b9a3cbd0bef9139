"""The leaderboard of one task: accuracy with intervals, the leader first.

In: rows of a `Leaderboard` and the recogniser that is looked at. Out: an Altair chart.
"""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import pandas as pd

from retail.charts.axes import share_axis, tips, told
from retail.charts.palette import FUSION_COLOUR, GREY, SINGLE_COLOUR
from retail.evaluation.leaderboard import Ranked
from retail.wording import percent, task_words

VERDICTS = alt.Scale(domain=["leader", "tied", "behind"], range=[FUSION_COLOUR, SINGLE_COLOUR, GREY])
SIGNS = alt.Scale(domain=["leader", "tied", "behind"], range=["diamond", "circle", "square"])
LETTERS = 44  # of a name: as many as fit across a phone
ROW, LOWER = 46, 9  # pixels a row, and how far below its middle the interval is
LEGEND_AND_AXIS = 110


def board_chart(rows: Sequence[Ranked], highlight: str = "") -> alt.LayerChart:
    """A row each, its name above its interval so that a phone has room for both; `highlight` is shaded."""
    names = _labels([row.name for row in rows])
    frame = pd.DataFrame(
        {"name": names[row.name], "verdict": row.verdict, "accuracy": row.accuracy, "n": row.n}
        | {"low": row.accuracy_low, "high": row.accuracy_high}
        for row in rows
    )
    scale, ticks = share_axis(float(frame["low"].min()), float(frame["high"].max()))
    ends = {"_left": scale.domain[0], "_right": scale.domain[1]}
    title = names.get(highlight, "")
    axis = alt.Axis(
        labelAlign="left", labelPadding=-4, labelOffset=-13, labelLimit=420, ticks=False, domain=False, labelFontSize=12
    )
    base = alt.Chart(told(frame, {"accuracy": percent}).assign(**ends)).encode(
        y=alt.Y("name:N", sort=list(names.values()), title=None, axis=axis, scale=alt.Scale(padding=0)),
        color=alt.Color("verdict:N", scale=VERDICTS, legend=alt.Legend(title=None, orient="top", symbolOpacity=1)),
    )
    across = alt.X("_left:Q", scale=scale, title="accuracy on test", axis=ticks)
    shaded = alt.condition(alt.datum.name == title, alt.value(0.14), alt.value(0.0))
    bands = base.mark_bar(size=ROW - 2).encode(x=across, x2="_right:Q", opacity=shaded)
    ranges = base.mark_rule(strokeWidth=2.5, yOffset=LOWER).encode(x=alt.X("low:Q", scale=scale), x2="high:Q")
    points = base.mark_point(filled=True, size=110, opacity=1, yOffset=LOWER).encode(
        x=alt.X("accuracy:Q", scale=scale),
        shape=alt.Shape("verdict:N", scale=SIGNS),
        tooltip=tips("name", "verdict", "_accuracy", "n"),
    )
    said = ", ".join(f"{row.name} {percent(row.accuracy)} ({row.verdict})" for row in rows)
    words = f"{rows[0].name} leads for {task_words(rows[0].task)}, n = {rows[0].n:,}: {said}"
    return (bands + ranges + points).properties(height=ROW * len(rows) + LEGEND_AND_AXIS, description=words)


def _labels(names: Sequence[str]) -> dict[str, str]:
    """A label each, all different: a long name keeps its end, which says the strategy."""
    found: dict[str, str] = {}
    for name in names:
        label = name if len(name) <= LETTERS else f"{name[: LETTERS // 3]} … {name[-(2 * LETTERS // 3 - 3) :]}"
        found[name] = label if label not in found.values() else f"{label} ({len(found) + 1})"
    return found
