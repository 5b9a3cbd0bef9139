"""The vocabulary of the product: modalities, products, tasks and predictions.

In: plain Python values. Out: small frozen dataclasses that every other module speaks. Imports no torch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Literal

Modality = Literal["audio", "image", "text"]

# Sorted once, here: every tensor that stacks modalities uses this order.
MODALITIES: tuple[Modality, ...] = ("audio", "image", "text")

# All 7 non-empty sets of inputs, the single ones first.
SUBSETS: tuple[tuple[Modality, ...], ...] = tuple(
    subset for size in (1, 2, 3) for subset in combinations(MODALITIES, size)
)


# A file on disk, or the bytes of an upload.
MediaSource = Path | bytes

# Called as (stage, done, total) during long work.
Progress = Callable[[str, int, int], None]


class UserError(ValueError):
    """A mistake the user can fix: one sentence with what was expected, what came and what to do."""


@dataclass(frozen=True)
class Product:
    """One item with whichever inputs it has; an absent input is an empty tuple, "" or None."""

    id: str
    images: tuple[MediaSource, ...] = ()
    text: str = ""
    audio: MediaSource | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    split: str = ""
    group: str = ""

    @property
    def modalities(self) -> tuple[Modality, ...]:
        """The inputs that are present, in the fixed order."""
        present: dict[Modality, bool] = {
            "audio": self.audio is not None,
            "image": bool(self.images),
            "text": any(char.isprintable() and not char.isspace() for char in self.text),
        }
        return tuple(modality for modality in MODALITIES if present[modality])


@dataclass(frozen=True)
class Vocabulary:
    """The classes of one task; a class's index is its place in the tuple."""

    classes: tuple[str, ...]

    @classmethod
    def from_labels(cls, labels: Iterable[str]) -> Vocabulary:
        """Sorted distinct non-empty labels."""
        return cls(tuple(sorted({label for label in labels if label})))

    def index(self, label: str) -> int:
        """Index of a label, -1 when the label is empty or unknown."""
        return self._indices.get(label, -1)

    @property
    def _indices(self) -> dict[str, int]:
        return {label: place for place, label in enumerate(self.classes)}

    def __len__(self) -> int:
        return len(self.classes)


@dataclass(frozen=True)
class Prediction:
    """Class probabilities of one product for every task.

    `probs` maps task to {class: probability}, likeliest first. `used` names the inputs that counted;
    `notes` holds one sentence for each input that was given but could not be used.
    """

    id: str
    probs: Mapping[str, Mapping[str, float]]
    used: tuple[Modality, ...]
    notes: tuple[str, ...] = ()

    def best(self, task: str) -> tuple[str, float]:
        """The likeliest class of a task and its probability."""
        return next(iter(self.probs[task].items()))

    def top(self, task: str, count: int = 5) -> tuple[list[tuple[str, float]], float]:
        """The `count` likeliest classes and the probability that all others share."""
        ranked = list(self.probs[task].items())
        return ranked[:count], max(0.0, sum(prob for _, prob in ranked[count:]))
