"""What the bundled spoken-word encoder hears: voices and words it was not trained on, people, noise, silence, time.

In: the speech synthesizers and the real recordings beside the project. Out: a table on stdout, and with `--json FILE`
the same figures. Nothing here chooses anything: `recipes.spoken_word` did, on validation voices and words.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from recipes.spoken_word.accents import ACCENTED
from recipes.spoken_word.clips import Part, synthesise
from recipes.spoken_word.people import PICO, RHVOICE
from recipes.spoken_word.scores import area_under_roc, nearest, speech_logits
from recipes.spoken_word.words import Spoken, held_out_words
from retail.comparison.fits import FitPlan, run_fit
from retail.config import TrainConfig
from retail.dataset.reader import read_manifest
from retail.encoders import Encoder, load_encoder, spoken_word
from retail.encoders.hearing import BUNDLED_FILE
from retail.media import decode_audio
from retail.metrics.paired import paired_test
from retail.metrics.scores import bootstrap_interval
from retail.splits import prepare

DATASETS = Path(__file__).resolve().parents[2] / "shared" / "datasets"
FASHION_TASKS = ("article_type", "base_colour")
DIGITS = "zero one two three four five six seven eight nine".split()
WORDS = 200
NOISE_DB = 10
TRAINING_PARTS = [Part(f"espeak-{place}", "espeak") for place in range(24)] + [
    Part(f"{voice}-{speed}", engine, voice, speed)
    for engine, voice in [("flite", "rms"), ("flite", "kal16"), ("festival", "kal"), ("festival", "ked")]
    for speed in (0.75, 1.0)
]
TRAINING_PARTS += [Part(voice, "festival", voice, 0.92) for voice in ACCENTED]
TRAINING_PARTS += [Part(voice, "rhvoice", voice, 0.85) for voice in RHVOICE]
TRAINING_PARTS += [Part(voice, "pico", voice, 0.85) for voice in PICO]
TEST_PARTS = [Part("awb", "flite", "awb"), Part("slt", "flite", "slt"), Part("slt-hts", "festival", "slt")]
TEST_PAIRS = [("awb", "slt"), ("slt", "awb"), ("awb", "slt-hts"), ("slt-hts", "awb")]  # slt-hts is slt's speaker

Row = dict[str, Any]


def embed(encoder: Encoder, clips: list[np.ndarray]) -> Tensor:
    """int16 or float waveforms -> (N, D) as the product computes them, with whatever counts as absent left as zeros."""
    return encoder.embed([clip.astype(np.float32) / 32768 if clip.dtype == np.int16 else clip for clip in clips])


def with_noise(clips: list[np.ndarray], noises: list[np.ndarray]) -> list[np.ndarray]:
    """Each clip with a piece of a shop noise, NOISE_DB quieter on average over the clip."""
    rng = np.random.default_rng(0)
    mixed = []
    for clip in clips:
        clip = clip.astype(np.float32) / (32768 if clip.dtype == np.int16 else 1)
        noise = noises[rng.integers(len(noises))]
        first = rng.integers(max(1, len(noise) - len(clip)))
        piece = np.resize(noise[first : first + len(clip)], len(clip))
        if (power := float(np.mean(piece**2))) < 1e-8:  # a pause of the noise: nothing to scale up
            mixed.append(clip)
            continue
        mixed.append(clip + piece * np.sqrt(np.mean(clip**2) / power / 10 ** (NOISE_DB / 10)).astype(np.float32))
    return mixed


def figure(name: str, correct: Tensor, goal: str) -> Row:
    """One row: the mean in percent with its bootstrap interval."""
    values = correct.double().numpy()
    low, high = bootstrap_interval(values)
    return {
        "test": name,
        "n": len(values),
        "value": 100 * float(values.mean()),
        "low": 100 * low,
        "high": 100 * high,
        "goal": goal,
    }


def loss_row(name: str, clean: Tensor, noisy: Tensor) -> Row:
    """Points of accuracy that the noise costs, with the interval of the paired difference."""
    lost = paired_test(clean.numpy(), noisy.numpy())
    return {
        "test": name,
        "n": len(clean),
        "value": 100 * lost.difference,
        "low": 100 * lost.low,
        "high": 100 * lost.high,
        "goal": "<= 8",
    }


def unseen_voices(encoder: Encoder, noises: list[np.ndarray], work: Path) -> list[Row]:
    """One clip a word enrolled from one unseen voice, the same words asked in another's."""
    words = held_out_words("test")[:WORDS]
    waves = {part.name: _spoken(work, words, part) for part in TEST_PARTS}
    embeddings = {name: embed(encoder, clips) for name, clips in waves.items()}
    noisy = {name: embed(encoder, with_noise(clips, noises)) for name, clips in waves.items()}
    labels = torch.arange(len(words))
    clean, hard = [], []
    for enrolled, asked in TEST_PAIRS:
        clean.append(nearest(embeddings[enrolled], labels, embeddings[asked]) == labels)
        hard.append(nearest(embeddings[enrolled], labels, noisy[asked]) == labels)
    return [
        figure("unseen voices, 200 unseen words, 1 clip enrolled", torch.cat(clean).float(), ">= 85"),
        loss_row(f"  points lost at {NOISE_DB} dB shop noise", torch.cat(clean).float(), torch.cat(hard).float()),
    ]


