"""Records of trainings that never were, and the description of a bundle without its weights."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from retail.config import FinetuneConfig, TrainConfig
from retail.finetuning.record import FinetuneEpoch, FinetuningRecord
from retail.recognizer.bundle import BundleRecord, EncoderRecord
from retail.training.record import Epoch, RowCounts, TrainingData

EPOCH_SECONDS = 30.0


def finetuning_record(accuracies: Sequence[float]) -> FinetuningRecord:
    """A fine-tuning of the photo encoder on 100 rows, whose epochs reach these accuracies on the task `kind`."""
    history = tuple(
        FinetuneEpoch(n, 2.0 / n, {"kind": 0.5}, 2.0, {"kind": accuracy}, EPOCH_SECONDS, EPOCH_SECONDS)
        for n, accuracy in enumerate(accuracies, start=1)
    )
    return FinetuningRecord(
        config=TrainConfig(modalities=("image",)),
        data=TrainingData("sample", "0"),
        rows=RowCounts(100, 20),
        best_epoch=0,
        history=(Epoch(0, 2.0, 2.0, 0.5),),
        finetuning=FinetuneConfig(tune=("image",)),
        finetuning_history=history,
        trainable_parameters=10,
        parameters=2000,
        finetuning_seconds=EPOCH_SECONDS * len(history),
    )


def write_finetuned_bundle(folder: Path, accuracies: Sequence[float]) -> Path:
    """The `bundle.json` of that fine-tuning, without weights."""
    record = BundleRecord(
        strategy="concatenation",
        width=8,
        hidden=(),
        encoders={"image": EncoderRecord(name="tiny:image", fingerprint="tiny-image", dim=3)},
        tasks={"kind": ("a", "b")},
        temperatures={"kind": 1.0},
        head_sha256="0",
        info=finetuning_record(accuracies),
    )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "bundle.json").write_text(json.dumps(record.to_dict()), encoding="utf-8")
    return folder
