"""The vocabulary of the product: modalities, products, tasks and predictions.

In: plain Python values. Out: small frozen dataclasses that every other module speaks. Imports no torch.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from itertools import combinations
from pathlib import Path
from typing import Any, Literal

Modality = Literal["audio", "image", "text"]

# Sorted once, here: every tensor that stacks modalities uses this order.
MODALITIES: tuple[Modality, ...] = ("audio", "image", "text")

# Some of the inputs, in the fixed order.
Subset = tuple[Modality, ...]

# All 7 non-empty sets of inputs, the single ones first.
SUBSETS: tuple[Subset, ...] = tuple(subset for size in (1, 2, 3) for subset in combinations(MODALITIES, size))


@dataclass(frozen=True, eq=False)
class Upload:
    """A photo or a clip that somebody sent, decoded and checked when it came.

    `content` is what is kept of the file and decodes to the same; `checksum` is the SHA-256 of the file as it came.
    """

    name: str
    content: bytes
    checksum: str
    decoded: Any = field(repr=False)  # an RGB picture, or a float32 waveform (S,)
    thumbnail: bytes = field(default=b"", repr=False)  # of a photo: a small JPEG for the page
    detail: bytes = field(default=b"", repr=False)  # of a photo whose `content` is smaller than it came: more pixels


# A file on disk, the bytes of one, or what was decoded already.
MediaSource = Path | bytes | Upload

# The same as a caller of the Python API has it: a path may be a plain string, photos one or several.
Clip = str | MediaSource
Photos = Clip | Sequence[Clip]

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

    @classmethod
    def of(cls, image: Photos | None = None, text: str = "", audio: Clip | None = None, id: str = "product") -> Product:
        """A product as a caller has it: a file is a path or its bytes, `image` one or a list of them.

        Raises UserError for a path where no file lies.
        """
        photos = () if image is None else (image,) if isinstance(image, str | Path | bytes | Upload) else image
        sound = None if audio is None else _media(audio)
        return cls(id, tuple(_media(photo) for photo in photos), text, sound)

    @property
    def modalities(self) -> tuple[Modality, ...]:
        """The inputs that are present, in the fixed order."""
        present: dict[Modality, bool] = {
            "audio": self.audio is not None,
            "image": bool(self.images),
            "text": any(char.isprintable() and not char.isspace() for char in self.text),
        }
        return tuple(modality for modality in MODALITIES if present[modality])


def _media(source: Clip) -> MediaSource:
    if isinstance(source, bytes | Upload):
        return source
    if not isinstance(source, str | Path):
        raise UserError(f"A photo or a sound clip is a path or the bytes of a file, not {type(source).__name__}.")
    if not Path(source).is_file():
        raise UserError(f"{source} does not exist; name an existing file.")
    return Path(source)


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

    def target(self, label: str) -> int:
        """What an answer is judged by: the index, -1 without a label; an unknown class has C_t, which no answer is."""
        return self._indices.get(label, len(self.classes)) if label else -1

    @cached_property
    def _indices(self) -> dict[str, int]:
        return {label: place for place, label in enumerate(self.classes)}

    def __len__(self) -> int:
        return len(self.classes)


@dataclass(frozen=True)
class Note:
    """One input of a product that was given but could not be used, and why."""

    product: str
    modality: Modality
    sentence: str

    def __str__(self) -> str:
        return f"product {self.product}: {self.sentence}"


# What to do with an answer: take it, have somebody look, or take it for something that nobody taught.
Decision = Literal["accept", "review", "unknown"]

# Who answers: the trained classes, or the products of a catalogue.
Witness = Literal["classifier", "catalogue"]


@dataclass(frozen=True)
class Answer:
    """What one task's answer is worth.

    `candidates` hold the right class as often as wished; `decision` is "accept" where answers as sure as this are right
    as often as wished. `like_this` is (n, right): so many validation answers to the same inputs were as sure.
    `witnesses` say what each of the two would answer alone, with its probability; empty where no catalogue was asked.
    """

    label: str
    probability: float
    candidates: tuple[str, ...]
    decision: Decision
    like_this: tuple[int, int] | None = None
    witnesses: Mapping[Witness, tuple[str, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class NoveltyScore:
    """How unlike the known products an upload is: from `threshold` on it is none of them; NaN where nobody can tell."""

    score: float
    threshold: float

    @property
    def unknown(self) -> bool:
        """Whether it is none of the known products."""
        return self.score > self.threshold


UNCOMPARED = NoveltyScore(math.nan, math.nan)


@dataclass(frozen=True)
class KnownProduct:
    """The known product that is nearest to an upload, with its labels and their cosine, -1 to 1."""

    id: str
    labels: Mapping[str, str]
    similarity: float


def title_of(name: str, labels: Mapping[str, str], id: str) -> str:
    """What a known product is called: its name, or its labels, each once, or its id."""
    return name or " · ".join(dict.fromkeys(filter(None, labels.values()))) or id


@dataclass(frozen=True)
class Match:
    """A product of a catalogue that an upload may be.

    `probability` that it is the same product; `similarity` says how alike they are by each input that both have, and
    as the recogniser sees them as a whole ("fused"), -1 to 1.
    """

    id: str
    name: str
    labels: Mapping[str, str]
    probability: float
    similarity: Mapping[str, float]

    @property
    def title(self) -> str:
        """What people read."""
        return title_of(self.name, self.labels, self.id)


@dataclass(frozen=True)
class Prediction:
    """Class probabilities of one product for every task, and what they are worth.

    `probs` maps task to {class: probability}, likeliest first. `used` names the inputs that counted;
    `notes` holds one sentence for each input that was given but could not be used.
    """

    id: str
    probs: Mapping[str, Mapping[str, float]]
    used: tuple[Modality, ...]
    notes: tuple[str, ...] = ()
    answers: Mapping[str, Answer] = field(default_factory=dict)
    novelty: NoveltyScore = UNCOMPARED
    nearest: KnownProduct | None = None
    matches: tuple[Match, ...] = ()  # products of the catalogue, likeliest first
    recognised: Match | None = None  # the one of them that the upload is taken for

    @property
    def unknown(self) -> bool:
        """Whether the upload is none of the known products."""
        return self.recognised is None and self.novelty.unknown

    def best(self, task: str) -> tuple[str, float]:
        """The likeliest class of a task and its probability."""
        return next(iter(self.probs[task].items()))

    def top(self, task: str, count: int = 5) -> tuple[list[tuple[str, float]], float]:
        """The `count` likeliest classes and the probability that all others share."""
        ranked = list(self.probs[task].items())
        return ranked[:count], max(0.0, sum(prob for _, prob in ranked[count:]))

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it: all of it, `unknown` too; a novelty that nobody can tell is None."""
        novelty, nearest, recognised = self.novelty, self.nearest, self.recognised
        return {
            "id": self.id,
            "used": self.used,
            "notes": self.notes,
            "probs": self.probs,
            "answers": {task: asdict(answer) for task, answer in self.answers.items()},
            "unknown": self.unknown,
            "novelty": None if math.isnan(novelty.score) else asdict(novelty),
            "nearest": nearest and asdict(nearest),
            "recognised": recognised and asdict(recognised),
            "matches": [asdict(match) for match in self.matches],
        }
