"""From a data set to a trained Recognizer, and how well one does on labelled data.

In: a data path or manifest and a `TrainConfig`. Out: a `Recognizer`, or a scores dictionary.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from retail.certainty import Certainty
from retail.comparison.fits import FitOutput
from retail.config import FinetuneConfig, TrainConfig
from retail.dataset.manifest import Manifest
from retail.dataset.reader import read_manifest
from retail.encoders import Encoder, load_encoder, load_preset
from retail.encoders.tunable import TunableEncoder
from retail.evaluation.forgetting import SourceTask, check_shares_inputs, forgetting, source_task
from retail.finetuning import Finetuned, finetune
from retail.finetuning.contrast import Projector
from retail.finetuning.record import FinetuneEpoch, FinetuningRecord, Retrieval
from retail.frozen.models import FrozenModel, as_head
from retail.frozen.rows import FrozenRows
from retail.metrics.retrieval import cross_modal_retrieval
from retail.recognizer import Recognizer
from retail.schema import MODALITIES, SUBSETS, Modality, Progress, UserError, Vocabulary
from retail.splits import Splits, groups_of, prepare, products_of
from retail.store import EmbeddingBatch, EmbeddingStore, embed_products
from retail.training import FitResult, fit, labelled_rows, on_disk
from retail.training.record import RowCounts, TrainingData, TrainingRecord


def train(
    data: str | Path,
    tasks: str | Sequence[str] = (),
    *,
    strategy: str = TrainConfig.strategy,
    modalities: Sequence[Modality] = MODALITIES,
    encoders: str = "bundled",
    text_column: str = "text",
    group: str | Sequence[str] = (),
    progress: Progress | None = None,
    **settings: Any,
) -> Recognizer:
    """Trains one recogniser; its encoders stay as they are.

    `data` is a folder, a ZIP or a metadata.csv, "demo" for the data that ships. `tasks` are its label columns; all
    of them if left out. Rows that share a value of a `group` column stay in one split. `settings` are further fields
    of `retail.config.TrainConfig`, such as `seed`. Raises UserError, in one sentence, for whatever the caller can fix.

    >>> import retail
    >>> recognizer = retail.train("demo", "packaging", modalities=["text"], max_epochs=2)
    >>> recognizer.modalities
    ('text',)
    >>> recognizer.predict(text="tomato sauce in a glass jar").best("packaging")[0]
    'jar'
    """
    config = TrainConfig.of(strategy=strategy, modalities=tuple(modalities), **settings)
    wanted = [tasks] if isinstance(tasks, str) else list(tasks)
    manifest = read_manifest(data, wanted or None, text_column, group=(group,) if isinstance(group, str) else group)
    return train_recognizer(manifest, None, config, encoders, progress=progress)


def train_recognizer(
    data: str | Path | Manifest,
    tasks: Sequence[str] | None,
    config: TrainConfig,
    encoders: str = "bundled",
    text_column: str = "text",
    progress: Progress | None = None,
    on_epoch: Callable[[int, int], None] | None = None,
    hear: Callable[[str], None] | None = None,
) -> Recognizer:
    """Embeds (cached), trains one head on the train rows, stops and calibrates on the validation rows.

    `hear` is told of inputs that could not be read.
    """
    manifest = data if isinstance(data, Manifest) else read_manifest(data, tasks, text_column)
    loaded = load_preset(encoders, config.modalities)
    splits = prepare(manifest, loaded, EmbeddingStore(), progress, need_test=False, hear=hear, on_disk=True)
    result = fit(splits.train, splits.val, splits.task_sizes, config, on_epoch)
    if result.note and hear:
        hear(result.note)
    return head_recognizer(manifest, loaded, splits, result.config, result)


def head_recognizer(
    manifest: Manifest, loaded: dict[Modality, Encoder], splits: Splits, config: TrainConfig, result: FitResult
) -> Recognizer:
    """A trained head with its encoders, calibrated on the validation rows."""
    head, rows = result.head.eval(), judging_rows(splits)
    return Recognizer(
        encoders=loaded,
        head=head,
        strategy=config.strategy,
        vocabularies=splits.vocabularies,
        certainty=Certainty.fit(head, *rows).with_matching(head, *rows, config),
        width=config.width,
        info=TrainingRecord(
            config=config,
            data=TrainingData(manifest.title, manifest.checksum, manifest.group),
            rows=RowCounts(*(len(labelled_rows(batch, result.head.dims)) for batch in (splits.train, splits.val))),
            best_epoch=result.best_epoch,
            history=result.history,
        ),
    )


def judging_rows(splits: Splits) -> tuple[EmbeddingBatch, EmbeddingBatch, np.ndarray | None]:
    """Training and validation rows that fit in memory, and the groups of the latter."""
    train, val, groups = splits.train, splits.val, splits.val_groups
    kept = on_disk.part_places(val, len(SUBSETS) * sum(splits.task_sizes.values()))
    groups = groups[kept.numpy()] if groups is not None and isinstance(kept, torch.Tensor) else groups
    return on_disk.in_memory(train, on_disk.part_places(train)), on_disk.in_memory(val, kept), groups


def compared_recognizers(
    manifest: Manifest,
    loaded: dict[Modality, Encoder],
    splits: Splits,
    fits: Sequence[FitOutput],
    progress: Progress | None = None,
) -> Iterator[Recognizer]:
    """The recogniser of each compared fusion, or of the single input where there is nothing to fuse.

    `fits` are those of a `Comparison`; the heads are the very ones that were scored, and nothing is trained again.
    """
    wanted = [scored for scored in fits if scored.plan.kind == "fusion"] or fits
    for place, scored in enumerate(wanted):
        config = scored.plan.config
        assert scored.trained is not None  # the first seed of a compared model keeps its head
        yield head_recognizer(manifest, {m: loaded[m] for m in config.modalities}, splits, config, scored.trained)
        if progress:
            progress("Keeping the recognisers", place + 1, len(wanted))


def finetune_recognizer(
    manifest: Manifest,
    config: TrainConfig,
    tuning: FinetuneConfig,
    encoders: str = "bundled",
    checkpoint: Path | None = None,
    progress: Progress | None = None,
    on_epoch: Callable[[FinetuneEpoch], None] | None = None,
    source: Manifest | None = None,
    hear: Callable[[str], None] | None = None,
) -> Recognizer:
    """Trains a head on frozen embeddings, then the encoders of `tuning.tune` and the head together.

    Calibrates on validation rows. From scratch, the head starts over too. With a `source`, its head is kept and asked
    before and after: how much did the encoders forget? `hear` is told of inputs that could not be read.
    """
    if missing := [modality for modality in tuning.tune if modality not in config.modalities]:
        raise UserError(f"--tune names {missing[0]}, but the inputs are {', '.join(config.modalities)}; make them fit.")
    loaded = load_preset(encoders, config.modalities)
    splits = prepare(manifest, loaded, EmbeddingStore(), progress, need_test=False, hear=hear)
    frozen = fit(splits.train, splits.val, splits.task_sizes, config)
    remembered = _remembered(source, loaded, config, tuning, progress)
    train, val = (products_of(manifest, batch) for batch in (splits.train, splits.val))
    rows = (train, splits.train), (val, splits.val)
    tuned = finetune(loaded, frozen.head, *rows, tuning, checkpoint, on_epoch, config)
    for note in (frozen.note, tuned.note):
        if note and hear:
            hear(note)
    loaded = loaded | tuned_encoders(loaded, tuned)
    embedded, _ = embed_products(val, loaded, splits.vocabularies, EmbeddingStore(), progress)
    recognizer = head_recognizer(
        manifest, loaded, replace(splits, val=embedded), frozen.config, replace(frozen, head=tuned.head)
    )
    recognizer.info = FinetuningRecord(
        **dict(recognizer.info or ()),
        finetuning=tuned.config,
        finetuning_history=tuned.history,
        trainable_parameters=tuned.trainable,
        parameters=tuned.parameters,
        finetuning_seconds=round(tuned.seconds, 1),
        finetuning_peak_mib=tuned.peak_mib,
        forgetting=forgetting(remembered, loaded, progress) if remembered else None,
        retrieval=_retrieval(tuned.projectors, (splits.val, embedded)) if tuned.projectors else None,
    )
    return recognizer


def frozen_recognizer(
    model: FrozenModel,
    encoder: Encoder,
    vocabularies: dict[str, Vocabulary],
    train: FrozenRows,
    val: FrozenRows,
    info: TrainingRecord,
) -> Recognizer:
    """A frozen encoder with a fitted map and classifier as its head, calibrated on the validation rows."""
    head = as_head(model, encoder.modality)
    rows = _one_input(train, encoder.modality), _one_input(val, encoder.modality), groups_of(val.products)
    return Recognizer(
        encoders={encoder.modality: encoder},
        head=head,
        strategy=head.name,
        vocabularies=vocabularies,
        certainty=Certainty.fit(head, *rows).with_matching(head, *rows),
        info=info,
    )


def _one_input(rows: FrozenRows, modality: Modality) -> EmbeddingBatch:
    ids = tuple(product.id for product in rows.products)
    everywhere = torch.ones(len(rows), dtype=torch.bool)
    return EmbeddingBatch(ids, {modality: rows.embeddings}, {modality: everywhere}, dict(rows.targets))


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
def _retrieval(projectors: tuple[Projector, Projector], batches: tuple[EmbeddingBatch, EmbeddingBatch]) -> Retrieval:
    """Each projector with the validation rows as the encoders of its time embed them."""
    before, after = (
        cross_modal_retrieval(projector(val.embeddings), val.present)
        for projector, val in zip(projectors, batches, strict=True)
    )
    return Retrieval(before=tuple(before), after=tuple(after))


def tuned_encoders(encoders: Mapping[Modality, Encoder], tuned: Finetuned) -> dict[Modality, Encoder]:
    """The encoders that learned, loaded from where their weights were kept."""
    loaded = {}
    for modality, path in tuned.weights.items():
        encoder = encoders[modality]
        assert isinstance(encoder, TunableEncoder)
        loaded[modality] = load_encoder(encoder.name_with(path))
    return loaded
