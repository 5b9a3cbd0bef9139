"""What a finished bulk run comes to: one sentence for all, how much of each question is left, and how sure it is.

In: the table of `Predictions`. Out: a `Summary`, without anything drawn.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from retail.wording import number_of, task_words
from retail.workspace.bulk import Predictions

# "good" is green: nobody has to look. "bad" is yellow: nothing could be answered, or nothing is known.
Tone = Literal["good", "mixed", "bad"]


@dataclass(frozen=True)
class Summary:
    """`counts` has each question with how many of its answers are how sure."""

    tone: Tone
    sentence: str
    counts: tuple[tuple[str, str], ...]


def summary(table: Predictions) -> Summary:
    """By question, for an answer that is sure of the product may be unsure of the colour."""
    columns, rows = table.columns, len(table.rows)
    answered = table.answered()
    lost = _count(rows - answered, "has no answer; the notes say why", "have no answer; the notes say why")
    if columns is None:
        said = (
            f"{number_of(rows, 'row')}. The recogniser is gone, so how sure it was is not known; recognise them again."
        )
        return Summary("mixed", said, ())
    counted = {task: table.counted(task) for task in table.tasks}
    unknown = sum(any(columns.decision(row, task) == "unknown" for task in table.tasks) for row in table.rows)
    if not answered:
        return Summary(
            "bad", f"None of the {rows:,} products has an answer; the notes say why." if rows > 1 else lost, ()
        )
    counts = tuple(
        (task_words(task), ", ".join(f"{n:,} {str(word).lower()}" for word, n in found.most_common() if word))
        for task, found in counted.items()
    )
    if unknown == answered:
        said = "The one answered product is" if answered == 1 else f"All {answered:,} answered products are"
        said += " not in your range: unlike everything that this recogniser knows."
        return Summary("bad", " ".join(filter(None, [said, lost])), counts)
    sure = {task: found["Sure"] for task, found in counted.items()}
    strange = _count(unknown, "is not in your range", "are not in your range")
    if min(sure.values()) == rows:
        return Summary(
            "good", f"All {rows:,} products need no look." if rows > 1 else "The product needs no look.", counts
        )
    (first, most), *others = sure.items()
    said = f"{most:,} of {number_of(rows, 'product')} need no look for {task_words(first)}"
    said += "".join(f"; {n:,} for {task_words(task)}" for task, n in others) + "."
    return Summary("mixed", " ".join(filter(None, [said, strange, lost])), counts)


def _count(n: int, one: str, many: str) -> str:
    return f"{n:,} {one if n == 1 else many}." if n else ""