def enrol(encoder: Encoder, words: list[str], work: Path) -> tuple[Tensor, Tensor]:
    """Every word in every voice that is trained on -> embeddings (N, D) and the words' places (N,)."""
    clips = synthesise(work, [Spoken(word, word) for word in words], TRAINING_PARTS, say=lambda _: None)
    return embed(encoder, [clips.clip(place) for place in range(len(clips))]), torch.from_numpy(clips.label).long()


def digits(encoder: Encoder, noises: list[np.ndarray], work: Path) -> list[Row]:
    """People's digits, enrolled from synthetic voices, then from one person for the others."""
    files = sorted((DATASETS / "spoken_digits").glob("*.wav"))
    waves = [decode_audio(file) for file in files]
    labels = torch.tensor([int(file.stem.split("_")[0]) for file in files])
    people = np.array([file.stem.split("_")[1] for file in files])
    embeddings, noisy = embed(encoder, waves), embed(encoder, with_noise(waves, noises))
    synthetic, spoken = enrol(encoder, DIGITS, work / "digits")
    clean = (nearest(synthetic, spoken, embeddings) == labels).float()
    hard = (nearest(synthetic, spoken, noisy) == labels).float()
    few = []
    for person in sorted(set(people)):
        own = [np.flatnonzero((people == person) & (labels.numpy() == digit))[:5] for digit in range(10)]
        enrolled = torch.from_numpy(np.concatenate(own))
        others = torch.from_numpy(np.flatnonzero(people != person))
        few.append(nearest(embeddings[enrolled], labels[enrolled], embeddings[others]) == labels[others])
    return [
        figure("people's digits, enrolled from synthetic voices", clean, ">= 88"),
        loss_row(f"  points lost at {NOISE_DB} dB shop noise", clean, hard),
        figure("people's digits, 5 clips of one person enrolled, others asked", torch.cat(few).float(), ">= 96"),
        figure("people's digits taken for silence", (embeddings.norm(dim=1) == 0).float(), ""),
    ]


def speech(noises: list[np.ndarray], work: Path) -> list[Row]:
    """How well the network's speech logit tells people and unseen voices from everyday sounds."""
    net, _ = spoken_word.load(BUNDLED_FILE)
    people = [decode_audio(file) for file in sorted((DATASETS / "spoken_digits").glob("*.wav"))]
    voices = [clip for part in TEST_PARTS for clip in _spoken(work, held_out_words("test")[:WORDS], part)]
    seconds = [noise[first : first + 16_000] for noise in noises for first in range(0, len(noise) - 15_999, 16_000)]
    logits = {
        name: speech_logits(net, clips)
        for name, clips in {"people": people, "voices": voices, "noises": noises, "seconds": seconds}.items()
    }
    rows: list[Row] = []
    for name, negatives in (("40 whole clips", "noises"), (f"their {len(seconds)} single seconds", "seconds")):
        positive = torch.cat([logits["people"], logits["voices"]])
        rows.append(
            {
                "test": f"speech against shop noise, AUROC x 100, {name}",
                "n": len(positive) + len(logits[negatives]),
                "value": 100 * area_under_roc(positive, logits[negatives]),
                "goal": ">= 97" if negatives == "noises" else "",
            }
        )
    return rows


