"""Speaks the demo set's clips with free speech synthesisers and roughens them: rate, pitch, gain, noise.

In: a `Clip` ordered from the seed. Out: a 16 kHz mono Ogg Opus file. No voice is heard in two splits.
"""

from __future__ import annotations

import random
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from recipes.demo.products import DemoProduct
from recipes.spoken_word.accents import ACCENTED
from recipes.spoken_word.voices import Voice
from recipes.spoken_word.voices import speak as voiced

SAMPLE_RATE_HZ = 16_000
# full settles the product; variant fits two products; line fits both look-alikes; category fits four.
KINDS = {"full": 0.30, "variant": 0.35, "line": 0.20, "category": 0.15}
NOISY_RATE = 0.35

TRAIN_VOICES = (
    "espeak-ng:en-gb+m1", "espeak-ng:en-gb+f2", "espeak-ng:en-us+m3", "espeak-ng:en-us+f1",
    "espeak-ng:en-gb-scotland+m7",
    "espeak-ng:en-gb-x-rp+f4", "espeak-ng:en-029+m2", "espeak-ng:en-us+steph", "espeak-ng:en-gb+linda",
    "espeak-ng:en-us+edward", "flite:kal16", "flite:rms", "festival:kal_diphone", "festival:ked_diphone",
)  # fmt: skip
# As far from the training voices as the test voices are (data/README.md, Voices).
VAL_VOICES = (
    "festival:lp_diphone", "festival:pc_diphone", "festival:czech_dita", "espeak-ng:en-gb-x-gbclan+f3",
    "espeak-ng:en-us-nyc+Andrea", "espeak-ng:en-gb-x-gbcwmd+travis",
)  # fmt: skip
TEST_VOICES = (
    "flite:awb", "flite:slt", "festival:cmu_us_slt_arctic_hts", "espeak-ng:en-gb-x-gbcwmd+f5", "espeak-ng:en-us-nyc+m4",
    "espeak-ng:en-gb-x-gbclan+anika",
)  # fmt: skip
# Festival's voices for other languages take phonemes, as the spoken-word encoder's recipe writes them.
FOREIGN = {accent.voice: name for name, accent in ACCENTED.items()}


@dataclass(frozen=True)
class Clip:
    """One spoken clip to make."""

    row_id: str
    voice: str
    kind: str
    words: str
    speed: float
    pitch: int
    gain_db: float
    noise_db: float | None  # signal-to-noise ratio; None is clean
    seed: int


def order(product: DemoProduct, row_id: str, split: str, rng: random.Random) -> Clip:
    """Chooses voice, words and roughness for one row."""
    line = product.line
    kind = rng.choices(list(KINDS), list(KINDS.values()))[0]
    words = {
        "full": product.name,
        "variant": product.variant,
        "line": rng.choice([f"{line.brand} {line.noun}", line.noun]),
        "category": rng.choice([line.category, line.brand]),
    }[kind]
    # Validation draws here too and takes a voice of its own from elsewhere, so that what is drawn later stays the same.
    voice = rng.choice(TEST_VOICES if split == "test" else TRAIN_VOICES)
    if split == "val":
        voice = random.Random(f"{row_id} voice").choice(VAL_VOICES)
    return Clip(
        row_id=row_id, voice=voice, kind=kind, words=words,
        speed=rng.uniform(0.85, 1.2), pitch=rng.randint(35, 65), gain_db=rng.uniform(-14, -1),
        noise_db=rng.uniform(0, 14) if rng.random() < NOISY_RATE else None, seed=rng.randrange(1 << 30),
    )  # fmt: skip


def speak(clip: Clip, target: Path) -> None:
    """Synthesises, resamples, adds gain, room noise and silence, and writes the file."""
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder) / "raw.wav"
        _synthesise(clip, raw)
        wave, rate_hz = soundfile.read(raw, dtype="float32", always_2d=True)
    wave = _resample(_trim(wave.mean(axis=1)), rate_hz)
    rng = np.random.default_rng(clip.seed)
    wave = np.pad(wave, rng.integers(800, 4000, 2)) / max(float(np.abs(wave).max()), 1e-6)
    if clip.noise_db is not None:
        power = float(np.sqrt(np.mean(wave**2))) * 10 ** (-clip.noise_db / 20)
        wave = wave + power * _room_noise(len(wave), rng)
        wave = wave / np.abs(wave).max()
    soundfile.write(target, wave * 10 ** (clip.gain_db / 20), SAMPLE_RATE_HZ, format="OGG", subtype="OPUS")


def _synthesise(clip: Clip, raw: Path) -> None:
    engine, voice = clip.voice.split(":")
    if engine == "festival" and voice in FOREIGN:
        wave = next(voiced([(clip.words, Voice("festival", FOREIGN[voice], clip.speed, clip.pitch))]))
        soundfile.write(raw, wave, SAMPLE_RATE_HZ)
    elif engine == "espeak-ng":
        command = ["espeak-ng", "-v", voice, "-s", str(int(160 * clip.speed)), "-p", str(clip.pitch), "-w", str(raw)]
        subprocess.run([*command, clip.words], check=True)
    elif engine == "flite":
        stretch = f"duration_stretch={1 / clip.speed:.2f}"
        subprocess.run(["flite", "-voice", voice, "--setf", stretch, "-t", clip.words, "-o", str(raw)], check=True)
    else:
        setting = f"(begin (voice_{voice}) (Parameter.set 'Duration_Stretch {1 / clip.speed:.2f}))"
        command = ["text2wave", "-eval", setting, "-o", str(raw)]
        subprocess.run(command, input=clip.words, text=True, check=True)


def _trim(wave: np.ndarray) -> np.ndarray:
    loud = np.flatnonzero(np.abs(wave) > 0.01 * np.abs(wave).max())
    return wave[loud[0] : loud[-1] + 1] if len(loud) else wave


def _resample(wave: np.ndarray, rate_hz: int) -> np.ndarray:
    """Resamples through the spectrum, so nothing folds back when the rate falls."""
    if rate_hz == SAMPLE_RATE_HZ:
        return wave
    count = round(len(wave) * SAMPLE_RATE_HZ / rate_hz)
    spectrum, bins = np.fft.rfft(wave), count // 2 + 1
    fitted = np.zeros(bins, dtype=spectrum.dtype)
    kept = min(bins, len(spectrum))
    fitted[:kept] = spectrum[:kept]
    return (np.fft.irfft(fitted, count) * (count / len(wave))).astype(np.float32)


def _room_noise(count: int, rng: np.random.Generator) -> np.ndarray:
    """Noise that falls with frequency, like a shop's hum, at unit power."""
    spectrum = np.fft.rfft(rng.standard_normal(count))
    spectrum *= 1 / np.maximum(np.arange(len(spectrum)), 20) ** rng.uniform(0.2, 0.8)
    noise = np.fft.irfft(spectrum, count)
    return (noise / np.sqrt(np.mean(noise**2))).astype(np.float32)
