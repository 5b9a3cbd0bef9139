"""Settings as frozen dataclasses, checked once, saved with every result.

In: field values or JSON. Out: `TrainConfig`, `CompareConfig` and the folders the app writes to. No torch.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Self

from retail.schema import MODALITIES, Modality, UserError

DATA_DIR = Path(__file__).resolve().parent.parent / "data"
DEMO_DIR = DATA_DIR / "demo"
DEMO_BUNDLE = DATA_DIR / "demo_bundle"
DEMO_RESULTS = DATA_DIR / "demo_results.json"
DEMO_TASKS = ("product", "category", "packaging", "brand")


def home() -> Path:
    """Folder for caches and runs: `RETAIL_HOME`, or `.retail` in the user's home."""
    return Path(os.environ.get("RETAIL_HOME") or Path.home() / ".retail")


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Gives a path to write to; the file appears under its own name when the block ends well, or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".part")
    yield partial
    partial.replace(path)


@dataclass(frozen=True)
class _Config:
    def to_dict(self) -> dict[str, Any]:
        return json.loads(json.dumps(asdict(self)))

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        known = {field.name for field in fields(cls)}
        if unknown := sorted(set(values) - known):
            raise UserError(f"{cls.__name__} has no setting {unknown[0]!r}; it knows {', '.join(sorted(known))}.")
        return cls(**{key: tuple(value) if isinstance(value, list) else value for key, value in values.items()})

    def fingerprint(self) -> str:
        """Hash of every setting: equal settings, equal fingerprint."""
        return hashlib.sha256(json.dumps(self.to_dict(), sort_keys=True).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class TrainConfig(_Config):
    """How one fusion head is trained on embeddings."""

    strategy: str = "gated"  # registered name of a fusion strategy
    modalities: tuple[Modality, ...] = MODALITIES  # inputs the head may see
    width: int = 192  # W, width of the fused representation
    dropout: float = 0.5  # on projected embeddings
    modality_dropout: float = 0.3  # chance that one present input is hidden, per product and step
    learning_rate: float = 3e-3
    weight_decay: float = 0.02
    batch_size: int = 256
    max_epochs: int = 40
    patience: int = 6  # epochs without a better validation loss before stopping
    loss_balancing: str = "fixed"  # "fixed" or "uncertainty" (Kendall et al. 2018)
    class_balanced: bool = False  # weight classes by inverse frequency
    label_smoothing: float = 0.05
    seed: int = 0

    def __post_init__(self) -> None:
        if unknown := set(self.modalities) - set(MODALITIES):
            raise UserError(f"Unknown modality {sorted(unknown)[0]!r}; choose from {', '.join(MODALITIES)}.")
        if not self.modalities:
            raise UserError("At least one modality is needed; choose from " + ", ".join(MODALITIES) + ".")
        object.__setattr__(self, "modalities", tuple(m for m in MODALITIES if m in self.modalities))
        if self.loss_balancing not in ("fixed", "uncertainty"):
            raise UserError(f"loss_balancing is 'fixed' or 'uncertainty', not {self.loss_balancing!r}.")
        if not 0 <= self.modality_dropout < 1 or not 0 <= self.dropout < 1:
            raise UserError("dropout and modality_dropout lie in [0, 1).")
        if min(self.width, self.batch_size, self.max_epochs, self.patience) < 1:
            raise UserError("width, batch_size, max_epochs and patience are at least 1.")


@dataclass(frozen=True)
class FinetuneConfig(_Config):
    """How a photo encoder is trained on together with a head that was trained on its frozen embeddings."""

    start: str = "pretrained"  # or "scratch": new random weights, the control that shows what the transfer gains
    layers: int = 0  # how many of the last layers learn; 0 = all
    layer_decay: float = 0.8  # each lower layer learns this much slower (Howard and Ruder 2018; Clark et al. 2020)
    batch_norm: str = "adapt"  # statistics of the learning layers follow the new data; "keep" leaves the source's
    size: int = 224  # pixels of a training crop
    epochs: int = 12
    warmup_epochs: float = 1.0
    learning_rate: float = 1e-3  # of the encoder's last layer
    head_learning_rate: float = 1e-3
    weight_decay: float = 0.05
    batch_size: int = 32
    label_smoothing: float = 0.1
    average: float = 0.99  # of the weights, from step to step
    mix: float = 0.5  # share of the batches that mixup or cutmix blends
    augment: str = "rand-m6-mstd0.5-inc1"  # timm's RandAugment; "" for crops and flips alone
    erase: float = 0.2  # chance of random erasing
    smallest_crop: float = 0.35  # of the photo's area
    seed: int = 0

    def __post_init__(self) -> None:
        for name, known in (("start", ("pretrained", "scratch")), ("batch_norm", ("adapt", "keep"))):
            if getattr(self, name) not in known:
                raise UserError(f"{name} is {' or '.join(map(repr, known))}, not {getattr(self, name)!r}.")
        if min(self.epochs, self.batch_size) < 1 or self.size < 32 or self.layers < 0:
            raise UserError("epochs and batch_size are at least 1, size is at least 32, layers at least 0.")
        for name in ("layer_decay", "average", "mix", "erase", "smallest_crop"):
            if not 0 <= getattr(self, name) <= 1:
                raise UserError(f"{name} lies between 0 and 1, not at {getattr(self, name)}.")
        if self.start == "scratch" and self.layers:
            raise UserError("A network from scratch learns in all its layers; leave out --layers.")


@dataclass(frozen=True)
class CompareConfig(_Config):
    """What a comparison trains: every strategy and every single-modality baseline, over several seeds."""

    tasks: tuple[str, ...] = ()
    strategies: tuple[str, ...] = ()  # empty: all registered strategies
    seeds: int = 3
    encoders: str = "bundled"  # preset name
    text_column: str = "text"
    settings: bool = True  # also train the multi-modal × multi-task settings and a dedicated model per subset
    tune: bool = False  # every model tries the same grid of training settings, on validation
    loss_balancing: str = "fixed"
    class_balanced: bool = False

    def __post_init__(self) -> None:
        if self.seeds < 1:
            raise UserError(f"--seeds is at least 1, not {self.seeds}.")
