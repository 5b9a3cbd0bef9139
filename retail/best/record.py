"""What was tried and what was kept: written after every method, so that a stopped search goes on where it was.

In: figures of the search, or best.json beside the recogniser. Out: a checked `BestReport`, and sentences about it.
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

from retail.config import TrainConfig
from retail.evaluation.reports import TaskScore
from retail.files.record import Count, FileRecord, Number, Record, Share, Unsound
from retail.schema import Modality, UserError
from retail.wording import number_of, percent, spent, task_words

FILE = "best.json"  # in the folder of the recogniser


class Tried(Record):
    """One method on the validation products: of each that has a label, the share of its questions answered right."""

    name: str  # an input, a strategy, or "finetuned"
    title: str
    rank: Count  # 0 is the simplest
    seconds: Number
    right: tuple[Share, ...]

    @property
    def accuracy(self) -> float:
        """Over the validation products."""
        return sum(self.right) / max(len(self.right), 1)


class Asked(Record):
    """What a search is about; one that was stopped goes on only where all of this is the same."""

    checksum: str
    tasks: tuple[str, ...]
    inputs: tuple[Modality, ...]
    encoders: str
    config: TrainConfig


class BestReport(FileRecord):
    """A whole search; `kept` is empty until it ends. Figures on test were computed once, for what was kept."""

    remedy: ClassVar[str] = "make the recogniser again"

    format: Literal["retail-best/1"] = "retail-best/1"
    asked: Asked
    minutes: Number
    seconds: Number = 0.0
    used: tuple[Modality, ...] = ()  # inputs that were embedded in time
    tried: tuple[Tried, ...] = ()
    epochs: Count = 0  # of the fine-tuning, once it has begun
    left_out: tuple[str, ...] = ()  # why something was not tried, a sentence each
    kept: str = ""
    test: tuple[TaskScore, ...] = ()

    def check(self) -> None:
        """What was kept is one of those that were tried."""
        names = [one.name for one in self.tried]
        if len(set(names)) < len(names) or (self.kept and self.kept not in names):
            raise Unsound("kept", "it is none of those that were tried")

    @property
    def winner(self) -> Tried:
        """The method that was kept."""
        return next(one for one in self.tried if one.name == self.kept)

    @property
    def sentence(self) -> str:
        """'Tried 5 methods in 3 min 20 s; kept Gated fusion: 91.2 % on 120 validation products; on test …'."""
        won, many = self.winner, number_of(len(self.tried), "method")
        kept = f"kept {won.title}: {percent(won.accuracy)} on {number_of(len(won.right), 'validation product')}"
        return f"Tried {many} in {spent(self.seconds)}; {kept}; {self.on_test or 'there are no test products'}."

    @property
    def on_test(self) -> str:
        """'test: 89.0 % [85.0, 92.0], n = 200', "" without test products; of several tasks each by its name."""
        several, counts = len(self.test) > 1, {row.n for row in self.test}
        figures = [
            f"{f'{task_words(row.task)} ' * several}{percent(row.accuracy)} "
            f"[{100 * row.accuracy_low:.1f}, {100 * row.accuracy_high:.1f}]" + f", n = {row.n:,}" * (len(counts) > 1)
            for row in self.test
        ]
        if len(counts) == 1:
            figures[-1] += f", n = {counts.pop():,}"
        return f"test: {'; '.join(figures)}" if figures else ""

    @property
    def reason(self) -> str:
        """Why a method was kept that had not the highest figure; "" where it had."""
        highest = max(self.tried, key=lambda one: one.accuracy)
        if highest.accuracy <= self.winner.accuracy:
            return ""
        return (
            f"{highest.title} had {percent(highest.accuracy)} on validation, which is within chance of it; "
            "the simpler method is kept."
        )


def report_of(bundle: Path) -> BestReport | None:
    """The search that made the recogniser in this folder; None where it was made otherwise."""
    try:
        return BestReport.read(bundle / FILE)
    except UserError:
        return None
