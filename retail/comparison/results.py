"""The results file of a comparison: the only room that knows its keys.

In: a path or rows. Out: `Results`, which never change, and what readers ask of them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, PlainSerializer

from retail.comparison import sound
from retail.comparison.chosen_rows import Attribution, Calibration, Cascade, Conformal, Hierarchy
from retail.comparison.doctor_rows import Diagnosis
from retail.comparison.result_rows import (
    Cost,
    DataFacts,
    Dedicated,
    Difference,
    EncoderFacts,
    Model,
    Predictions,
    RunCost,
    Score,
    Selected,
    SettingScore,
    SubsetScore,
    Tuning,
    Validation,
)
from retail.config import CompareConfig
from retail.evaluation.reports import SubsetCertainty
from retail.files import SHIPPED_RESULTS, or_shipped
from retail.files.record import Count, FileRecord, Record
from retail.schema import Modality

FORMAT: Literal["retail-results/1"] = "retail-results/1"

# The lists whose rows speak of one task each.
OF_TASK = (
    "validation scores differences subsets settings dedicated calibration conformal attribution cascade costs "
    "subset_certainty"
).split()


class _ComparisonFile(FileRecord):
    def as_json(self) -> str:
        """As JSON in one line; what could not be computed is null."""
        return json.dumps(self.model_dump(mode="json", by_alias=True), ensure_ascii=False, allow_nan=False)


class Results(_ComparisonFile):
    """A finished comparison, key by key as in the file."""

    remedy: ClassVar[str] = "run 'compare' again"
    unreadable: ClassVar[str] = "{name} cannot be read as JSON; name a file that 'compare --out' has written."
    no_json: ClassVar[str] = unreadable
    foreign: ClassVar[str] = "{name} holds format {found!r}, but a report needs {wanted!r}; {remedy}."
    unfit: ClassVar[str] = "{name} is damaged at {place} ({reason}); {remedy}."

    format: Literal["retail-results/1"] = FORMAT
    created: str  # ISO 8601, UTC
    config: CompareConfig
    protocol: tuple[str, ...]  # how the comparison was run, one sentence a rule
    seeds: tuple[Count, ...]
    data: DataFacts
    encoders: dict[Modality, EncoderFacts]
    tasks: dict[str, tuple[str, ...]]  # {task: its classes}, those that only test rows have at the end
    models: tuple[Model, ...]
    selected: dict[str, Selected]
    validation: tuple[Validation, ...]
    scores: tuple[Score, ...]
    differences: tuple[Difference, ...]
    subsets: tuple[SubsetScore, ...]
    settings: tuple[SettingScore, ...]
    dedicated: tuple[Dedicated, ...]
    calibration: tuple[Calibration, ...]
    conformal: tuple[Conformal, ...]
    attribution: tuple[Attribution, ...]
    cascade: tuple[Cascade, ...]
    hierarchy: tuple[Hierarchy, ...]
    subset_certainty: tuple[SubsetCertainty, ...] = ()  # older files have none
    doctor: Annotated[
        Diagnosis | None,  # None, in the file {}: there was one kind of input
        BeforeValidator(lambda value: None if value == {} else value),
        PlainSerializer(lambda value: {} if value is None else value),
    ]
    predictions: Predictions
    costs: tuple[Cost, ...]
    tuning: tuple[Tuning, ...]
    cost: RunCost

    def check(self) -> None:
        """Rows speak of questions, models, classes and rows that there are, so that every page can show them."""
        sound.check(self)

    @property
    def titles(self) -> dict[str, str]:
        """{model: its title}."""
        return {model.model: model.title for model in self.models}

    def kind(self, model: str) -> str:
        """Whether this model is a "fusion" or a "single" input."""
        return next(known.kind for known in self.models if known.model == model)

    def mean_scores(self, task: str) -> dict[str, Score]:
        """{model: its test scores over all seeds}."""
        return {row.model: row for row in self.scores if row.task == task and row.seed is None}

    def chosen_score(self, task: str) -> Score:
        """Test scores of the model that validation chose: a fusion, or, without any, a single input."""
        return self.mean_scores(task)[self.selected[task].model]

    def best_single_score(self, task: str) -> Score:
        """Test scores of the single input that does best on these very test rows."""
        singles = [row for row in self.mean_scores(task).values() if row.kind == "single"]
        return max(singles, key=lambda row: row.accuracy if row.n else 0.0)

    def scored_tasks(self) -> list[str]:
        """The tasks of which some test row has a label."""
        return [task for task in self.tasks if self.chosen_score(task).n]

    def of_task(self, task: str) -> Results:
        """The same cut down to one task; what the doctor says is of all."""
        kept = {name: tuple(row for row in getattr(self, name) if row.task == task) for name in OF_TASK}
        kept["hierarchy"] = tuple(row for row in self.hierarchy if task in row.tasks)
        return self.model_copy(update={"tasks": {task: self.tasks[task]}, **kept})

    def for_others(self) -> Results:
        """The same without the folder on this machine, which stays private."""
        return self.model_copy(update={"data": self.data.model_copy(update={"path": None})})


class DataName(Record):
    """Which data the doctor examined."""

    name: str
    checksum: str


class _DoctorHead(_ComparisonFile):
    remedy: ClassVar[str] = "run 'doctor --json' again"

    format: Literal["retail-doctor/1"] = "retail-doctor/1"
    data: DataName
    config: CompareConfig


class DoctorReport(Diagnosis, _DoctorHead):
    """What the command `doctor --json` writes."""


def read_results(path: Path) -> Results:
    """A results file, `demo` for the one that ships; raises UserError, in one sentence, when it is none."""
    return Results.read(or_shipped(path, SHIPPED_RESULTS))
