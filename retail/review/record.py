"""What somebody said about an answer, as one typed record.

In: plain values. Out: `Correction`, which holds the example, the answer that was given and the one that is right.
"""

from __future__ import annotations

from typing import Literal, get_args

from retail.dataset.added import KeptFile
from retail.files.record import Record
from retail.schema import Decision

# The answer is right; it is another class; it is that product of the catalogue; it is a product that nobody knew.
Verdict = Literal["right", "class", "product", "new"]
Place = Literal["recognise", "bulk", "review", "mistakes"]  # where it was said
PLACES: tuple[Place, ...] = get_args(Place)


class Example(Record):
    """What was shown to the recogniser."""

    images: tuple[KeptFile, ...] = ()
    text: str = ""
    audio: KeptFile | None = None
    group: str = ""

    @property
    def files(self) -> tuple[KeptFile, ...]:
        """All that was copied."""
        return (*self.images, *((self.audio,) if self.audio else ()))


class Said(Record):
    """What was answered to one question, and what it was worth."""

    label: str
    probability: float
    decision: Decision


class Correction(Record):
    """One verdict. `labels` are what is right, `said` is what was answered, both by task.

    `product_id` names the product of the catalogue that shows the example, `name` what a new one is called.
    `learned_from` is the checksum of the data that the recogniser knew, "" where nobody knows.
    """

    id: str
    time: float  # seconds since 1970
    origin: Place
    verdict: Verdict
    bundle: str
    recognizer: str
    learned_from: str
    said: dict[str, Said]
    labels: dict[str, str]
    name: str
    catalogue: str
    product_id: str
    example: Example

    @property
    def knows(self) -> str:
        """What the recogniser knew: its data, or itself where nobody wrote the data down."""
        return self.learned_from or self.recognizer

    @property
    def was_wrong(self) -> bool:
        """Whether the answer was another than the one that is right."""
        return self.verdict != "right"
