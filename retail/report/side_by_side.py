"""Two to four finished comparisons beside one another: best figures of each task, and what makes them incomparable.

In: {title: results}. Out: table rows and sentences. Knows no Streamlit.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import pandas as pd

from retail.comparison.results import Results
from retail.report.verdict import verdict
from retail.wording import percent, percent_range, task_words


def figures(runs: Mapping[str, Results]) -> pd.DataFrame:
    """Task × run: verdict, the model chosen on validation and the best single input, with test accuracy and interval.

    Tasks that several runs share come first; those without any labelled test row are left out.
    """
    rows = []
    for title, results in runs.items():
        for task in results.scored_tasks():
            score, single = results.chosen_score(task), results.best_single_score(task)
            rows.append(
                {"task": task, "run": title, "verdict": verdict(results, task).label.lower()}
                | {"model": results.titles[score.model], "single": results.titles[single.model], "n": score.n}
                | {"accuracy": score.accuracy, "accuracy_low": score.accuracy_low, "accuracy_high": score.accuracy_high}
                | {"single_accuracy": single.accuracy}
                | {"single_accuracy_low": single.accuracy_low, "single_accuracy_high": single.accuracy_high}
            )
    often = Counter(row["task"] for row in rows)
    return pd.DataFrame(sorted(rows, key=lambda row: (-min(often[row["task"]], 2), row["task"])))


def table(frame: pd.DataFrame) -> pd.DataFrame:
    """The same for reading."""
    return pd.DataFrame(
        {
            "question": task_words(row.task),
            "run": row.run,
            "verdict": row.verdict,
            "best model": row.model,
            "accuracy": percent(row.accuracy),
            "95 % interval": percent_range(row.accuracy_low, row.accuracy_high),
            "best single input": row.single,
            "its accuracy": percent(row.single_accuracy),
            "its interval": percent_range(row.single_accuracy_low, row.single_accuracy_high),
            "test products": row.n,
        }
        for row in frame.itertuples()
    )


def verdicts(runs: Mapping[str, Results]) -> list[tuple[str, str]]:
    """(run, its verdict) for every task that several runs share."""
    often = Counter(task for results in runs.values() for task in results.tasks)
    return [
        (title, verdict(results, task).sentence)
        for task, count in often.items()
        if count > 1
        for title, results in runs.items()
        if task in results.tasks
    ]


def cautions(runs: Mapping[str, Results]) -> list[str]:
    """Why the figures must not simply be compared; empty where they may."""
    found = []
    if len({results.data.checksum for results in runs.values()}) > 1:
        found.append("The runs used different data, so a difference may come from the products, not from the models.")
    if len({str(sorted(results.tasks)) for results in runs.values()}) > 1:
        found.append("The runs learned different questions; only those that they share can be compared.")
    if len({len(results.seeds) for results in runs.values()}) > 1:
        found.append("The runs used different numbers of seeds; with fewer seeds, chance plays a larger part.")
    return found
