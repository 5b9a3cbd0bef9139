"""What the judgements of one recogniser look like in a file: its scores, and its robustness.

In: figures. Out: checked records; `files.write_record` and `files.read_record` carry them to disk and back. A score
that could not be computed is NaN here and null in the file.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, JsonValue

from retail.schema import Modality

Score = Annotated[float, BeforeValidator(lambda value: float("nan") if value is None else value)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ScoredData(_Part):
    """The rows that were judged: of which data set, of which split ("all" for every row), and how many."""

    name: str
    checksum: str
    split: str
    n: int

    @property
    def sentence(self) -> str:
        """'Scored: the test rows of demo, 600 products.'"""
        rows = "rows" if self.split == "all" else f"{self.split} rows"
        return f"Scored: the {rows} of {self.name}, {self.n:,} products."


class TaskScore(_Part):
    """Every metric of one task, as fractions in [0, 1]; the same keys as a row of a comparison."""

    task: str
    model: str
    kind: Literal["single", "fusion"]
    modalities: tuple[Modality, ...]
    seed: int
    split: str
    n: int
    accuracy: Score
    accuracy_low: Score
    accuracy_high: Score
    balanced_accuracy: Score
    macro_f1: Score
    ece: Score


class TaskPredictions(_Part):
    """Row by row: the product's id, its label and the answer ("" where no input could be used)."""

    ids: tuple[str, ...]
    target: tuple[str, ...]
    preds: tuple[str, ...]


class Scores(_Part):
    """What `evaluate` found. `bundle` is the recogniser's description of itself, `notes` what could not be read."""

    format: Literal["retail-scores/1"] = "retail-scores/1"
    bundle: dict[str, JsonValue]
    data: ScoredData
    scores: tuple[TaskScore, ...]
    unknown_labels: dict[str, tuple[str, ...]]
    notes: tuple[str, ...]
    predictions: dict[str, TaskPredictions]


class DamagedScore(_Part):
    """Accuracy of one task under one damage at one strength.

    `damage` is "none" for the undamaged input and "left out" for its absence, both without a strength. `change` is
    over the undamaged input, `use` over leaving the input out, each with its 95 % interval.
    """

    task: str
    input: Modality
    damage: str
    strength: float | None
    given: Literal["all", "alone"]
    n: int
    accuracy: float
    accuracy_low: float
    accuracy_high: float
    change: float
    change_low: float
    change_high: float
    use: float
    use_low: float
    use_high: float


class SwappedScore(_Part):
    """Of `n` products whose `swapped` input is another product's: the shares answered as that one and as the others."""

    task: str
    given: tuple[Modality, ...]
    swapped: Modality
    n: int
    follows_swapped: float
    follows_swapped_low: float
    follows_swapped_high: float
    follows_others: float
    follows_others_low: float
    follows_others_high: float
    follows_neither: float
    follows_neither_low: float
    follows_neither_high: float


class Robustness(_Part):
    """What `robustness` found; `data` is absent where the products are of no data set."""

    format: Literal["retail-robustness/1"] = "retail-robustness/1"
    seed: int
    n: int
    inputs: tuple[Modality, ...]
    curves: tuple[DamagedScore, ...]
    swapped: tuple[SwappedScore, ...]
    remarks: tuple[str, ...]
    notes: tuple[str, ...]
    strategy: str
    bundle: dict[str, JsonValue]
    data: ScoredData | None = None
