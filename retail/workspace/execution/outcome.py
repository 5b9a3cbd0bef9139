"""What a run says while it works and when it is done.

In: nothing. Out: `Follower`, which hears of progress, and `Outcome`, what is printed at the end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from retail.dataset.manifest import Manifest
from retail.dataset.reader import read_manifest
from retail.encoders import load_preset
from retail.encoders.reading import reading_notes
from retail.recognizer import Recognizer
from retail.recognizer.bundle import save_bundle
from retail.review.version import note_version
from retail.schema import Modality
from retail.splits import unseen_classes
from retail.workspace.requests import LearningRequest


@dataclass(frozen=True)
class Outcome:
    """The text for people, and the files that were written beside the main one."""

    text: str
    written: tuple[Path, ...] = ()


class Follower(Protocol):
    """Whoever follows a run; as a function it is the `Progress` of all rooms below."""

    def __call__(self, stage: str, done: int, total: int) -> None:
        """How far a stage is."""

    def score(self, model: str, accuracy: float) -> None:
        """A first figure of one model, on validation."""

    def note(self, sentence: str) -> None:
        """Something that is odd but stops nothing."""

    def line(self, text: str) -> None:
        """A line of the log."""


class Silent:
    """Nobody follows."""

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Says nothing."""

    def score(self, model: str, accuracy: float) -> None:
        """Says nothing."""

    def note(self, sentence: str) -> None:
        """Says nothing."""

    def line(self, text: str) -> None:
        """Says nothing."""


def read_data(
    data: Path,
    tasks: Sequence[str] | None,
    text_column: str,
    follower: Follower,
    group: Sequence[str] = (),
    every_split: bool = False,
) -> Manifest:
    """The data set with these label columns, or with what look like labels; all that is wrong or unused is said."""
    manifest = read_manifest(data, tasks, text_column, progress=follower, group=group, every_split=every_split)
    for sentence in manifest.sentences:
        follower.note(sentence)
    return manifest


def learning_data(request: LearningRequest, follower: Follower) -> Manifest:
    """The request's data; products whose classes training lacks are reported too."""
    manifest = read_data(request.data, request.tasks or None, request.text_column, follower, request.group)
    note_version(manifest)
    for sentence in unseen_classes(manifest):
        follower.note(sentence)
    return manifest


def keep(recognizer: Recognizer, folder: Path, follower: Follower) -> None:
    """Saves it, and makes what its first answer would wait for: whoever trains a recogniser is going to ask it."""
    save_bundle(recognizer, folder)
    follower("getting the recogniser ready", 0, 1)
    recognizer.make_ready()


def note_reading(encoders: str, modalities: Sequence[Modality], manifest: Manifest, follower: Follower) -> None:
    """Says how long descriptions are read, how many are cut, and which language the encoder does not know."""
    for encoder in load_preset(encoders, [modality for modality in modalities if modality == "text"]).values():
        for sentence in reading_notes(encoder, [product.text for product in manifest.products]):
            follower.note(sentence)
