"""Two to four finished comparisons beside one another: best figures of each task, and what makes them incomparable.

In: {title: results}. Out: table rows, sentences and an Altair chart. Knows no Streamlit.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import altair as alt
import pandas as pd

from retail.evaluation.verdict import percent

Results = Mapping[str, Any]
# Distinct for colour-blind eyes; each has a shape as well.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#8A6D00")
SHAPES = ("circle", "square", "diamond", "triangle-up")


def figures(runs: Mapping[str, Results]) -> pd.DataFrame:
    """Task × run: the model chosen on validation with its test accuracy and interval."""
    rows = []
    for title, results in runs.items():
        models = {row["model"]: row["title"] for row in results["models"]}
        for task, chosen in results["selected"].items():
            model = chosen.get("fusion", chosen["single"])
            score = next(
                row for row in results["scores"] if (row["task"], row["model"], row["seed"]) == (task, model, None)
            )
            rows.append(
                {"task": task, "run": title, "model": models[model], "n": score["n"]}
                | {key: score[key] for key in ("accuracy", "accuracy_low", "accuracy_high")}
            )
    return pd.DataFrame(rows)


def table(frame: pd.DataFrame) -> pd.DataFrame:
    """The same for reading."""
    return pd.DataFrame(
        {
            "question": row.task,
            "run": row.run,
            "best model": row.model,
            "accuracy": percent(row.accuracy),
            "95 % interval": f"{percent(row.accuracy_low)} to {percent(row.accuracy_high)}",
            "test products": row.n,
        }
        for row in frame.sort_values(["task", "run"]).itertuples()
    )


def cautions(runs: Mapping[str, Results]) -> list[str]:
    """Why the figures must not simply be held against one another; empty where they may."""
    found = []
    if len({results["data"]["checksum"] for results in runs.values()}) > 1:
        found.append("The runs used different data, so a difference may come from the products, not from the models.")
    if len({str(sorted(results["tasks"])) for results in runs.values()}) > 1:
        found.append("The runs learned different questions; only those that they share can be compared.")
    if len({len(results["seeds"]) for results in runs.values()}) > 1:
        found.append("The runs took different numbers of seeds; fewer seeds, more chance.")
    return found


def chart(frame: pd.DataFrame) -> alt.LayerChart:
    """Accuracy with its interval, one mark a run, task by task."""
    names = list(dict.fromkeys(frame["run"]))
    said = "; ".join(f"{row.task}, {row.run}: {row.accuracy:.1%}" for row in frame.itertuples())
    low = max(0.0, float(frame["accuracy_low"].min()) - 0.05)
    scale = alt.Scale(domain=[low, min(1.0, float(frame["accuracy_high"].max()) + 0.04)])
    # One under the other: long titles would be cut off beside one another.
    legend = alt.Legend(title=None, orient="top", columns=1, labelLimit=320)
    base = alt.Chart(frame).encode(
        y=alt.Y("task:N", title=None, axis=alt.Axis(labelLimit=160)),
        yOffset=alt.YOffset("run:N", sort=names),
        color=alt.Color("run:N", sort=names, scale=alt.Scale(domain=names, range=COLOURS[: len(names)]), legend=legend),
    )
    ranges = base.mark_rule(strokeWidth=2.5).encode(
        x=alt.X("accuracy_low:Q", scale=scale, title="accuracy on test", axis=alt.Axis(format="%")),
        x2="accuracy_high:Q",
    )
    points = base.mark_point(filled=True, size=90, opacity=1).encode(
        x=alt.X("accuracy:Q", scale=scale),
        shape=alt.Shape("run:N", sort=names, scale=alt.Scale(domain=names, range=SHAPES[: len(names)]), legend=legend),
        tooltip=["run", "task", "model", alt.Tooltip("accuracy", format=".1%")],
    )
    height = frame["task"].nunique() * (18 * len(names) + 14) + 22 * len(names)
    return (ranges + points).properties(height=height, description=f"Accuracy of the runs: {said}")
