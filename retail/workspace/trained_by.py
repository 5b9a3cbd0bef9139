"""How a recogniser was trained, as a request that trains one like it.

In: a bundle. Out: a `TrainRequest` or a `FinetuneRequest` with its own settings and data.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from retail.config import TrainConfig
from retail.files import DEMO_DIR, DEMO_TASKS
from retail.finetuning.record import FinetuningRecord
from retail.recognizer.bundle import BUNDLE, read_record, training_of
from retail.recognizer.trust import check_trusted
from retail.schema import UserError
from retail.training.record import TrainingRecord
from retail.workspace.recognizers import of_demo, title_of
from retail.workspace.requests import BestRequest, CompareRequest, FinetuneRequest, TrainRequest, request_of

Again = TrainRequest | FinetuneRequest


def trained_by(bundle: Path, data: Path | None = None, text_column: str = "text") -> Again:
    """From its run, or from the bundle itself where `data` says what it learned from.

    Of a comparison, the one training that made this recogniser. Raises UserError where nobody knows how it was made.
    """
    run = None if of_demo(bundle) else request_of(bundle.parent.parent)
    if isinstance(run, TrainRequest | FinetuneRequest) and data is None:
        return run
    info = training_of(bundle)
    if isinstance(run, BestRequest) and info is not None and data is None:
        return _kept_by_search(run, info, bundle)
    if info is None or isinstance(info, FinetuningRecord) or not isinstance(info.config, TrainConfig):
        raise UserError(_unknown(bundle))
    out = Path(bundle.name)
    if of_demo(bundle):
        return TrainRequest(data=data or DEMO_DIR, tasks=DEMO_TASKS, config=info.config, out=out)
    if isinstance(run, CompareRequest):
        return TrainRequest(
            data=data or run.data,
            tasks=run.tasks,
            text_column=run.text_column,
            group=run.group,
            encoders=run.encoders,
            config=info.config,
            out=out,
        )
    if data is None:
        raise UserError(_unknown(bundle))
    record = read_record(bundle)
    check_trusted(bundle, record.names)
    return TrainRequest(
        data=data,
        tasks=tuple(record.tasks),
        text_column=text_column,
        group=info.data.group,
        encoders=",".join(f"{modality}={encoder.name}" for modality, encoder in record.encoders.items()),
        config=info.config,
        out=out,
    )


def _kept_by_search(run: BestRequest, info: TrainingRecord, bundle: Path) -> Again:
    """The one method that was kept; in place of logistic regression the same linear layer, learned step by step."""
    shared = run.model_dump(include={"data", "tasks", "text_column", "group", "encoders"}) | {"out": Path(bundle.name)}
    config = info.config
    if not isinstance(config, TrainConfig):
        config = replace(run.config, strategy="linear", modalities=tuple(read_record(bundle).encoders))
    if isinstance(info, FinetuningRecord):
        return FinetuneRequest(config=config, tuning=info.finetuning, **shared)
    return TrainRequest(config=config, **shared)


def _unknown(bundle: Path) -> str:
    name = title_of(bundle) or (bundle.name if (bundle / BUNDLE).is_file() else str(bundle))
    return (
        f"How {name} was trained is not kept on this machine, so it cannot be trained again here; corrections count "
        "through its catalogue."
    )