def fashion() -> list[Row]:
    """The sound-only baseline of the product on real labels, against the log-mel statistics."""
    manifest = read_manifest(DATASETS / "fashion", FASHION_TASKS)
    rows: list[Row] = []
    known: dict[str, Tensor] = {}
    for name in ("spoken-word@bundled", "log-mel-statistics"):
        splits = prepare(manifest, {"audio": load_encoder(f"torchaudio:{name}")})
        config = TrainConfig(strategy="concatenation", modalities=("audio",))
        outputs = [
            run_fit(FitPlan("audio", "single", FASHION_TASKS, replace(config, seed=seed)), splits) for seed in range(3)
        ]
        for task in FASHION_TASKS:
            target = splits.test.targets[task].numpy()
            correct = np.mean([output.preds[task] == target for output in outputs], axis=0)
            rows.append(figure(f"fashion {task}, sound alone, {name}", torch.from_numpy(correct), ""))
            known[task] = splits.train.targets[task]
    for task, other in (FASHION_TASKS, FASHION_TASKS[::-1]):
        # Half of the clips say the label; the rest say the other one, from which its most frequent partner follows.
        pairs = torch.zeros(int(known[task].max()) + 1, int(known[other].max()) + 1)
        pairs.index_put_((known[task], known[other]), torch.ones(len(known[task])), accumulate=True)
        guess = pairs.argmax(0)
        test_task, test_other = splits.test.targets[task], splits.test.targets[other]
        right = (guess[test_other] == test_task).float().numpy()
        rows.append(
            {
                "test": f"fashion {task}, ceiling of the design",
                "n": len(right),
                "value": 50 + 50 * float(right.mean()),
                "goal": "",
            }
        )
    return rows


def encode_time() -> list[Row]:
    """Milliseconds for one clip of two seconds, median of 60, with two threads."""
    torch.set_num_threads(2)
    clip = np.random.default_rng(0).normal(0, 0.1, 32_000).astype(np.float32)
    rows: list[Row] = []
    for name, goal in (("spoken-word@bundled", "< 15"), ("log-mel-statistics", "")):
        encoder = load_encoder(f"torchaudio:{name}")
        times = []
        for _ in range(70):
            started = time.perf_counter()
            encoder.embed([clip])
            times.append(1_000 * (time.perf_counter() - started))
        rows.append({"test": f"encode 2 s, ms, {name}", "n": 60, "value": statistics.median(times[10:]), "goal": goal})
    return rows


def _spoken(work: Path, words: list[Spoken], part: Part) -> list[np.ndarray]:
    clips = synthesise(work / f"{len(words)}-words", words, [part], say=lambda _: None)
    return [clips.clip(place) for place in range(len(clips))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    arguments = parser.parse_args()
    if not DATASETS.is_dir():
        sys.exit(f"The real recordings are expected in '{DATASETS}', which does not exist; nothing was measured.")
    encoder = load_encoder("torchaudio:spoken-word@bundled")
    noises = [decode_audio(file) for file in sorted((DATASETS / "shop_noise").glob("*/*"))]
    print(f"{platform.machine()}, {os.cpu_count()} cores, torch {torch.__version__}")
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        for measure in (
            lambda: unseen_voices(encoder, noises, work),
            lambda: digits(encoder, noises, work),
            lambda: speech(noises, work),
            fashion,
            encode_time,
        ):
            for row in measure():
                rows.append(row)
                interval = f"[{row['low']:.1f}, {row['high']:.1f}]" if "low" in row else ""
                print(f"{row['test']:66} {row['value']:6.1f} {interval:14} {row['goal']:7} n = {row['n']}", flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
