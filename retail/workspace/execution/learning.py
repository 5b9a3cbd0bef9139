"""Runs that train one recogniser: a head alone, or encoders with it.

In: a `TrainRequest` or a `FinetuneRequest`. Out: a bundle, and its gain over the one that it follows.
"""

from __future__ import annotations

from retail import build
from retail.dataset.manifest import Manifest
from retail.finetuning.record import FinetuneEpoch, FinetuningRecord
from retail.recognizer import Recognizer
from retail.recognizer.bundle import load_bundle
from retail.report.frozen_tables import finetuning_table
from retail.review.gain import gain
from retail.schema import UserError
from retail.workspace.execution.outcome import Follower, Outcome, keep, learning_data, note_reading, read_data
from retail.workspace.requests import FinetuneRequest, TrainRequest


def run(request: TrainRequest | FinetuneRequest, follower: Follower) -> Outcome:
    """Dispatches on the kind."""
    return train(request, follower) if isinstance(request, TrainRequest) else finetune(request, follower)


def train(request: TrainRequest, follower: Follower) -> Outcome:
    """A head on frozen embeddings."""
    manifest = learning_data(request, follower)
    note_reading(request.encoders, request.config.modalities, manifest, follower)
    recognizer = build.train_recognizer(
        manifest,
        None,
        request.config,
        request.encoders,
        progress=follower,
        on_epoch=lambda epoch, of: follower("epochs", epoch, of),
        hear=follower.note,
    )
    keep(recognizer, request.out, follower)
    trained = recognizer.info
    assert trained is not None and trained.history is not None and trained.best_epoch is not None
    best = trained.history[trained.best_epoch]
    return Outcome(
        f"Saved {request.config.strategy} to {request.out}: tasks {', '.join(recognizer.vocabularies)}; mean "
        f"validation accuracy {best.val_accuracy:.3f} on {trained.rows.val} rows."
        + gained(request, recognizer, manifest, follower)
    )


def finetune(request: FinetuneRequest, follower: Follower) -> Outcome:
    """Encoders and a head together; a stopped run resumes from what it finds in the bundle's folder."""

    def on_epoch(entry: FinetuneEpoch) -> None:
        follower("epochs", entry.epoch, request.tuning.epochs)
        accuracy = ", ".join(f"{task} {value:.3f}" for task, value in entry.val_accuracy.items())
        losses = f"loss {entry.train_loss:.3f} in training, {entry.val_loss:.3f} in validation"
        follower.line(f"epoch {entry.epoch}: {losses}; validation accuracy {accuracy}")

    manifest = learning_data(request, follower)
    note_reading(request.encoders, request.config.modalities, manifest, follower)
    checkpoint = request.out / "resume.pt"
    source = None if request.source is None else read_data(request.source, None, request.text_column, follower)
    recognizer = build.finetune_recognizer(
        manifest,
        request.config,
        request.tuning,
        request.encoders,
        checkpoint,
        follower,
        on_epoch,
        source,
        follower.note,
    )
    keep(recognizer, request.out, follower)
    checkpoint.unlink(missing_ok=True)
    assert isinstance(recognizer.info, FinetuningRecord)
    text = f"{finetuning_table(recognizer.info)}\nSaved the bundle to {request.out}."
    return Outcome(text + gained(request, recognizer, manifest, follower))


def gained(
    request: TrainRequest | FinetuneRequest, recognizer: Recognizer, manifest: Manifest, follower: Follower
) -> str:
    """What it gained over the recogniser that it follows, as lines; "" where it follows none, or that one has gone."""
    if request.follows is None:
        return ""
    try:
        before = load_bundle(request.follows)
    except UserError as error:
        follower.note(f"The gain cannot be measured: {error}")
        return ""
    found = gain(before, recognizer, manifest, len(manifest.joined), follower)
    if request.gain_out is not None:
        found.write(request.gain_out)
    return f"\n{found.text}"
