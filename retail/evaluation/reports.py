"""What the judgements of one recogniser look like in a file: its scores, and its robustness.

In: figures, or a file. Out: checked `Scores` or `Robustness`.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import JsonValue

from retail.files.record import Count, Figure, FileRecord, Number, Record, Unsound
from retail.schema import Modality


class ScoredData(Record):
    """The rows that were judged: of which data set, of which split ("all" for every row), and how many."""

    name: str
    checksum: str
    split: str
    n: Count

    @property
    def word(self) -> str:
        """What these products are called: 'test', 'validation', 'scored' where they are all."""
        return {"all": "scored", "val": "validation", "train": "training"}.get(self.split, self.split)

    @property
    def sentence(self) -> str:
        """'Scored: the test rows of demo, 600 products.'"""
        rows = "rows" if self.split == "all" else f"{self.split} rows"
        return f"Scored: the {rows} of {self.name}, {self.n:,} products."


class TaskScore(Record):
    """Every metric of one task, as fractions in [0, 1]; the same keys as a row of a comparison."""

    task: str
    model: str
    kind: Literal["single", "fusion"]
    modalities: tuple[Modality, ...]
    seed: Count
    split: str
    n: Count
    accuracy: Figure
    accuracy_low: Figure
    accuracy_high: Figure
    balanced_accuracy: Figure
    macro_f1: Figure
    ece: Figure


class PromiseKept(Record):
    """What the threshold for a wished accuracy, None where validation promises none, makes of `n` labelled rows.

    `broken`: so few of the answered are right that chance does not explain it (exact binomial test at 5 %).
    `needed`: about how many validation rows would do where none is promised, None where no number in reach would.
    """

    wished: Number
    threshold: Number | None
    n: Count
    answered: Count
    coverage: Figure
    accuracy: Number | None
    broken: bool
    needed: Count | None


class SubsetCertainty(Record):
    """How sure and how right one task is with a subset of the inputs, on the rows that have them all.

    `ece_before` is without a temperature, `ece_by_chance` what a perfectly calibrated model would stay below 19 times
    in 20 with as many rows. Sets hold the right class for `set_coverage`, promised 95 %. `rises` is the share of
    products whose confidence rises when one of the inputs is taken away, `unknown` that of products of known classes
    which are taken for none of the known products.
    """

    task: str
    modalities: tuple[Modality, ...]
    n: Count
    accuracy: Figure
    accuracy_low: Figure
    accuracy_high: Figure
    temperature: Figure
    ece_before: Figure
    ece: Figure
    ece_by_chance: Figure
    promises: tuple[PromiseKept, ...]
    set_coverage: Figure
    set_size: Figure
    rises: Number | None  # None of a single input
    unknown: Number | None = None  # None where no upload with these inputs can be unknown

    def promise(self, wished: float) -> PromiseKept | None:
        """What came of this wish; None where it was not asked."""
        return next((wish for wish in self.promises if wish.wished == wished), None)


class TaskPredictions(Record):
    """Row by row: the product's id, its label, the answer ("" where no input could be used) and the row's group.

    There are no groups where every row is one of its own.
    """

    ids: tuple[str, ...]
    target: tuple[str, ...]
    preds: tuple[str, ...]
    groups: tuple[str, ...] = ()


class Scores(FileRecord):
    """What `evaluate` found. `bundle` is the recogniser's description of itself, `notes` what could not be read."""

    remedy: ClassVar[str] = "run 'evaluate --out' again"

    format: Literal["retail-scores/1"] = "retail-scores/1"
    bundle: dict[str, JsonValue]
    data: ScoredData
    scores: tuple[TaskScore, ...]
    unknown_labels: dict[str, tuple[str, ...]]
    notes: tuple[str, ...]
    predictions: dict[str, TaskPredictions]
    subset_certainty: tuple[SubsetCertainty, ...] = ()

    def check(self) -> None:
        """Each scored question has an answer and a label for each of its rows."""
        scored = [row.task for row in self.scores]
        if len(set(scored)) < len(scored) or not set(scored) <= set(self.predictions):
            raise Unsound("scores", "these are not the questions that were answered")
        for task, own in self.predictions.items():
            sizes = {len(own.ids), len(own.target), len(own.preds), len(own.groups) or len(own.ids)}
            if len(sizes) > 1 or len(set(own.ids)) < len(own.ids):
                raise Unsound(f"predictions.{task}", "its lists are not of the same rows")
        if any(row.n > self.data.n or (row.n and not row.accuracy >= 0) for row in self.scores):
            raise Unsound("scores", "there are not so many rows")


class DamagedScore(Record):
    """Accuracy of one task under one damage at one strength.

    `damage` is "none" for the undamaged input and "left out" for its absence, both without a strength. `change` is
    over the undamaged input, `use` over leaving the input out, each with its 95 % interval.
    """

    task: str
    input: Modality
    damage: str
    strength: Number | None
    given: Literal["all", "alone"]
    n: Count
    accuracy: Figure
    accuracy_low: Figure
    accuracy_high: Figure
    change: Figure
    change_low: Figure
    change_high: Figure
    use: Figure
    use_low: Figure
    use_high: Figure


class SwappedScore(Record):
    """Of `n` products whose `swapped` input is another product's: the shares answered as that one and as the others."""

    task: str
    given: tuple[Modality, ...]
    swapped: Modality
    n: Count
    follows_swapped: Figure
    follows_swapped_low: Figure
    follows_swapped_high: Figure
    follows_others: Figure
    follows_others_low: Figure
    follows_others_high: Figure
    follows_neither: Figure
    follows_neither_low: Figure
    follows_neither_high: Figure


class Robustness(FileRecord):
    """What `robustness` found; `data` is absent where the products are of no data set."""

    remedy: ClassVar[str] = "run 'robustness --out' again"

    format: Literal["retail-robustness/1"] = "retail-robustness/1"
    seed: Count
    n: Count
    inputs: tuple[Modality, ...]
    curves: tuple[DamagedScore, ...]
    swapped: tuple[SwappedScore, ...]
    remarks: tuple[str, ...]
    notes: tuple[str, ...]
    strategy: str
    bundle: dict[str, JsonValue]
    data: ScoredData | None = None
