"""The results file of a comparison: the only room that knows its keys.

In: a path or rows. Out: `Results`, which never change, and what readers ask of them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, PlainSerializer, ValidationError

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
    Row,
    RunCost,
    Score,
    Selected,
    SettingScore,
    SubsetScore,
    Tuning,
    Validation,
)
from retail.config import CompareConfig
from retail.files import DEMO_RESULTS, or_demo, whole_file
from retail.schema import Modality, UserError

FORMAT: Literal["retail-results/1"] = "retail-results/1"
DOCTOR_FORMAT: Literal["retail-doctor/1"] = "retail-doctor/1"

# The lists whose rows speak of one task each.
OF_TASK = (
    "validation scores differences subsets settings dedicated calibration conformal attribution cascade costs"
).split()


class Results(Row):
    """A finished comparison, key by key as in the file."""

    format: Literal["retail-results/1"]
    created: str  # ISO 8601, UTC
    config: CompareConfig
    protocol: tuple[str, ...]  # how the comparison was run, one sentence a rule
    seeds: tuple[int, ...]
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
    doctor: Annotated[
        Diagnosis | None,  # None, in the file {}: there was one kind of input
        BeforeValidator(lambda value: None if value == {} else value),
        PlainSerializer(lambda value: {} if value is None else value),
    ]
    predictions: Predictions
    costs: tuple[Cost, ...]
    tuning: tuple[Tuning, ...]
    cost: RunCost

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


class DataName(Row):
    """Which data the doctor examined."""

    name: str
    checksum: str


class _DoctorHead(Row):
    format: Literal["retail-doctor/1"]
    data: DataName
    config: CompareConfig


class DoctorReport(Diagnosis, _DoctorHead):
    """What the command `doctor --json` writes."""


def read_results(path: Path) -> Results:
    """A results file, `demo` for the one that ships; raises UserError, in one sentence, when it is none."""
    path = or_demo(path, DEMO_RESULTS)
    try:
        content = path.read_bytes()
    except OSError:
        raise UserError(_no_json(path)) from None
    try:
        return Results.model_validate_json(content)
    except ValidationError as error:
        raise UserError(_why_not(path, content, error)) from None


def _why_not(path: Path, content: bytes, error: ValidationError) -> str:
    try:
        found = json.loads(content)
    except ValueError:
        return _no_json(path)
    named = found.get("format") if isinstance(found, dict) else None
    if named != FORMAT:
        return f"{path} holds format {named!r}, but a report needs {FORMAT!r}; run 'compare' again."
    first = error.errors(include_url=False)[0]
    place = ".".join(map(str, first["loc"]))
    return f"{path} is damaged at {place} ({first['msg'].lower()}); run 'compare' again."


def _no_json(path: Path) -> str:
    return f"{path} cannot be read as JSON; name a file that 'compare --out' has written."


def as_json(results: Row) -> str:
    """The whole file as text; what could not be computed is null."""
    return json.dumps(results.model_dump(mode="json", by_alias=True), ensure_ascii=False, allow_nan=False)


def write_results(results: Results | DoctorReport, path: Path) -> None:
    """Whole or not at all: a reader never sees half a file."""
    with whole_file(path) as partial:
        partial.write_text(as_json(results) + "\n", encoding="utf-8")
