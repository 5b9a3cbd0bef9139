"""Settings as frozen dataclasses, checked once, saved with every result.

In: field values or JSON. Out: `TrainConfig`, `CompareConfig` and the folders the app writes to. No torch.
"""

from __future__ import annotations

import hashlib
import json
import os
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
class CompareConfig(_Config):
    """What a comparison trains: every strategy and every single-modality baseline, over several seeds."""

    tasks: tuple[str, ...] = ()
    strategies: tuple[str, ...] = ()  # empty: all registered strategies
    seeds: int = 3
    encoders: str = "bundled"  # preset name
    text_column: str = "text"
    settings: bool = True  # also train the four multi-modal × multi-task settings
    loss_balancing: str = "fixed"
    class_balanced: bool = False

    def __post_init__(self) -> None:
        if self.seeds < 1:
            raise UserError(f"--seeds is at least 1, not {self.seeds}.")
