"""The rows of a comparison's results file: what each of its lists holds, key by key.

In: figures that a comparison worked out, or JSON. Out: records, whose fields stand in the order of the file: those of
the last base first.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from retail.files.record import Count, Figure, Number, Record, Share
from retail.outside.limits import MAX_COUNT
from retail.schema import Modality

Kind = Literal["single", "fusion"]
Setting = Literal["neither", "multi-task", "multi-modal", "both"]
Inputs = tuple[Modality, ...]
Label = Annotated[int, Field(ge=-1, le=MAX_COUNT)]  # the place of a class, -1: no label


def if_known() -> Any:
    """A field that the file leaves out where there is nothing to say."""
    return Field(default=None, exclude_if=lambda value: value is None)


class OfModel(Record):
    """Every row that speaks of one model's answers to one task."""

    task: str
    model: str


class OfInputs(OfModel):
    """The same, given these inputs."""

    modalities: Inputs


class Accuracy(Record):
    """Share of n labelled test rows that were right, mean over seeds, with its 95 % bootstrap interval."""

    n: Count
    accuracy: Figure
    accuracy_low: Figure
    accuracy_high: Figure


class DataFacts(Record):
    """Which data, and how many rows of each split."""

    name: str
    path: str | None = if_known()  # the folder or table on the machine of the run; left out of a file for others
    checksum: str
    group: tuple[str, ...] | None = if_known()  # columns that were named to tie rows together; left out without any
    n_train: Count
    n_val: Count
    n_test: Count


class EncoderFacts(Record):
    """Which encoder turned an input into numbers."""

    name: str
    fingerprint: str


class Model(Record):
    """What is compared: a fusion strategy, or the plain head given one input."""

    model: str
    kind: Kind
    modalities: Inputs
    title: str
    summary: str
    level: str  # "feature", "decision" or "single"
    source: str


class Selected(Record):
    """The models that validation chose for one task; no fusion where there is one kind of input."""

    fusion: str | None = if_known()
    single: str

    @property
    def model(self) -> str:
        """The fusion, or, without any, the single input."""
        return self.fusion or self.single


class Validation(OfModel):
    """Accuracy on validation, mean over seeds: by this a model is chosen."""

    accuracy: Figure


class _Scored(OfModel):
    kind: Kind
    modalities: Inputs
    seed: Count | None  # None: mean over seeds
    split: str


class Score(Accuracy, _Scored):
    """One model on one task's test rows, with one seed or over all."""

    balanced_accuracy: Figure
    macro_f1: Figure
    ece: Figure  # expected calibration error


class Difference(OfModel):
    """A fusion minus the single input that is best on the same test rows, with both paired tests."""

    baseline: Modality
    n: Count
    difference: Figure
    low: Figure
    high: Figure
    standard_error: Figure
    wins: Count
    losses: Count
    p_value: Figure
    cohens_h: Figure
    p_holm: Figure
    significant: bool


class SubsetScore(Accuracy, OfInputs):
    """One fusion given these inputs alone."""


class _Set(Record):
    task: str
    setting: Setting
    model: str
    tasks: tuple[str, ...]
    modalities: Inputs


class SettingScore(Accuracy, _Set):
    """One input or all of them, one task a model or all tasks together."""


class Dedicated(Accuracy, OfInputs):
    """The chosen fusion given these inputs, beside the best model trained for them alone."""

    dedicated: Figure
    loss: Figure
    loss_low: Figure
    loss_high: Figure


class TaskPredictions(Record):
    """One fit's answers to one task: class and confidence of each test row."""

    preds: tuple[Count, ...]
    confidence: tuple[Share, ...]


class Predictions(Record):
    """The test rows in order, their true classes (-1: no label) and what every model answered."""

    ids: tuple[str, ...]
    groups: tuple[str, ...] | None
    targets: dict[str, tuple[Label, ...]]
    models: dict[str, dict[str, dict[str, TaskPredictions]]]  # model -> seed -> task


class Cost(OfInputs):
    """What these inputs take to encode, one product at a time, against the accuracy that they bring."""

    accuracy: Figure
    seconds: Number
    mebibytes: Number
    worth_it: bool  # nothing else is as accurate in as little time


class Tuning(Record):
    """One setting of the grid that a model tried."""

    model: str
    setting: dict[str, Number]
    val_accuracy: Number
    chosen: bool


class EncoderCost(Record):
    """Seconds to decode and encode one product's input, and the MiB of the encoder's weights."""

    seconds: Number
    mebibytes: Number


class RunCost(Record):
    """What the whole comparison took, and on what."""

    seconds: Number
    fits: Count
    peak_memory_mib: Count | None
    machine: str
    encoders: dict[Modality, EncoderCost]
