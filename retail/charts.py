"""Results as Altair figures with a text alternative each.

In: rows of a results dictionary or a Prediction. Out: Altair charts. Knows no Streamlit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import pandas as pd

from retail.evaluation.attribution import Attribution
from retail.schema import INPUT_WORDS, inputs_words

FUSION_COLOUR, SINGLE_COLOUR = "#2F74B5", "#8A6D00"
WORDS = INPUT_WORDS
# Told apart by the colour-blind too (Okabe and Ito 2008); the axis names each input beside its bar.
INPUT_COLOURS = {"photo": "#0072B2", "description": "#D55E00", "sound": "#009E73"}


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
    labels = base.mark_text(align="left", dx=4, color="#7A828E").encode(text=alt.Text("probability:Q", format=".0%"))
    return (bars + labels).properties(height=26 * len(rows), description=f"Probabilities for {task}: {text}")


def attribution_bars(attribution: Attribution) -> alt.LayerChart:
    """What each input added to the probability of the answer, in points, to the left and right of nothing."""
    rows = [
        {"input": word, "points": 100 * attribution.parts[modality], "label": f"{word} {100 * part:+.0f}"}
        for modality, word in WORDS.items()
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
    zero = alt.Chart(pd.DataFrame({"points": [0.0]})).mark_rule(color="#7A828E").encode(x="points:Q")
    return (bars + zero).properties(height=34 * len(rows), description=attribution.sentence)


def summary_rows(results: Mapping[str, Any], task: str) -> list[dict[str, Any]]:
    """The rows over all seeds of one task, the most accurate first, with titles."""
    titles = {model["model"]: model["title"] for model in results["models"]}
    rows = [row for row in results["scores"] if row["task"] == task and row["seed"] is None]
    return sorted(({**row, "title": titles[row["model"]]} for row in rows), key=lambda row: -row["accuracy"])


def accuracy_chart(results: Mapping[str, Any], task: str) -> alt.LayerChart:
    """Accuracy with 95 % intervals of every fusion and baseline; kind shows in colour and shape."""
    rows = summary_rows(results, task)
    keys = ("title", "kind", "accuracy", "accuracy_low", "accuracy_high")
    frame = pd.DataFrame([{key: row[key] for key in keys} for row in rows])
    text = ", ".join(f"{row['title']} {row['accuracy']:.1%}" for row in rows)
    description = f"Accuracy for {task}, n = {rows[0]['n']} test products: {text}"
    base = alt.Chart(frame).encode(
        y=alt.Y("title:N", sort=list(frame["title"]), title=None, axis=alt.Axis(labelLimit=200)),
        color=alt.Color(
            "kind:N",
            scale=alt.Scale(domain=["fusion", "single"], range=[FUSION_COLOUR, SINGLE_COLOUR]),
            legend=alt.Legend(title=None, orient="top"),
        ),
    )
    low = max(0.0, float(frame["accuracy_low"].min()) - 0.05)
    scale = alt.Scale(domain=[low, min(1.0, float(frame["accuracy_high"].max()) + 0.04)])
    ranges = base.mark_rule(strokeWidth=2.5).encode(
        x=alt.X("accuracy_low:Q", scale=scale, title="accuracy on test", axis=alt.Axis(format="%")),
        x2="accuracy_high:Q",
    )
    points = base.mark_point(filled=True, size=110, opacity=1).encode(
        x=alt.X("accuracy:Q", scale=scale),
        shape=alt.Shape("kind:N", scale=alt.Scale(domain=["fusion", "single"], range=["circle", "square"])),
        tooltip=["title", alt.Tooltip("accuracy", format=".1%")],
    )
    return (ranges + points).properties(height=30 * len(rows), description=description)


def subset_table(results: Mapping[str, Any], task: str) -> pd.DataFrame:
    """Strategies × the inputs given at prediction, accuracy in %."""
    titles = {model["model"]: model["title"] for model in results["models"]}
    rows = [row for row in results["subsets"] if row["task"] == task]
    frame = pd.DataFrame(
        {"strategy": titles[row["model"]], "given": inputs_words(row["modalities"]), "accuracy": row["accuracy"]}
        for row in rows
    )
    if frame.empty:
        return frame
    order = list(dict.fromkeys(inputs_words(row["modalities"]) for row in rows))
    return frame.pivot(index="strategy", columns="given", values="accuracy")[order[::-1]]


def subset_chart(results: Mapping[str, Any], task: str) -> alt.LayerChart:
    """Heatmap: how accurate each strategy is with each subset of inputs."""
    frame = subset_table(results, task)
    order = list(frame.columns)
    long = frame.reset_index().melt("strategy", var_name="given", value_name="accuracy")
    best = "; ".join(f"{given}: {frame[given].idxmax()} {frame[given].max():.0%}" for given in order)
    middle = (long["accuracy"].min() + long["accuracy"].max()) / 2
    description = f"Accuracy for {task} by inputs given, best strategy each: {best}"
    base = alt.Chart(long).encode(
        x=alt.X("given:N", sort=order, title="inputs given", axis=alt.Axis(labelAngle=-35, labelLimit=220)),
        y=alt.Y("strategy:N", title=None, axis=alt.Axis(labelLimit=180)),
    )
    cells = base.mark_rect().encode(color=alt.Color("accuracy:Q", scale=alt.Scale(scheme="blues"), legend=None))
    labels = base.mark_text().encode(
        text=alt.Text("accuracy:Q", format=".0%"),
        color=alt.condition(f"datum.accuracy > {middle}", alt.value("#FFFFFF"), alt.value("#14181F")),
    )
    return (cells + labels).properties(height=34 * len(frame) + 90, description=description)
