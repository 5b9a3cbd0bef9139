"""`python -m recipes.spoken_word`: speaks the words, trains the network and writes its weights and figures."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from recipes.spoken_word.clips import parts, synthesise, validation_clips, validation_people
from recipes.spoken_word.objectives import TrainingConfig
from recipes.spoken_word.scores import speech_threshold, validation_scores
from recipes.spoken_word.train import train
from recipes.spoken_word.words import held_out_words, training_words
from retail import files
from retail.encoders.spoken_word import save
from retail.schema import UserError

app = typer.Typer(add_completion=False)


@app.command()
def pretrain(
    out: Annotated[Path, typer.Option(help="Folder for encoder.safetensors and training.json.")] = Path("spoken_word"),
    work: Annotated[Path | None, typer.Option(help="Folder for clips and checkpoints, about 6 GB.")] = None,
    steps: Annotated[int, typer.Option(help="Batches to train on.")] = TrainingConfig.steps,
    seed: Annotated[int, typer.Option(help="Another seed draws other batches and first weights.")] = 0,
    processes: Annotated[
        int, typer.Option(help="Processes that share each batch; other cores prepare the next ones.")
    ] = TrainingConfig.processes,
) -> None:
    """Pretrain the spoken-word encoder from synthetic speech. A stopped run resumes where it was."""
    try:
        _pretrain(out, work or files.home() / "pretraining", steps, seed, processes)
    except UserError as error:
        typer.echo(f"Error: {error}", err=True)
        raise typer.Exit(1) from None


def _pretrain(out: Path, work: Path, steps: int, seed: int, processes: int) -> None:
    out.mkdir(parents=True, exist_ok=True)
    words, unseen = training_words(), held_out_words("validation")
    clips = synthesise(work / "clips", words, parts(), say=typer.echo)
    check = validation_clips(work / "validation", unseen)
    people = validation_people(work / "validation-people", unseen)
    settings = TrainingConfig(seed=seed, steps=steps, processes=processes)
    net = train(
        clips,
        words,
        settings,
        work / f"training-{seed}-{steps}.pt",
        score=lambda net: validation_scores(net, check, people),
        say=typer.echo,
    )
    threshold = speech_threshold(net, check)
    weights = out / "encoder.safetensors"
    save(net, {"speech_threshold": threshold}, weights)
    figures = {
        "sha256": hashlib.sha256(weights.read_bytes()).hexdigest(),
        "parameters": sum(parameter.numel() for parameter in net.parameters()),
        "words": len(words),
        "clips": len(clips),
        "training": asdict(settings),
        "validation": validation_scores(net, check, people),
        "speech_threshold": threshold,
    }
    (out / "training.json").write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    typer.echo(f"Wrote '{weights}': {json.dumps(figures['validation'])}")


if __name__ == "__main__":
    app()
