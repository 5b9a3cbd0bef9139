"""What a recogniser knows beside its networks, as `recogniser.json` says it.

In: encoders and a `Certainty`. Out: records; raises UserError for an encoder that has no graph.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import combinations
from pathlib import Path
from typing import Any

from retail.certainty import Certainty
from retail.encoders import Encoder, long_clips, spoken_word
from retail.encoders.audio import TorchaudioEncoder
from retail.encoders.hearing import SILENCE, SpokenWord
from retail.encoders.image import TimmEncoder
from retail.encoders.speech_models import SHORTEST_SAMPLES
from retail.encoders.text import MAX_TOKENS, TransformersEncoder
from retail.export.record import CalibrationFacts, PhotoFacts, SetFacts, SoundFacts, TextFacts
from retail.media.pictures import LONGEST_SIDE
from retail.media.sound import MIN_SAMPLES, SAMPLE_RATE_HZ
from retail.media.text import MAX_TEXT_CHARACTERS
from retail.metrics.promises import WISHES
from retail.outside.limits import MAX_CLIP_SECONDS
from retail.schema import Subset, UserError

TOKENIZER = "tokenizer.json"


def write_encoder(encoder: Encoder, folder: Path) -> PhotoFacts | TextFacts | SoundFacts:
    """Writes the graph of one encoder, and says how its input is prepared."""
    if isinstance(encoder, TimmEncoder):
        return _photos(encoder, folder)
    if isinstance(encoder, TransformersEncoder):
        return _texts(encoder, folder)
    if isinstance(encoder, TorchaudioEncoder) and isinstance(encoder.backend, SpokenWord):
        return _sounds(encoder, encoder.backend, folder)
    raise _refused(encoder, "its family is not exported")


def calibration_facts(certainty: Certainty, task: str, inputs: Iterable[str]) -> dict[str, CalibrationFacts]:
    """For every mix of inputs."""
    found = {}
    for subset in subsets_of(inputs):
        own = certainty.calibration
        temperature, slope = own.temperature(task, subset), own.slope(task, subset)
        found[mix(subset)] = CalibrationFacts(temperature=temperature, slope=slope, curve=own.curve(task, subset))
    return found


def thresholds(certainty: Certainty, task: str) -> dict[str, tuple[float | None, ...]]:
    """For every mix of inputs that has some, by `WISHES`; None where nothing can be promised."""
    known = certainty.promises.thresholds
    return {
        mix(subset): tuple(None if math.isnan(value) else value for value in known[name, subset].tolist())
        for name, subset in known
        if name == task
    }


def set_facts(certainty: Certainty, task: str) -> dict[str, SetFacts]:
    """For every mix of inputs that has bounds, by `WISHES`."""
    return {
        mix(subset): SetFacts(pooled=own.pooled.tolist(), classes=own.classes.tolist(), own=own.own.tolist())
        for (name, subset), own in certainty.sets.least.items()
        if name == task
    }


def subsets_of(inputs: Iterable[str]) -> list[Subset]:
    """Every mix of these inputs."""
    names: Any = tuple(inputs)
    return [subset for size in range(1, len(names) + 1) for subset in combinations(names, size)]


def mix(subset: Iterable[str]) -> str:
    """('audio', 'image') -> 'audio+image'"""
    return "+".join(subset)


def wishes() -> tuple[float, ...]:
    """The accuracies that thresholds and sets are given for."""
    return tuple(WISHES)


def _photos(encoder: TimmEncoder, folder: Path) -> PhotoFacts:
    if encoder.options.crops:
        raise _refused(encoder, "it reads five crops")
    if encoder.pixels is None:
        raise _refused(encoder, "its preprocessing is not resize, crop and normalise")
    encoder.networks[0].plan.write(folder / "photo.onnx")
    return PhotoFacts(graph="photo.onnx", dim=encoder.dim, longest_side=LONGEST_SIDE, **encoder.pixels.facts)


def _texts(encoder: TransformersEncoder, folder: Path) -> TextFacts:
    if not encoder.tokenizer_json:
        raise _refused(encoder, "its tokenizer has no file of its own")
    (folder / TOKENIZER).write_text(encoder.tokenizer_json, encoding="utf-8")
    plan = encoder.networks[0].plan
    plan.write(folder / "text.onnx")
    return TextFacts(
        graph="text.onnx",
        dim=encoder.dim,
        tokenizer=TOKENIZER,
        inputs=plan.inputs,
        longest=MAX_TOKENS,
        most_characters=MAX_TEXT_CHARACTERS,
    )


def _sounds(encoder: TorchaudioEncoder, backend: SpokenWord, folder: Path) -> SoundFacts:
    settings = backend.settings
    names = ("sound.onnx", "listener.onnx")[: len(encoder.networks)]
    for name, network in zip(names, encoder.networks, strict=True):
        network.plan.write(folder / name)
    return SoundFacts(
        graph=names[0],
        listener=names[-1],
        dim=encoder.dim,
        sample_rate=SAMPLE_RATE_HZ,
        most_seconds=MAX_CLIP_SECONDS,
        fewest_samples=max(MIN_SAMPLES, SHORTEST_SAMPLES),
        **{name: spoken_word.MEL[name] for name in ("n_fft", "win_length", "hop_length", "n_mels")},
        f_min=spoken_word.BAND_HZ["f_min"],
        f_max=spoken_word.BAND_HZ["f_max"],
        floor=spoken_word.FLOOR_LOG,
        loud_db=spoken_word.LOUD_DB,
        nearer=spoken_word.NEARER,
        spare=spoken_word.SPARE_STEPS,
        shortest_samples=spoken_word.SHORTEST_SAMPLES,
        least_frames=spoken_word.LEAST_FRAMES,
        lengths=spoken_word.LENGTHS,
        speech_threshold=settings["speech_threshold"],
        silence=SILENCE,
        longest_seconds=long_clips.LONGEST // SAMPLE_RATE_HZ,
        window_silence=long_clips.SILENCE,
        window_db=long_clips.LOUD_DB,
        doubt=long_clips.DOUBT,
        neighbour=long_clips.NEIGHBOUR,
    )


def _refused(encoder: Encoder, reason: str) -> UserError:
    return UserError(
        f"The {encoder.modality} encoder {encoder.name!r} cannot be exported, for {reason}; train with a timm, "
        "a Hugging Face text or the spoken-word encoder."
    )
