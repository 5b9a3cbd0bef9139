"""A WAV file as mono samples at 16 kHz, and what of them counts.

In: a path or bytes, samples. Out: samples (S,) float32. The arithmetic is that of torchaudio, in NumPy.
"""

from __future__ import annotations

import io
import math
import wave
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

LONGEST_RATIO = 640  # of sample rates
FILTER_WIDTH, ROLL_OFF = 6, 0.99  # of resampling


def samples_of(source: str | Path | bytes, facts: dict[str, Any]) -> np.ndarray:
    """(S,) the first 60 s of a WAV file with whole numbers as samples."""
    rate_hz = facts["sample_rate"]
    with wave.open(io.BytesIO(source) if isinstance(source, bytes) else str(source), "rb") as clip:
        own_hz, channels, width = clip.getframerate(), clip.getnchannels(), clip.getsampwidth()
        content = clip.readframes(facts["most_seconds"] * own_hz)
    mono = _audible(_whole_numbers(content, width).reshape(-1, channels))
    mono = _resampled(np.clip(mono, -8, 8), own_hz, rate_hz)[: facts["most_seconds"] * rate_hz]
    return np.pad(mono, (0, max(0, facts["fewest_samples"] - len(mono))))


def _whole_numbers(content: bytes, width: int) -> np.ndarray:
    if width == 1:
        return (np.frombuffer(content, np.uint8).astype(np.float32) - 128) / 128
    if width == 3:
        padded = np.zeros((len(content) // 3, 4), np.uint8)
        padded[:, 1:] = np.frombuffer(content, np.uint8).reshape(-1, 3)
        return padded.view("<i4")[:, 0].astype(np.float32) / np.float32(2**31)
    return np.frombuffer(content, f"<i{width}").astype(np.float32) / np.float32(2 ** (8 * width - 1))


def _audible(channels: np.ndarray) -> np.ndarray:
    """The mean, or the loudest channel where the channels cancel each other out."""
    mean = channels.mean(1, dtype=np.float32)
    powers = np.square(channels).mean(0, dtype=np.float64)
    if np.square(mean).mean(dtype=np.float64) >= 0.1 * powers.mean() or powers.mean() < 1e-8:
        return mean
    return np.ascontiguousarray(channels[:, powers.argmax()])


def _resampled(mono: np.ndarray, own_hz: int, rate_hz: int) -> np.ndarray:
    """By a sinc under a Hann window."""
    from fractions import Fraction

    if own_hz == rate_hz:
        return mono
    ratio = Fraction(own_hz, rate_hz).limit_denominator(LONGEST_RATIO)
    own, new = ratio.numerator, ratio.denominator
    band = min(own, new) * ROLL_OFF
    width = math.ceil(FILTER_WIDTH * own / band)
    places = np.arange(0, -new, -1)[:, None] / new + np.arange(-width, width + own)[None] / own
    places = np.clip(places * band, -FILTER_WIDTH, FILTER_WIDTH)
    window = np.cos(places * math.pi / FILTER_WIDTH / 2) ** 2
    kernels = (np.sinc(places) * window * band / own).astype(np.float32)  # (new, K)
    padded = np.pad(mono, (width, width + own))
    frames = sliding_window_view(padded, kernels.shape[1])[::own]
    return (frames @ kernels.T).reshape(-1)[: math.ceil(new * len(mono) / own)]


def log_mel(samples: np.ndarray, facts: dict[str, Any]) -> np.ndarray:
    """(S,) -> (mels, T) relative to the clip's loudest frames, floored and scaled to about [-1, 1]."""
    size, length, hop = facts["n_fft"], facts["win_length"], facts["hop_length"]
    window = np.zeros(size)
    before = (size - length) // 2
    window[before : before + length] = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)
    padded = np.pad(samples.astype(np.float64), size // 2, mode="reflect")
    power = np.abs(np.fft.rfft(sliding_window_view(padded, size)[::hop] * window)) ** 2  # (T, size / 2 + 1)
    values = np.log(np.maximum(power @ _filters(facts), 1e-10)).T  # (mels, T)
    highest = values.max(0)
    loudness = highest + np.log(np.exp(values - highest).sum(0))
    loudest = np.sort(loudness)[-max(1, len(loudness) // 8) :].mean()
    floor = facts["floor"]
    return (np.maximum(values - loudest + 3.0, floor) / -floor * 2 + 1).astype(np.float32)


def _filters(facts: dict[str, Any]) -> np.ndarray:
    """(size / 2 + 1, mels) triangles on the mel scale."""
    lowest, highest = (2595.0 * np.log10(1.0 + hz / 700.0) for hz in (facts["f_min"], facts["f_max"]))
    edges = 700.0 * (10.0 ** (np.linspace(lowest, highest, facts["n_mels"] + 2) / 2595.0) - 1.0)
    slopes = edges[None] - np.linspace(0, facts["sample_rate"] // 2, facts["n_fft"] // 2 + 1)[:, None]
    rising, falling = -slopes[:, :-2] / np.diff(edges)[:-1], slopes[:, 2:] / np.diff(edges)[1:]
    return np.maximum(0.0, np.minimum(rising, falling))


def with_length(features: np.ndarray, length: float, fewest: int) -> np.ndarray:
    """(mels, T) -> (mels, `length` * T), between the frames as an antialiased picture is."""
    count = features.shape[1]
    frames = max(fewest, int(count * length))
    scale = count / frames
    reach = max(scale, 1.0)
    weights = np.zeros((count, frames))
    for place in range(frames):
        centre = scale * (place + 0.5)
        first, last = max(int(centre - reach + 0.5), 0), min(int(centre + reach + 0.5), count)
        own = np.maximum(0.0, 1 - np.abs(np.arange(first, last) - centre + 0.5) / reach)
        weights[first:last, place] = own / own.sum()
    return (features @ weights).astype(np.float32)


def loud_part(samples: np.ndarray, facts: dict[str, Any]) -> np.ndarray:
    """From the first to the last loud moment, with a tenth of a second to spare on both sides."""
    step, spare = facts["hop_length"], facts["spare"] * facts["hop_length"]
    padded = np.pad(samples, (spare, spare))
    steps = len(samples) // step
    if steps < 2 * facts["spare"]:
        return padded
    power = np.square(samples[: steps * step].reshape(steps, step)).mean(1)
    counts = np.convolve(np.ones(steps), np.ones(5), "same")
    loudness = 10 * np.log10(np.maximum(np.convolve(power, np.ones(5), "same") / counts, 1e-10))
    loudest, background = loudness.max(), np.quantile(loudness, 0.1)
    threshold = max(loudest - facts["loud_db"], background + facts["nearer"] * (loudest - background))
    loud = np.flatnonzero(loudness >= threshold)
    return padded[loud[0] * step : (loud[-1] + 1) * step + 2 * spare]
