"""Which inputs should you use? One decision per task, with its reason, from a comparison's results.

In: `Results`. Out: a `Verdict`: the decision in plain words, the figures behind it, and how its model was chosen.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from retail.comparison.result_rows import Difference
from retail.comparison.results import Results
from retail.metrics.paired import SIGNIFICANT, rows_needed
from retail.wording import (
    INPUT_WORDS,
    capital,
    inputs_sentence,
    inputs_words,
    percent,
    points,
    points_range,
    task_words,
)

Kind = Literal["yes", "no", "unclear"]

# Below one point a gain does not repay a second photo or a recording.
NEGLIGIBLE = 0.01
LEAST_LEAD = 0.0005  # a smaller one is written as 0.0 points
KIND_WORDS: dict[Kind, str] = {"yes": "Fusion pays", "no": "Fusion does not pay", "unclear": "Too close to call"}


@dataclass(frozen=True)
class Verdict:
    """Whether the fusion chosen on validation beats the single input that is best on the test rows."""

    task: str
    kind: Kind
    label: str  # the kind in words
    decision: str  # what to do, a sentence
    reason: str = ""  # the figures, a sentence
    chosen: str = ""  # how the fusion named in the reason was chosen
    model: str = ""  # the one to use: the fusion or a single input; "" where nobody can say

    @property
    def sentence(self) -> str:
        """All of it, for where several tasks stand together."""
        return " ".join(filter(None, (f"{self.label} for {task_words(self.task)}.", self.explained)))

    @property
    def explained(self) -> str:
        """Decision, figures and choice."""
        return " ".join(filter(None, (self.decision, self.reason, self.chosen)))


def verdict(results: Results, task: str) -> Verdict:
    """The verdict of one task, with both accuracies, the paired difference, its interval and n."""
    selected = results.selected[task]
    if selected.fusion is None:
        inputs = next(model.modalities for model in results.models if model.model == selected.single)
        only = f"{capital(inputs_words(inputs))} is the only input here, so there is nothing to choose."
        return Verdict(task, "unclear", "One kind of input", only, model=selected.single)
    row = next(row for row in results.differences if row.task == task and row.model == selected.fusion)
    if not row.n:
        return Verdict(task, "unclear", "No verdict", "No test product has a label for it.")
    kind = _kind(row)
    model = selected.fusion if kind == "yes" else row.baseline
    return Verdict(
        task, kind, KIND_WORDS[kind], _decision(results, row, kind), _reason(results, row), _choice(results, row), model
    )


def _kind(row: Difference) -> Kind:
    # The strategy was named before the test rows were seen, so its own p-value counts.
    if row.low > 0 and row.p_value < SIGNIFICANT:
        return "yes"
    return "no" if row.high <= NEGLIGIBLE else "unclear"


def _decision(results: Results, row: Difference, kind: Kind) -> str:
    if kind == "yes":
        inputs = next(model.modalities for model in results.models if model.model == row.model)
        return f"Use {inputs_sentence(inputs)}."
    alone = f"{INPUT_WORDS[row.baseline]} alone"
    if kind == "no":
        return f"Use the {alone}."
    return f"{capital(alone)} is fine for now; {_more(row)} test products would settle it."


def _reason(results: Results, row: Difference) -> str:
    scores = results.mean_scores(row.task)
    return (
        f"{results.titles[row.model]} {percent(scores[row.model].accuracy)} against "
        f"{percent(scores[row.baseline].accuracy)} for the {INPUT_WORDS[row.baseline]} alone, "
        f"{points(row.difference)} {points_range(row.low, row.high)}, n = {row.n:,} test products."
    )


def _choice(results: Results, row: Difference) -> str:
    """Why this fusion is named, and why not the one with the highest test figure."""
    on_validation = {
        own.model: own.accuracy
        for own in results.validation
        if own.task == row.task and results.kind(own.model) == "fusion" and not math.isnan(own.accuracy)
    }
    mine, title = on_validation.pop(row.model, math.nan), results.titles[row.model]
    if not on_validation or math.isnan(mine):
        return ""
    second = max(on_validation, key=on_validation.__getitem__)
    lead = mine - on_validation[second]
    how = f"led by {100 * lead:.1f} points" if lead >= LEAST_LEAD else f"was level with {results.titles[second]}"
    return " ".join(filter(None, (f"{title} was chosen on validation, where it {how}.", _not_the_first(results, row))))


def _not_the_first(results: Results, row: Difference) -> str:
    scores = {model: own for model, own in results.mean_scores(row.task).items() if own.kind == "fusion"}
    first = max(scores, key=lambda model: scores[model].accuracy)
    if scores[first].accuracy - scores[row.model].accuracy < LEAST_LEAD:
        return ""
    return (
        f"{results.titles[first]} has {percent(scores[first].accuracy)} on test, but a method that is chosen by its "
        "test figure looks better than it is."
    )


def _more(row: Difference) -> str:
    """'about 900 more', to two digits, from the spread of the difference."""
    if not math.isfinite(row.standard_error):
        return "more"
    missing = max(rows_needed(row.difference, row.standard_error, row.n, NEGLIGIBLE) - row.n, 10)
    unit = 10 ** max(len(str(missing)) - 2, 1)
    return f"about {math.ceil(missing / unit) * unit:,} more"
