"""What corrections gained: the recogniser before and the one after, on the same test rows.

In: two recognisers and a `Manifest`. Out: a `Gain`. Corrections never enter the test rows (`retail.dataset.added`), and
the catalogue, where they count at once, has no part in it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar, Literal

import numpy as np

from retail.dataset.manifest import Manifest
from retail.evaluation.scores import rows_to_score
from retail.files.record import FileRecord, Record
from retail.metrics.paired import paired_test
from retail.recognizer import Recognizer
from retail.schema import Product, Progress
from retail.splits import groups_of
from retail.store import EmbeddingStore
from retail.wording import percent


class TaskGain(Record):
    """Accuracy on `n` test rows before and after; the difference with its paired 95 % interval."""

    task: str
    n: int
    before: float
    after: float
    difference: float
    low: float
    high: float

    @property
    def sentence(self) -> str:
        """'product: 78.1 % before, 82.3 % after (+4.2 points, 95 % interval +1.9 to +6.5, n = 588)'"""
        points = " to ".join(f"{100 * end:+.1f}" for end in (self.low, self.high))
        return (
            f"{self.task}: {percent(self.before)} before, {percent(self.after)} after "
            f"({100 * self.difference:+.1f} points, 95 % interval {points}, n = {self.n:,})"
        )


class Gain(FileRecord):
    """One figure a task that both recognisers answer; no tasks where no test row has a label."""

    remedy: ClassVar[str] = "train again from the corrections"

    format: Literal["retail-gain/1"] = "retail-gain/1"
    data: str
    checksum: str
    corrections: int  # among the training rows
    tasks: tuple[TaskGain, ...]

    @property
    def text(self) -> str:
        """A line a task."""
        if not self.tasks:
            return "No test row has a label, so nobody can say what the corrections gained."
        many = "corrections" if self.corrections != 1 else "correction"
        head = f"With {self.corrections:,} {many}, on test rows that none of them entered:"
        return "\n".join([head, *(task.sentence for task in self.tasks)])


def gain(
    before: Recognizer, after: Recognizer, manifest: Manifest, corrections: int, progress: Progress | None = None
) -> Gain:
    """Both answer the test rows; a label that one does not know counts as wrong for that one."""
    figures = []
    if manifest.in_split("test"):
        rows, was_right = _right(before, manifest, progress)
        _, is_right = _right(after, manifest, progress)
        for task in was_right:
            labelled = np.array([bool(row.labels.get(task)) for row in rows])
            if task not in is_right or not labelled.any():
                continue
            groups = groups_of([row for row, has in zip(rows, labelled, strict=True) if has])
            ours, theirs = is_right[task][labelled], was_right[task][labelled]
            tested = paired_test(ours, theirs, groups)
            figures.append(
                TaskGain(
                    task=task,
                    n=tested.n,
                    before=float(theirs.mean()),
                    after=float(ours.mean()),
                    difference=tested.difference,
                    low=tested.low,
                    high=tested.high,
                )
            )
    return Gain(data=manifest.title, checksum=manifest.checksum, corrections=corrections, tasks=tuple(figures))


def _right(
    recognizer: Recognizer, manifest: Manifest, progress: Progress | None
) -> tuple[list[Product], dict[str, np.ndarray]]:
    """The test rows, and {task: (N,) 1 where the answer is the label}."""
    rows, _ = rows_to_score(recognizer, replace(manifest, has_split=True), "test")
    answers = recognizer.predict_many(rows, EmbeddingStore(), progress)
    return rows, {
        task: np.array(
            [
                float(bool(answer.used) and answer.best(task)[0] == row.labels.get(task, ""))
                for row, answer in zip(rows, answers, strict=True)
            ]
        )
        for task in recognizer.vocabularies
        if task in manifest.label_columns
    }
