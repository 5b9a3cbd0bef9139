"""From a data set to a trained Recognizer, and how well one does on labelled data.

In: a data path or manifest and a `TrainConfig`. Out: a `Recognizer`, or a scores dictionary.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from retail.comparison.fits import FitPlan
from retail.config import FinetuneConfig, TrainConfig
from retail.dataset.manifest import Manifest, read_manifest
from retail.encoders import Encoder, load_encoder, load_preset
from retail.encoders.tunable import TunableEncoder
from retail.evaluation.forgetting import SourceTask, check_shares_inputs, forgetting, source_task
from retail.finetuning import Finetuned, finetune
from retail.finetuning.contrast import Projector
from retail.frozen.models import Regime, as_head
from retail.frozen.rows import Rows
from retail.metrics.retrieval import cross_modal_retrieval
from retail.recognizer import Recognizer
from retail.schema import Modality, Progress, UserError, Vocabulary
from retail.splits import Splits, prepare, products_of
from retail.store import EmbeddingBatch, EmbeddingStore, embed_products
from retail.training import FitResult, fit, fit_temperatures


def train_recognizer(
    data: Path | Manifest,
    tasks: Sequence[str] | None,
    config: TrainConfig,
    encoders: str = "bundled",
    text_column: str = "text",
    progress: Progress | None = None,
    on_epoch: Callable[[int, int], None] | None = None,
) -> Recognizer:
    """Embeds (cached), trains one head on the train rows, stops and calibrates on the validation rows."""
    manifest = data if isinstance(data, Manifest) else read_manifest(data, tasks, text_column)
    loaded = load_preset(encoders, config.modalities)
    splits = prepare(manifest, loaded, EmbeddingStore(), progress, need_test=False)
    return _recognizer(
        manifest, loaded, splits, config, fit(splits.train, splits.val, splits.task_sizes, config, on_epoch)
    )


def _recognizer(
    manifest: Manifest, loaded: dict[Modality, Encoder], splits: Splits, config: TrainConfig, result: FitResult
) -> Recognizer:
    return Recognizer(
        encoders=loaded,
        head=result.head.eval(),
        strategy=config.strategy,
        vocabularies=splits.vocabularies,
        temperatures=fit_temperatures(result.head, splits.val),
        width=config.width,
        info={
            "config": config.to_dict(),
            "data": {"name": manifest.title, "checksum": manifest.checksum},
            "rows": {"train": len(splits.train), "val": len(splits.val)},
            "best_epoch": result.best_epoch,
            "history": result.history,
        },
    )


def compared_recognizers(
    manifest: Manifest,
    loaded: dict[Modality, Encoder],
    splits: Splits,
    plans: Sequence[FitPlan],
    tuning: Sequence[Mapping[str, Any]] = (),
    progress: Progress | None = None,
) -> Iterator[Recognizer]:
    """The recogniser of each compared fusion, first seed; of the single input where there is nothing to fuse.

    Equal settings and seed give the very head that was scored. `tuning` says which settings each model chose.
    """
    first = [plan for plan in plans if plan.config.seed == 0]
    wanted = [plan for plan in first if plan.kind == "fusion"] or first
    for place, plan in enumerate(wanted):
        chosen: dict[str, Any] = next(
            (row["setting"] for row in tuning if row["model"] == plan.model and row["chosen"]), {}
        )
        config = replace(plan.config, **chosen)
        fitted = fit(splits.train, splits.val, splits.task_sizes, config)
        yield _recognizer(manifest, {m: loaded[m] for m in config.modalities}, splits, config, fitted)
        if progress:
            progress("Keeping the recognisers", place + 1, len(wanted))


def finetune_recognizer(
    manifest: Manifest,
    config: TrainConfig,
    tuning: FinetuneConfig,
    encoders: str = "bundled",
    checkpoint: Path | None = None,
    progress: Progress | None = None,
    on_epoch: Callable[[dict], None] | None = None,
    source: Manifest | None = None,
) -> Recognizer:
    """Trains a head on frozen embeddings, then the encoders of `tuning.tune` and the head together.

    Calibrates on validation rows. From scratch, the head starts over too. With a `source`, its head is kept and asked
    before and after: how much did the encoders forget?
    """
    if missing := [modality for modality in tuning.tune if modality not in config.modalities]:
        raise UserError(f"--tune names {missing[0]}, but the inputs are {', '.join(config.modalities)}; make them fit.")
    loaded = load_preset(encoders, config.modalities)
    splits = prepare(manifest, loaded, EmbeddingStore(), progress, need_test=False)
    frozen = fit(splits.train, splits.val, splits.task_sizes, config)
    remembered = _remembered(source, loaded, config, tuning, progress)
    train, val = (products_of(manifest, batch) for batch in (splits.train, splits.val))
    rows = (train, splits.train), (val, splits.val)
    tuned = finetune(loaded, frozen.head, *rows, tuning, checkpoint, on_epoch, config)
    loaded = loaded | tuned_encoders(loaded, tuned)
    embedded, _ = embed_products(val, loaded, splits.vocabularies, EmbeddingStore(), progress)
    recognizer = _recognizer(manifest, loaded, replace(splits, val=embedded), config, replace(frozen, head=tuned.head))
    recognizer.info |= {
        "finetuning": tuning.to_dict(),
        "finetuning_history": tuned.history,
        "trainable_parameters": tuned.trainable,
        "parameters": tuned.parameters,
        "finetuning_seconds": round(tuned.seconds, 1),
        "finetuning_peak_mib": tuned.peak_mib,
    }
    if remembered:
        recognizer.info["forgetting"] = forgetting(remembered, loaded, progress)
    if tuned.projectors:
        sides = zip(("before", "after"), tuned.projectors, (splits.val, embedded), strict=True)
        recognizer.info["retrieval"] = {side: _retrieval(projector, batch) for side, projector, batch in sides}
    return recognizer


def regime_recognizer(
    regime: Regime, encoder: Encoder, vocabularies: dict[str, Vocabulary], val: Rows, info: dict[str, Any]
) -> Recognizer:
    """A frozen encoder with a fitted regime as its head, calibrated on the validation rows."""
    head = as_head(regime, encoder.modality)
    everywhere = torch.ones(len(val), dtype=torch.bool)
    ids = tuple(str(place) for place in range(len(val)))
    batch = EmbeddingBatch(ids, {encoder.modality: val.embeddings}, {encoder.modality: everywhere}, dict(val.targets))
    return Recognizer(
        encoders={encoder.modality: encoder},
        head=head,
        strategy=head.name,
        vocabularies=vocabularies,
        temperatures=fit_temperatures(head, batch),
        info={"config": regime.config.to_dict()} | info,
    )


def _remembered(
    source: Manifest | None,
    encoders: dict[Modality, Encoder],
    config: TrainConfig,
    tuning: FinetuneConfig,
    progress: Progress | None,
) -> SourceTask | None:
    if source is None:
        return None
    task = source_task(source, encoders, config, progress)
    check_shares_inputs(task, tuning.tune)
    return task


@torch.inference_mode()
def _retrieval(projector: Projector, val: EmbeddingBatch) -> list[dict[str, Any]]:
    return cross_modal_retrieval(projector(val.embeddings), val.present)


def tuned_encoders(encoders: Mapping[Modality, Encoder], tuned: Finetuned) -> dict[Modality, Encoder]:
    """The encoders that learned, loaded from where their weights were kept."""
    loaded = {}
    for modality, path in tuned.weights.items():
        encoder = encoders[modality]
        assert isinstance(encoder, TunableEncoder)
        loaded[modality] = load_encoder(encoder.name_with(path))
    return loaded
