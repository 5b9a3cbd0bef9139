"""Records of trainings that never were, and the description of a bundle without its weights."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from retail.best.record import FILE, Asked, BestReport, Tried
from retail.config import FinetuneConfig, FrozenConfig, TrainConfig
from retail.evaluation.reports import TaskScore
from retail.finetuning.record import FinetuneEpoch, FinetuningRecord
from retail.recognizer.bundle import BundleRecord, EncoderRecord
from retail.training.record import Epoch, RowCounts, TrainingData, TrainingRecord

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
    return _write(folder, "concatenation", finetuning_record(accuracies))


def write_frozen_bundle(folder: Path, method: str) -> Path:
    """The same of a frozen method."""
    config = FrozenConfig.named(method)
    data, rows = TrainingData("sample", "0"), RowCounts(100, 20)
    return _write(folder, "linear", TrainingRecord(config=config, data=data, rows=rows))


def write_best_report(bundle: Path) -> None:
    """What a search would have written: the photo alone was kept though gated fusion had one product more."""
    right = (1.0, 1.0, 1.0, 0.0)
    figures = {"accuracy": 0.8, "accuracy_low": 0.7, "accuracy_high": 0.9}
    figures |= dict.fromkeys(("balanced_accuracy", "macro_f1", "ece"), 0.5)
    test = TaskScore(
        task="kind", model="linear", kind="single", modalities=("image",), seed=0, split="test", n=60, **figures
    )
    config = TrainConfig()
    asked = Asked(checksum="0", tasks=("kind",), inputs=("image", "text"), encoders="bundled", config=config)
    tried = (
        Tried(name="image", title="Photo only", rank=0, seconds=2.0, right=right),
        Tried(name="gated", title="Gated fusion", rank=2, seconds=3.0, right=(1.0, 1.0, 1.0, 1.0)),
    )
    left_out = ("Stacking was not tried: the 2 minutes leave no time for it.",)
    report = BestReport(asked=asked, minutes=2, seconds=100, tried=tried, left_out=left_out, kept="image", test=(test,))
    report.write(bundle / FILE)


def _write(folder: Path, strategy: str, info: TrainingRecord) -> Path:
    record = BundleRecord(
        strategy=strategy,
        width=8,
        hidden=(),
        encoders={"image": EncoderRecord(name="tiny:image", fingerprint="tiny-image", dim=3)},
        tasks={"kind": ("a", "b")},
        temperatures={"kind": 1.0},
        head_sha256="0",
        info=info,
    )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "bundle.json").write_text(json.dumps(record.to_dict()), encoding="utf-8")
    return folder
