"""`recogniser.json`: all that an exported recogniser knows beside its graphs.

In: figures of the product. Out: an `ExportRecord`, which `retail/export/standalone` reads as plain JSON.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import PositiveInt

from retail.files.record import FileRecord, Record
from retail.schema import Modality

FILE = "recogniser.json"


class PhotoFacts(Record):
    """How a photo becomes pixels (B, 3, H, W)."""

    graph: str
    dim: PositiveInt
    longest_side: PositiveInt  # to which a photo is made smaller first
    resize: int | tuple[int, int]  # of the shorter side, or height and width
    interpolation: str
    crop: tuple[int, int]  # height and width, from the middle
    mean: tuple[float, float, float]
    std: tuple[float, float, float]


class TextFacts(Record):
    """How a description becomes word pieces (B, T)."""

    graph: str
    dim: PositiveInt
    tokenizer: str  # the file
    inputs: tuple[str, ...]  # of the graph
    longest: PositiveInt  # word pieces that are read at once, with the marks around them
    most_characters: PositiveInt


class SoundFacts(Record):
    """How a clip becomes features (B, mels, T), and when nobody speaks in it."""

    graph: str
    listener: str  # the graph that says whether somebody speaks
    dim: PositiveInt
    sample_rate: PositiveInt
    most_seconds: PositiveInt
    fewest_samples: PositiveInt
    n_fft: PositiveInt
    win_length: PositiveInt
    hop_length: PositiveInt
    n_mels: PositiveInt
    f_min: float
    f_max: float
    floor: float
    loud_db: float
    nearer: float
    spare: PositiveInt  # hops
    shortest_samples: PositiveInt
    least_frames: PositiveInt
    lengths: tuple[float, ...]  # of the copies whose embeddings are averaged
    speech_threshold: float
    silence: float
    longest_seconds: PositiveInt  # of a clip that is heard whole
    window_silence: float
    window_db: float
    doubt: float
    neighbour: float


class HeadFacts(Record):
    """The graph that joins the embeddings: its inputs are the recogniser's, in order, and `present` (B, M)."""

    graph: str
    outputs: tuple[str, ...]  # logits_0, logits_1, … in the order of the tasks, and unknown (B,)


class CalibrationFacts(Record):
    """Of one task and one mix of inputs; see `retail/certainty/calibration.py`."""

    temperature: float
    slope: float
    curve: tuple[float, float, float]


class SetFacts(Record):
    """The least probability of a candidate, for each wish: of all classes, and of those that have their own."""

    pooled: tuple[float, ...]
    classes: tuple[int, ...]
    own: tuple[tuple[float, ...], ...]


class ExportRecord(FileRecord):
    """Mixes of inputs are written as `audio+image`, in the order of `inputs`."""

    remedy: ClassVar[str] = "export the bundle again"

    format: Literal["retail-onnx/1"] = "retail-onnx/1"
    title: str
    inputs: dict[Modality, PhotoFacts | TextFacts | SoundFacts]
    head: HeadFacts
    tasks: dict[str, tuple[str, ...]]  # task -> classes
    calibration: dict[str, dict[str, CalibrationFacts]]  # task -> mix -> facts
    wishes: tuple[float, ...]  # accuracies that may be asked for
    thresholds: dict[str, dict[str, tuple[float | None, ...]]]  # task -> mix -> from where an answer is accepted
    sets: dict[str, dict[str, SetFacts]]  # task -> mix -> facts
    unknown: dict[str, float]  # mix -> the score beyond which a product is none of the known ones
    parity: dict[str, float] = {}  # mix -> largest difference of a probability from the product's
