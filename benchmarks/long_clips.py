"""Whether a word is found in a minute of silence or noise, and whether it is then heard as if it were alone.

In: people's digits and shop noises beside the project. Out: a table on stdout. Nothing here chooses anything.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from retail.encoders import load_encoder
from retail.media import SAMPLE_RATE_HZ, decode_audio
from retail.outside.limits import MAX_CLIP_SECONDS

DATASETS = Path(__file__).resolve().parents[2] / "shared" / "datasets"
KINDS = {"silence": None, "hiss 30 dB below": 30.0, "shop noise 20 dB below": 20.0, "shop noise 10 dB below": 10.0}
SHORT_SECONDS = 3


def background(kind: str, power: float, noises: list[np.ndarray], rng: np.random.Generator) -> np.ndarray:
    """A minute without speech, its mean power so far below the word's as its kind says."""
    below, samples = KINDS[kind], MAX_CLIP_SECONDS * SAMPLE_RATE_HZ
    if below is None:
        return np.zeros(samples, np.float32)
    if kind.startswith("hiss"):
        noise = rng.standard_normal(samples)
    else:
        order = rng.integers(len(noises), size=MAX_CLIP_SECONDS)
        noise = np.concatenate([noises[place] for place in order])[:samples]
    return (noise * np.sqrt(power / np.mean(noise**2) / 10 ** (below / 10))).astype(np.float32)


def placed(word: np.ndarray, around: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The minute with the word somewhere in it, and the 3 s of it in whose middle the word is."""
    first = int(rng.integers(len(around) - len(word)))
    around = around.copy()
    around[first : first + len(word)] += word
    short = SHORT_SECONDS * SAMPLE_RATE_HZ
    begin = min(max(0, first + len(word) // 2 - short // 2), len(around) - short)
    return around, around[begin : begin + short]


def row(name: str, found: Tensor, alone: Tensor, right: Tensor, seconds: float) -> str:
    """Share heard, cosine to the word alone, share whose nearest word is the right one, and the cost."""
    heard = found.norm(dim=1) > 0
    cosine = (found * alone).sum(1)[heard]
    middle = float(cosine.median()) if len(cosine) else float("nan")
    share, good = 100 * float(heard.float().mean()), 100 * float((right & heard).float().mean())
    return f"{name:32} heard {share:5.1f} %  cosine {middle:5.2f}  nearest word {good:5.1f} %  {1000 * seconds:4.0f} ms"


def main(words: int) -> None:
    """Prints one row a kind for the minute and, above it, for 3 s of the same."""
    files = sorted((DATASETS / "spoken_digits").glob("*.wav"))
    noises = [decode_audio(file) for file in sorted((DATASETS / "shop_noise").rglob("*.ogg"))]
    noises += [decode_audio(file) for file in sorted((DATASETS / "shop_noise").rglob("*.wav"))]
    if not files or not noises:
        sys.exit(f"{DATASETS} holds no spoken_digits or no shop_noise; this benchmark needs both.")
    torch.set_num_threads(1)
    rng, encoder = np.random.default_rng(0), load_encoder("torchaudio:spoken-word@bundled")
    order = rng.permutation(len(files))
    digit = torch.tensor([int(files[place].stem.split("_")[0]) for place in order])
    clips = [decode_audio(files[place]) for place in order[: words + 300]]
    known, asked = encoder.embed(clips[words:]), clips[:words]

    def right(found: Tensor) -> Tensor:
        return digit[words : words + len(known)][(found @ known.T).argmax(1)] == digit[:words]

    alone = encoder.embed(asked)
    print(row("the word alone", alone, alone, right(alone), 0))
    for kind in KINDS:
        pairs = [placed(word, background(kind, float(np.mean(word**2)), noises, rng), rng) for word in asked]
        for name, those in (
            ("in 3 s of ", [short for _, short in pairs]),
            ("in 60 s of ", [long for long, _ in pairs]),
        ):
            began = time.perf_counter()
            found = encoder.embed(those)
            print(row(name + kind, found, alone, right(found), (time.perf_counter() - began) / words), flush=True)
        if KINDS[kind] is not None:
            empty = encoder.embed([background(kind, 0.01, noises, rng) for _ in asked])
            taken = 100 * float((empty.norm(dim=1) > 0).float().mean())
            print(f"{'60 s of ' + kind + ' alone':32} taken for speech {taken:.1f} %", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--words", type=int, default=60)
    main(parser.parse_args().words)
