"""The three answers of a comparison, as one would tell them: how often right, when to look, where it goes wrong.

In: `Results` cut down to a task, and the model that the verdict names. Out: `Answer`s, each with what it rests on.
"""

from __future__ import annotations

from dataclasses import dataclass

from retail.comparison.chosen_rows import Threshold
from retail.comparison.results import Results
from retail.config.wish import DEFAULT_WISH
from retail.evaluation.reports import PromiseKept
from retail.report.mistakes import confusion, pairs, rows_in, saved_by, seeds_of
from retail.wording import INPUT_WORDS, number_of, of_hundred, percent, percent_range, target


@dataclass(frozen=True)
class Answer:
    """A question, its answer in a few words, and the figures."""

    question: str
    said: str
    rests_on: str


def three_answers(results: Results, task: str, model: str) -> list[Answer]:
    """Of one task; the second is left out where nobody measured it."""
    found = [_how_often(results, task, model), _when_to_look(results, task, model), _where_wrong(results, task, model)]
    return [answer for answer in found if answer is not None]


def _how_often(results: Results, task: str, model: str) -> Answer:
    scores = results.mean_scores(task)
    row = scores[model]
    alone = [
        f"{INPUT_WORDS[own.modalities[0]]} alone {percent(own.accuracy)}"
        for name, own in scores.items()
        if own.kind == "single" and name != model
    ]
    interval = f"{percent(row.accuracy)} ({percent_range(row.accuracy_low, row.accuracy_high)}, n = {row.n:,})"
    return Answer("How often is it right?", of_hundred(row.accuracy), " · ".join([interval, *alone]))


def _when_to_look(results: Results, task: str, model: str) -> Answer | None:
    """At the target accuracy, with exactly the inputs of this model."""
    wish, by = _promise(results, task, model)
    if wish is None:
        return None
    question = "When should a person look?"
    if wish.threshold is None:
        needed = (
            f"about {wish.needed:,} validation products would do" if wish.needed else "more products would not help"
        )
        return Answer(question, "Always", f"{target(wish.wished)} right cannot be promised yet: {needed}.{by}")
    if wish.accuracy is None:
        return Answer(question, "Always", f"No test product is {percent(wish.threshold)} sure.{by}")
    right = f"{percent(wish.accuracy)} are right (promised: {target(wish.wished)}).{by}"
    sure = f"at least {percent(wish.threshold)} sure"
    if wish.coverage == 1:
        return Answer(question, "Never", f"All test products are {sure}; {right}")
    return Answer(question, f"{of_hundred(1 - wish.coverage)} products", f"The others are {sure}; of these {right}")


def _promise(results: Results, task: str, model: str) -> tuple[Threshold | PromiseKept | None, str]:
    """For the chosen model what was measured on all test products; else the chosen model given these inputs alone."""
    chosen = results.selected[task].model
    if model == chosen:
        row = next((row for row in results.calibration if row.task == task), None)
        return (None if row is None else row.threshold_for(DEFAULT_WISH)), ""
    inputs = set(results.mean_scores(task)[model].modalities)
    mine = (row for row in results.subset_certainty if row.task == task and set(row.modalities) == inputs)
    wish = next((promise for row in mine if (promise := row.promise(DEFAULT_WISH))), None)
    return wish, f" Measured on {results.titles[chosen]}, given this input alone."


def _where_wrong(results: Results, task: str, model: str) -> Answer:
    """The two classes that are mixed up most often, and the single input that would have been right most often."""
    question, seed = "Where does it go wrong?", seeds_of(results, model)[0]
    counts, classes = confusion(results, task, model, seed), results.tasks[task]
    wrong = [pair for pair in pairs(counts) if pair[0] != pair[1]]
    if not wrong:
        return Answer(question, "Nowhere", f"None of {counts.total():,} test products was answered wrongly.")
    both = {pair: counts[pair] + counts[pair[::-1]] for pair in wrong}
    first, second = max(wrong, key=both.__getitem__)
    mistakes = sum(counts[pair] for pair in wrong)
    mixed = [row for pair in ((first, second), (second, first)) for row in rows_in(results, task, model, seed, pair)]
    said = f"{classes[first]} ↔ {classes[second]}"
    share = f"{len(mixed):,} of {number_of(mistakes, 'mistake')} (seed {seed})"
    return Answer(question, said, f"{share}{_would_help(results, task, model, seed, mixed)}.")


def _would_help(results: Results, task: str, model: str, seed: str, rows: list[int]) -> str:
    saved = [name for row in rows for name in saved_by(results, task, seed, row) if name != model]
    if not saved:
        return ""
    best = max(INPUT_WORDS, key=saved.count)
    return f"; the {INPUT_WORDS[best]} alone was right in {saved.count(best):,} of them"
