"""What a recogniser keeps of its fine-tuning, beside the record of the head that was trained before.

In: the figures of a fine-tuning run, or JSON. Out: a `FinetuningRecord`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from retail.config import FinetuneConfig
from retail.files.record import Record
from retail.metrics.retrieval import Retrieved
from retail.training.record import TrainingRecord


@dataclass(frozen=True)
class FinetuneEpoch:
    """One epoch of encoders and head; accuracies are {task: share right}, without tasks of which no label is known."""

    epoch: int  # counted from 1
    train_loss: float
    train_accuracy: dict[str, float]  # of augmented rows
    val_loss: float
    val_accuracy: dict[str, float]
    train_seconds: float
    seconds: float  # with validation
    peak_mib: float | None = None  # None where nobody counts memory


@dataclass(frozen=True)
class Forgotten:
    """Accuracy of one source head on n source rows under the encoders before and after, and the change with 95 %."""

    n: int
    before: float
    after: float
    change: float
    low: float
    high: float


@dataclass(frozen=True)
class Forgetting:
    """What fine-tuned encoders still know of a source data set, per task of its."""

    source: str
    checksum: str
    tasks: dict[str, Forgotten]


class Retrieval(Record):
    """Cross-modal retrieval among the validation rows, before and after."""

    before: tuple[Retrieved, ...]
    after: tuple[Retrieved, ...]


class FinetuningRecord(TrainingRecord):
    """How a head was trained on embeddings, and then encoders and head together."""

    finetuning: FinetuneConfig
    finetuning_history: Annotated[tuple[FinetuneEpoch, ...], Field(min_length=1)]
    trainable_parameters: int
    parameters: int  # of the encoders that were tuned and the head, those that stayed included
    finetuning_seconds: float
    finetuning_peak_mib: float | None = None
    forgetting: Forgetting | None = None
    retrieval: Retrieval | None = None
