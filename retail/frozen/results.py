"""The results files of frozen features: scores of methods (`frozen`) and learning curves (`curve`).

In: what was measured, or a file. Out: a `FrozenResults` or a `CurveResults`; nobody else spells the files' keys.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import PositiveInt

from retail.config import FinetuneConfig, FrozenConfig
from retail.files.record import Count, Figure, FileRecord, Number, Record, Unsound

CURVE_FORMAT: Literal["retail-curve/2"] = "retail-curve/2"


class DataFacts(Record):
    """What was learned from and scored on."""

    name: str
    checksum: str
    split: Literal["val", "test"]
    n_train: Count
    n_scored: Count


class FoldedData(DataFacts):
    """The same, and how the training rows were folded."""

    groups: Count  # of look-alikes among the training rows
    map_data: str | None = None  # the data set that maps were fitted on, where it is another one
    support: dict[str, str]  # task -> a sentence about the training rows of its classes


class MethodScore(Record):
    """One method on one task, with the settings that cross-validation chose."""

    method: str
    task: str
    config: FrozenConfig
    cv_accuracy: Figure  # mean over the folds
    cv_spread: Figure  # standard deviation over the folds
    n: Count
    accuracy: Figure
    accuracy_low: Figure  # 95 %
    accuracy_high: Figure
    balanced_accuracy: Figure
    macro_f1: Figure
    ece: Figure
    seconds: Number  # of the last fit
    parameters: Count


class CurvePoint(Record):
    """One method on one task with so many training examples per class: mean accuracy over the draws."""

    method: str
    task: str
    shots: PositiveInt | Literal["all"]
    n_train: Count
    n: Count
    draws: Count
    accuracy: Figure
    accuracy_low: Figure  # 95 %
    accuracy_high: Figure
    interval: Literal["draws", "scored rows"]  # what the interval is over


class FrozenResults(FileRecord):
    """What `frozen --out` writes."""

    remedy: ClassVar[str] = "name a file that 'frozen --out' wrote"

    format: Literal["retail-frozen/1"] = "retail-frozen/1"
    encoder: str
    data: FoldedData
    folds: Count
    rows: tuple[MethodScore, ...]
    machine: str
    peak_memory_mib: Count | None = None


class CurveResults(FileRecord):
    """What `curve --out` writes."""

    remedy: ClassVar[str] = "name a file that 'curve --out' wrote"

    format: Literal["retail-curve/2"] = CURVE_FORMAT
    encoder: str
    data: DataFacts
    tasks: tuple[str, ...]
    draws: Count
    rows: tuple[CurvePoint, ...]
    configs: tuple[FrozenConfig, ...]
    finetuning: FinetuneConfig | None = None

    def check(self) -> None:
        """Each of its questions has one point for each method and each number of examples."""
        if not self.tasks or not {row.task for row in self.rows} <= set(self.tasks):
            raise Unsound("tasks", "these are not its questions")
        for task in self.tasks:
            rows = self.of_task(task)
            points = {(row.method, row.shots) for row in rows}
            wanted = len({row.method for row in rows}) * len({row.shots for row in rows})
            if not rows or not len(points) == len(rows) == wanted:
                raise Unsound("rows", f"these are not the points of {task}")

    def of_task(self, task: str) -> list[CurvePoint]:
        """The points of one task, methods by shots."""
        return [row for row in self.rows if row.task == task]
