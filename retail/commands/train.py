"""Commands that train a recogniser: train, finetune.

In: a data set. Out: a bundle.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from retail.commands.shared import (
    EXAMPLES,
    Auxiliary,
    ClassBalance,
    Data,
    Encoders,
    Modalities,
    Modulation,
    Seed,
    SingleInputs,
    Status,
    Tasks,
    TextColumn,
    app,
    chosen_inputs,
    read_data,
    reported,
    widths,
)
from retail.config import FinetuneConfig, TrainConfig


@app.command(epilog=EXAMPLES["train"])
def train(
    data: Data,
    out: Annotated[Path, typer.Option(file_okay=False, help="Folder for the bundle.")],
    tasks: Tasks = "",
    strategy: Annotated[str, typer.Option(help="Fusion strategy; 'compare' tells which is best.")] = "gated",
    modalities: Modalities = "",
    encoders: Encoders = "bundled",
    text_column: TextColumn = "text",
    loss_balancing: Annotated[str, typer.Option(help="Weights of the tasks' losses: fixed or uncertainty.")] = "fixed",
    class_balance: ClassBalance = "none",
    single_inputs: SingleInputs = TrainConfig.single_inputs,
    auxiliary: Auxiliary = 0.0,
    modulation: Modulation = 0.0,
    seed: Seed = 0,
    status: Status = None,
) -> None:
    """Train one recogniser and save it as a bundle."""
    with reported(status) as progress:
        config = TrainConfig(
            strategy=strategy,
            modalities=chosen_inputs(modalities),
            loss_balancing=loss_balancing,
            class_balance=class_balance,
            single_inputs=single_inputs,
            auxiliary=auxiliary,
            modulation=modulation,
            seed=seed,
        )
        from retail.build import train_recognizer
        from retail.bundle import save_bundle

        manifest = read_data(data, tasks, text_column, progress)
        recognizer = train_recognizer(
            manifest, None, config, encoders, progress=progress, on_epoch=lambda n, of: progress("epochs", n, of)
        )
        save_bundle(recognizer, out)
        trained = recognizer.info
        assert trained is not None and trained.history is not None and trained.best_epoch is not None
        best = trained.history[trained.best_epoch]
        typer.echo(
            f"Saved {strategy} to {out}: tasks {', '.join(recognizer.vocabularies)}; mean validation accuracy "
            f"{best.val_accuracy:.3f} on {trained.rows.val} rows."
        )


@app.command(epilog=EXAMPLES["finetune"])
def finetune(
    data: Data,
    out: Annotated[
        Path,
        typer.Option(file_okay=False, help="Folder for the bundle; a stopped run goes on from what it finds there."),
    ],
    tasks: Tasks = "",
    strategy: Annotated[str, typer.Option(help="Fusion strategy of the head.")] = "concatenation",
    tune: Annotated[str, typer.Option(help="Inputs whose encoders learn, such as image,text.")] = "image",
    modalities: Annotated[str, typer.Option(help="Inputs to use; those of --tune if left out.")] = "",
    encoders: Encoders = "bundled",
    text_column: TextColumn = "text",
    width: Annotated[int, typer.Option(help="Width of the head's layer.")] = TrainConfig.width,
    hidden: Annotated[str, typer.Option(help="Widths of new layers between embedding and fusion: 512,512.")] = "",
    hidden_dropout: Annotated[float, typer.Option(help="Behind each new layer.")] = TrainConfig.hidden_dropout,
    head_epochs: Annotated[int, typer.Option(help="At most, for the new layers alone.")] = TrainConfig.max_epochs,
    start: Annotated[str, typer.Option(help="pretrained, or scratch as the control.")] = FinetuneConfig.start,
    layers: Annotated[int, typer.Option(help="How many of the last layers learn; 0 = all.")] = FinetuneConfig.layers,
    size: Annotated[int, typer.Option(help="Pixels of a training crop.")] = FinetuneConfig.size,
    epochs: Annotated[int, typer.Option(help="Passes over the training rows.")] = FinetuneConfig.epochs,
    learning_rate: Annotated[float, typer.Option(help="Of the photo encoder.")] = FinetuneConfig.learning_rate,
    text_rate: Annotated[float, typer.Option(help="Of the text encoder.")] = FinetuneConfig.text_learning_rate,
    audio_rate: Annotated[float, typer.Option(help="Of the sound encoder.")] = FinetuneConfig.audio_learning_rate,
    lora_rank: Annotated[int, typer.Option(help="Of low-rank changes to transformers; 0 = all weights learn.")] = 0,
    contrast: Annotated[float, typer.Option(help="Weight of drawing one product's inputs together.")] = 0.0,
    temperature: Annotated[float, typer.Option(help="Of that loss.")] = FinetuneConfig.temperature,
    layer_decay: Annotated[float, typer.Option(help="Each lower layer's share of it.")] = FinetuneConfig.layer_decay,
    batch_norm: Annotated[str, typer.Option(help="keep or adapt the statistics.")] = FinetuneConfig.batch_norm,
    class_balance: ClassBalance = FinetuneConfig.class_balance,
    source: Annotated[Path | None, typer.Option(help="Another data set: how much of it is forgotten?")] = None,
    seed: Seed = 0,
    status: Status = None,
) -> None:
    """Train encoders themselves, together with a head, and save all as a bundle."""
    with reported(status) as progress:
        config = TrainConfig(
            strategy=strategy,
            modalities=chosen_inputs(modalities or tune),
            width=width,
            hidden=widths(hidden),
            hidden_dropout=hidden_dropout,
            max_epochs=head_epochs,
            class_balance=class_balance,
            seed=seed,
        )
        tuning = FinetuneConfig(
            tune=chosen_inputs(tune),
            start=start,
            layers=layers,
            size=size,
            epochs=epochs,
            learning_rate=learning_rate,
            text_learning_rate=text_rate,
            audio_learning_rate=audio_rate,
            lora_rank=lora_rank,
            contrast=contrast,
            temperature=temperature,
            layer_decay=layer_decay,
            batch_norm=batch_norm,
            class_balance=class_balance,
            seed=seed,
        )
        from retail.build import finetune_recognizer
        from retail.bundle import save_bundle
        from retail.finetuning.record import FinetuneEpoch, FinetuningRecord
        from retail.report.frozen_tables import finetuning_table

        def on_epoch(entry: FinetuneEpoch) -> None:
            progress("epochs", entry.epoch, tuning.epochs)
            accuracy = ", ".join(f"{task} {value:.3f}" for task, value in entry.val_accuracy.items())
            losses = f"loss {entry.train_loss:.3f} in training, {entry.val_loss:.3f} in validation"
            typer.echo(f"epoch {entry.epoch}: {losses}; validation accuracy {accuracy}")

        manifest = read_data(data, tasks, text_column, progress)
        checkpoint = out / "resume.pt"
        before = None if source is None else read_data(source, "", text_column, progress)
        recognizer = finetune_recognizer(manifest, config, tuning, encoders, checkpoint, progress, on_epoch, before)
        save_bundle(recognizer, out)
        checkpoint.unlink(missing_ok=True)
        assert isinstance(recognizer.info, FinetuningRecord)
        typer.echo(finetuning_table(recognizer.info))
        typer.echo(f"Saved the bundle to {out}.")
