"""Is fusion worth it? One sentence per task from a results dictionary.

In: the results of `comparison.compare`. Out: a `Verdict`: yes, no or unclear, and the sentence that says so.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from retail.comparison.results import mean_scores, titles
from retail.metrics.paired import SIGNIFICANT, rows_needed
from retail.wording import INPUT_WORDS, percent

# Below one point a gain does not repay a second photo or a recording.
NEGLIGIBLE = 0.01


@dataclass(frozen=True)
class Verdict:
    """Whether the fusion chosen on validation beats the single input that is best on the test rows."""

    kind: Literal["yes", "no", "unclear"]
    sentence: str


def chosen_score(results: Mapping[str, Any], task: str) -> dict[str, Any]:
    """Test scores and title of the model that validation chose: a fusion, or, without any, a single input."""
    chosen = results["selected"][task]
    model = chosen.get("fusion", chosen["single"])
    return mean_scores(results, task)[model] | {"title": titles(results)[model]}


def scored_tasks(results: Mapping[str, Any]) -> list[str]:
    """The tasks of which some test row has a label; only files of old may hold others."""
    return [task for task in results["tasks"] if chosen_score(results, task)["n"]]


def best_single_score(results: Mapping[str, Any], task: str) -> dict[str, Any]:
    """Test scores and title of the single input that does best on these very test rows."""
    singles = [row for row in mean_scores(results, task).values() if row["kind"] == "single"]
    best = max(singles, key=lambda row: row["accuracy"] or 0.0)  # None where no test row has a label
    return best | {"title": titles(results)[best["model"]]}


def verdict(results: Mapping[str, Any], task: str) -> Verdict:
    """The verdict of one task, with both accuracies, the paired difference, its interval and n."""
    chosen = results["selected"][task]
    if "fusion" not in chosen:
        return Verdict("unclear", f"For {task} there is only one kind of input, so there is nothing to fuse.")
    row = next(r for r in results["differences"] if r["task"] == task and r["model"] == chosen["fusion"])
    if not row["n"]:
        return Verdict("unclear", f"Cannot tell for {task}: no test product has a label for {task}.")
    scores = mean_scores(results, task)
    title = titles(results)[chosen["fusion"]]
    figures = (
        f"{title} {percent(scores[chosen['fusion']]['accuracy'])} against "
        f"{percent(scores[row['baseline']]['accuracy'])} for "
        f"the {INPUT_WORDS[row['baseline']]} alone, {100 * row['difference']:+.1f} points "
        f"[{100 * row['low']:+.1f}, {100 * row['high']:+.1f}], n = {row['n']:,} test products."
    )
    # The strategy was named before the test rows were seen, so its own p-value counts; files of old have none.
    if row["low"] > 0 and row.get("p_value", 0.0) < SIGNIFICANT:
        return Verdict("yes", f"Fusion pays for {task}: {figures}")
    if row["high"] <= NEGLIGIBLE:
        return Verdict("no", f"Fusion does not pay for {task}: {figures}")
    return Verdict("unclear", f"Cannot tell for {task}, collect {_more(row)} test products: {figures}")


def _more(row: Mapping[str, Any]) -> str:
    """'about 900 more', to two digits, from the spread of the difference."""
    error = row.get("standard_error", (row["high"] - row["low"]) / 3.92)  # files of old: from the interval's width
    if error is None or not math.isfinite(error):
        return "more"
    missing = max(rows_needed(row["difference"], error, row["n"], NEGLIGIBLE) - row["n"], 10)
    unit = 10 ** max(len(str(missing)) - 2, 1)
    return f"about {math.ceil(missing / unit) * unit:,} more"
