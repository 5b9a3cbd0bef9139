"""What a recogniser keeps of its training; its bundle holds the record, and pages and tables read it there.

In: the figures of a training run, or JSON. Out: a `TrainingRecord`.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field, NonNegativeInt

from retail.config import FrozenConfig, TrainConfig
from retail.files.record import Figure, Record


@dataclass(frozen=True)
class Epoch:
    """One epoch of a head; losses and accuracy are means over the tasks, NaN where no label is known."""

    epoch: int
    train_loss: Figure
    val_loss: Figure
    val_accuracy: Figure


@dataclass(frozen=True)
class TrainingData:
    """The data set that was learned from."""

    name: str
    checksum: str
    # The columns that were named to tie rows together; left out of the file where none were.
    group: Annotated[tuple[str, ...], Field(exclude_if=operator.not_)] = ()


@dataclass(frozen=True)
class RowCounts:
    """How many rows a training learned from, and how many it was stopped and calibrated on: with input and label."""

    train: int
    val: int


class TrainingRecord(Record):
    """How a head was trained on embeddings; one that was not trained epoch by epoch has no history."""

    config: TrainConfig | FrozenConfig
    data: TrainingData
    rows: RowCounts
    best_epoch: NonNegativeInt | None = None
    history: tuple[Epoch, ...] | None = None
