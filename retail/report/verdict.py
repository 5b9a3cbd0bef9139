"""Is fusion worth it? One sentence per task from a comparison's results.

In: `Results`. Out: a `Verdict`: yes, no or unclear, and the sentence that says so.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from retail.comparison.result_rows import Difference
from retail.comparison.results import Results
from retail.metrics.paired import SIGNIFICANT, rows_needed
from retail.wording import INPUT_WORDS, percent

# Below one point a gain does not repay a second photo or a recording.
NEGLIGIBLE = 0.01


@dataclass(frozen=True)
class Verdict:
    """Whether the fusion chosen on validation beats the single input that is best on the test rows."""

    kind: Literal["yes", "no", "unclear"]
    sentence: str


def verdict(results: Results, task: str) -> Verdict:
    """The verdict of one task, with both accuracies, the paired difference, its interval and n."""
    fusion = results.selected[task].fusion
    if fusion is None:
        return Verdict("unclear", f"For {task} there is only one kind of input, so there is nothing to fuse.")
    row = next(row for row in results.differences if row.task == task and row.model == fusion)
    if not row.n:
        return Verdict("unclear", f"Cannot tell for {task}: no test product has a label for {task}.")
    scores = results.mean_scores(task)
    figures = (
        f"{results.titles[fusion]} {percent(scores[fusion].accuracy)} against "
        f"{percent(scores[row.baseline].accuracy)} for "
        f"the {INPUT_WORDS[row.baseline]} alone, {100 * row.difference:+.1f} points "
        f"[{100 * row.low:+.1f}, {100 * row.high:+.1f}], n = {row.n:,} test products."
    )
    # The strategy was named before the test rows were seen, so its own p-value counts.
    if row.low > 0 and row.p_value < SIGNIFICANT:
        return Verdict("yes", f"Fusion pays for {task}: {figures}")
    if row.high <= NEGLIGIBLE:
        return Verdict("no", f"Fusion does not pay for {task}: {figures}")
    return Verdict("unclear", _too_close(task, figures, row))


def _too_close(task: str, figures: str, row: Difference) -> str:
    single = INPUT_WORDS[row.baseline]
    return (
        f"Too close to call for {task}: {figures} The {single} alone is fine for now; {_more(row)} test products "
        "would settle it."
    )


def _more(row: Difference) -> str:
    """'about 900 more', to two digits, from the spread of the difference."""
    if not math.isfinite(row.standard_error):
        return "more"
    missing = max(rows_needed(row.difference, row.standard_error, row.n, NEGLIGIBLE) - row.n, 10)
    unit = 10 ** max(len(str(missing)) - 2, 1)
    return f"about {math.ceil(missing / unit) * unit:,} more"
