"""Answers to many products, as work that can be spread.

In: a recogniser, or its bundle for another machine, and what somebody chose. Out: predictions, with what was read from
the photos among their notes.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from retail.catalogue.evidence import all_with_evidence, noted
from retail.cluster import Maker
from retail.config.reading import Reading
from retail.recognizer import Recognizer
from retail.recognizer.bundle import load_bundle, unpacked
from retail.schema import Prediction, Product, Progress
from retail.store.remote import store_at
from retail.workspace.shelves import answering


@dataclass(frozen=True)
class Answering:
    """The files of a bundle, and all that counts for its answers; catalogues stay where they are."""

    bundle: dict[str, bytes]
    reading: Reading
    accuracy: float
    store: str

    def ready(self) -> Maker[list[Prediction]]:
        """Loads the recogniser, whose files stay for as long as it does."""
        folder = tempfile.TemporaryDirectory(prefix="retail-bundle-")
        recognizer = load_bundle(unpacked(self.bundle, Path(folder.name)))
        answer = answers(recognizer, self.reading, "", self.accuracy, self.store)

        def with_files(products: Sequence[Product], progress: Progress | None) -> list[Prediction]:
            assert folder
            return answer(products, progress)

        return with_files


def answers(
    recognizer: Recognizer,
    reading: Reading,
    catalogue: str,
    accuracy: float,
    store: str,
    progress: Progress | None = None,
) -> Maker[list[Prediction]]:
    """What answers chunks of products with this recogniser."""
    ask = answering(recognizer, catalogue, accuracy, store_at(store), progress)

    def answer(products: Sequence[Product], told: Progress | None) -> list[Prediction]:
        shown, read = all_with_evidence(products, reading, told)
        return [noted(found, own) for found, own in zip(ask(shown, told), read, strict=True)]

    return answer
