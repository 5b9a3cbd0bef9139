"""What a results file says beside its verdicts, one plain sentence a finding.

In: `Results`. Out: sentences.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from retail.comparison.chosen_rows import Attribution, Cascade, Conformal, Hierarchy, Threshold
from retail.comparison.dedicated import largest_loss
from retail.comparison.doctor_rows import Finding
from retail.comparison.result_rows import Dedicated, OfModel
from retail.comparison.results import Results
from retail.config.wish import DEFAULT_WISH
from retail.evaluation.cascade import cheapest
from retail.evaluation.reports import SubsetCertainty
from retail.schema import MODALITIES, Modality
from retail.wording import INPUT_WORDS, given_words, inputs_sentence, joined, percent, points_range, target, task_words

OfTask = TypeVar("OfTask", bound=OfModel)

# Fewer test products than this say too little about a class to be put into a sentence.
FEWEST_ROWS = 5
NAMED = 6  # classes that a sentence lists before it counts the rest


def findings(results: Results) -> list[str]:
    """One model's loss, the threshold, the deciding input, the cascade and the hierarchy, task by task."""
    found = _loss(results.dedicated)
    for task in results.tasks:
        for row in _of(results.calibration, task):
            wish = next(wish for wish in row.thresholds if wish.wished == DEFAULT_WISH)
            found.append(f"{task_words(task)}: {_lower(threshold_sentence(wish))}")
        found += [_broken_promise(row) for row in _of(results.conformal, task) if _is_broken(row)]
        found += _broken_threshold([row for row in results.subset_certainty if row.task == task])
        found += [
            f"For {task_words(task)}: {_lower(sentence)}" for sentence in deciding(_of(results.attribution, task))
        ]
        found += _cascade(_of(results.cascade, task))
    found += [_hierarchy(row) for row in results.hierarchy]
    return found + [_remedy(finding) for finding in (results.doctor.findings if results.doctor else ())]


def _remedy(finding: Finding) -> str:
    return f"{finding.sentence} {finding.remedy}"


def _of(rows: Sequence[OfTask], task: str) -> list[OfTask]:
    return [row for row in rows if row.task == task]


def _lower(sentence: str) -> str:
    return sentence[0].lower() + sentence[1:]


def threshold_sentence(wish: Threshold) -> str:
    """How sure is sure enough for a target accuracy, by validation, and the result on the test products."""
    if wish.threshold is None:
        return f"Being right {target(wish.wished)} of the time cannot be promised yet{_would_do(wish.needed)}."
    if wish.accuracy is None:
        return (
            f"To be right {target(wish.wished)} of the time, answer when at least {percent(wish.threshold)} sure; the "
            "model is that sure for no test product."
        )
    return (
        f"To be right {target(wish.wished)} of the time, answer when at least {percent(wish.threshold)} sure; that "
        f"answers {percent(wish.coverage)} of the test products, and {percent(wish.accuracy)} of these were right."
    )


def _would_do(needed: int | None) -> str:
    return f": about {needed:,} validation products would do" if needed else ", and more products would not help"


def deciding(rows: Sequence[Attribution]) -> list[str]:
    """'The sound decides for milk and oat drink.', the classes with the clearest gain first."""
    said = []
    for modality in MODALITIES:
        mine = [row for row in rows if row.decides == modality and row.n >= FEWEST_ROWS]
        if mine:
            labels = [row.label for row in sorted(mine, key=lambda row: -row.parts[modality])]
            said.append(f"The {INPUT_WORDS[modality]} decides for {listed(labels)}.")
    return said


def listed(labels: Sequence[str]) -> str:
    """'a, b and c', a long list cut short."""
    if len(labels) > NAMED + 1:
        return ", ".join(labels[:NAMED]) + f" and {len(labels) - NAMED} more"
    return joined(labels)


def _loss(rows: Sequence[Dedicated]) -> list[str]:
    worst = largest_loss(rows)
    if worst is None or worst.loss <= 0:
        return []
    given = given_words(worst.modalities)
    return [
        f"With only {given}, accuracy drops most for {task_words(worst.task)}: {percent(worst.accuracy)} against "
        f"{percent(worst.dedicated)} for a model trained on just that, a loss of "
        f"{100 * worst.loss:.1f} points {points_range(worst.loss_low, worst.loss_high)}, "
        f"n = {worst.n:,}."
    ]


def _is_broken(row: Conformal) -> bool:
    """Is the coverage below the promise by more than chance explains?"""
    return bool(row.n) and row.coverage < row.lowest_by_chance


def _broken_promise(row: Conformal) -> str:
    return (
        f"{task_words(row.task)}: prediction sets that promise {target(row.promised)} contain the right answer for "
        f"only {percent(row.coverage)} of the test products. Validation is easier than test, so do not rely on them."
    )


def _broken_threshold(rows: Sequence[SubsetCertainty]) -> list[str]:
    """Of the mix of inputs whose answers fall furthest short of the target accuracy."""
    found = [(wish, row) for row in rows if (wish := row.promise(DEFAULT_WISH)) and wish.broken]
    if not found:
        return []
    wish, row = min(found, key=lambda pair: pair[0].accuracy or 0.0)
    return [
        f"{task_words(row.task)}: with {inputs_sentence(row.modalities)}, answers that promise to be right "
        f"{target(wish.wished)} of the time were right for only {percent(wish.accuracy or 0.0)} of the "
        f"{wish.answered:,} test products that "
        "they answer. Validation is easier than test, so do not rely on it."
    ]


def _cascade(rows: Sequence[Cascade]) -> list[str]:
    """Of the second step that brings most when it is always asked, both chosen on validation."""
    steps: dict[tuple[Modality, ...], list[Cascade]] = {}
    for row in rows:
        steps.setdefault(row.then, []).append(row)
    if not steps:
        return []
    best = max(steps.values(), key=lambda step: step[-1].val_accuracy)
    enough, always, never = cheapest(best), best[-1], best[0]
    more = [name for name in always.then if name != "image"]  # the photo, where there is one, comes first
    asking = f"{task_words(always.task)}: asking for {given_words(more)} when unsure"
    without = f"{percent(never.accuracy)} without asking, {percent(always.accuracy)} with asking every time"
    if enough.accuracy <= never.accuracy:
        return [f"{asking} gains nothing here ({without})."]
    if enough is always:
        return [f"{asking} saves nothing here: every product is asked for ({without})."]
    return [f"{asking}, for {percent(enough.asked)} of the products, reaches {percent(enough.accuracy)} ({without})."]


def _hierarchy(row: Hierarchy) -> str:
    parents, child = listed([task_words(parent.task) for parent in row.parents]), task_words(row.child)
    said = (
        f"{child} belongs to {parents}: answered separately they contradict each other for "
        f"{percent(row.contradictions)} of the products, answered together never"
    )
    if row.error is None:
        return f"{said}; at {target(row.risk)} risk the {child} is always left open."
    return (
        f"{said}; at {target(row.risk)} risk the {child} is named for {percent(row.answered)} "
        f"({percent(row.error)} of these wrong) and left open for the others."
    )
