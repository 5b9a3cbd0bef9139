"""The results files of frozen features: scores of methods (`frozen`) and learning curves (`curve`).

In: what was measured, or a file. Out: a `FrozenResults` or a `CurveResults`; nobody else spells the files' keys.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

from pydantic import BeforeValidator, PositiveInt

from retail.config import FinetuneConfig, FrozenConfig
from retail.files import whole_file
from retail.record import FileRecord, Record
from retail.schema import UserError

CURVE_FORMAT: Literal["retail-curve/2"] = "retail-curve/2"

# A figure that could not be computed: NaN here, null in the file, because JSON has no NaN.
Figure = Annotated[float, BeforeValidator(lambda value: math.nan if value is None else value)]


class DataFacts(Record):
    """What was learned from and scored on."""

    name: str
    checksum: str
    split: Literal["val", "test"]
    n_train: int
    n_scored: int


class FoldedData(DataFacts):
    """The same, and how the training rows were folded."""

    groups: int  # of look-alikes among the training rows
    map_data: str | None = None  # the data set that maps were fitted on, where it is another one
    support: dict[str, str]  # task -> a sentence about the training rows of its classes


class MethodScore(Record):
    """One method on one task, with the settings that cross-validation chose."""

    method: str
    task: str
    config: FrozenConfig
    cv_accuracy: Figure  # mean over the folds
    cv_spread: Figure  # standard deviation over the folds
    n: int
    accuracy: Figure
    accuracy_low: Figure  # 95 %
    accuracy_high: Figure
    balanced_accuracy: Figure
    macro_f1: Figure
    ece: Figure
    seconds: float  # of the last fit
    parameters: int


class CurvePoint(Record):
    """One method on one task with so many training examples per class: mean accuracy over the draws."""

    method: str
    task: str
    shots: PositiveInt | Literal["all"]
    n_train: int
    n: int
    draws: int
    accuracy: float
    accuracy_low: float  # 95 %
    accuracy_high: float
    interval: Literal["draws", "scored rows"]  # what the interval is over


class _Results(FileRecord):
    @classmethod
    def read(cls, path: Path) -> Self:
        """The results in a file; raises UserError when it cannot be read, or holds something else."""
        try:
            content = path.read_bytes()
        except OSError:
            raise UserError(f"{path} cannot be read; {cls.remedy}.") from None
        return cls.of(content, str(path))

    def write(self, path: Path) -> None:
        """Whole or not at all."""
        with whole_file(path) as partial:
            partial.write_text(self.model_dump_json() + "\n", encoding="utf-8")


class FrozenResults(_Results):
    """What `frozen --out` writes."""

    remedy: ClassVar[str] = "name a file that 'frozen --out' wrote"

    format: Literal["retail-frozen/1"] = "retail-frozen/1"
    encoder: str
    data: FoldedData
    folds: int
    rows: tuple[MethodScore, ...]
    machine: str
    peak_memory_mib: int | None = None


class CurveResults(_Results):
    """What `curve --out` writes."""

    remedy: ClassVar[str] = "name a file that 'curve --out' wrote"

    format: Literal["retail-curve/2"] = CURVE_FORMAT
    encoder: str
    data: DataFacts
    tasks: tuple[str, ...]
    draws: int
    rows: tuple[CurvePoint, ...]
    configs: tuple[FrozenConfig, ...]
    finetuning: FinetuneConfig | None = None

    def of_task(self, task: str) -> list[CurvePoint]:
        """The points of one task, methods by shots."""
        return [row for row in self.rows if row.task == task]
