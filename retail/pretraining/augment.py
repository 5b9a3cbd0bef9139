"""Makes clean synthetic clips sound like recordings: other throats, speeds, rooms, microphones and noise.

In: int16 clips and a seeded generator. Out: log-mel features (B, 64, T). Only what must be done on the waveform is
done there (pitch, clipping, coarse steps); rooms, microphones and noise act on the mel power, which is sixty times
smaller. Sources: SpecAugment (Park et al. 2019), vocal tract length perturbation (Jaitly and Hinton 2013).
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from retail.encoders.spoken_word import BAND_HZ, MEL, LogMel, level
from retail.media import SAMPLE_RATE_HZ
from retail.pretraining.sounds import coloured_noise, uniform, without_voice

BANDS = MEL["n_mels"]
HOP = MEL["hop_length"]
BANK = 600  # clips of each kind of noise that are drawn from
BANK_SECONDS = 3.0
LEAST = 1e-10  # mel power of digital silence


class Augment:
    """Random changes; every draw comes from the generator, so that a step can be repeated."""

    def __init__(self, generator: torch.Generator, spare_seconds: float = 0.1, stretch: float = 1.0) -> None:
        self._generator = generator
        self._spare_seconds, self._slower = spare_seconds, stretch  # silence around the longest clip; slower speech

    def __call__(self, clips: list[np.ndarray], non_speech: int = 0) -> Tensor:
        """B int16 clips -> (B + non_speech, 64, T) features; the last rows hold no speech."""
        waveforms = self.transmission(self.place([self.throat(clip) for clip in clips]))
        power = mel_power(waveforms)  # (B, 64, T)
        frames = power.shape[2]
        power = torch.cat([power, self._from_bank("without_voice", non_speech, frames)])
        power = self.microphone(self.room(power))
        power = self.noise(power, babble=len(clips))
        power = self.band(self.microphone(power))
        return self.mask(level(self.warp(power.clamp(min=LEAST).log())))

    # Waveforms

    def throat(self, clip: np.ndarray) -> Tensor:
        """Played faster or slower: pitch, formants and speed move together."""
        factor = 2 ** float(self._normal(1).clamp(-2, 2) * 0.15)
        samples = torch.from_numpy(clip.astype(np.float32) / 32768)[None, None]
        return functional.interpolate(samples, size=max(800, int(samples.shape[2] * factor)), mode="linear")[0, 0]

    def place(self, clips: list[Tensor]) -> Tensor:
        """(B, S): peak 1, silence before and after."""
        length = max(len(clip) for clip in clips) + int(SAMPLE_RATE_HZ * self._spare_seconds)
        length += -length % (8 * HOP)
        waveforms = torch.zeros(len(clips), length)
        starts = (self._uniform(len(clips)) * torch.tensor([length - len(clip) for clip in clips])).long()
        for row, (clip, first) in enumerate(zip(clips, starts.tolist(), strict=True)):
            waveforms[row, first : first + len(clip)] = clip / clip.abs().max().clamp(min=1e-4)
        return waveforms

    def transmission(self, waveforms: Tensor) -> Tensor:
        """Clipping for one of seven and mu-law with few steps for another."""
        rows = len(waveforms)
        clipped, coarse = self._chance(rows, 0.15), self._chance(rows, 0.15)
        limit = 0.1 + 0.6 * self._uniform(int(clipped.sum()), 1)
        waveforms[clipped] = waveforms[clipped].clamp(-limit, limit) / limit
        loudness = waveforms[coarse] * 10 ** (-1.5 * self._uniform(int(coarse.sum()), 1))
        steps = 2 ** (4 + 4 * self._uniform(len(loudness), 1))
        compressed = (torch.log1p(255 * loudness.abs()) / math.log(256) * steps).round() / steps
        waveforms[coarse] = loudness.sign() * (256**compressed - 1) / 255
        return waveforms

    # Mel power, (B, 64, T)

    def room(self, power: Tensor) -> Tensor:
        """Reverberation for two of five: each frame leaves an exponentially fading tail."""
        rows, _, frames = power.shape
        seconds = 0.1 + 0.7 * self._uniform(rows, 1) ** 2  # to 60 dB down
        time = torch.arange(frames) * HOP / SAMPLE_RATE_HZ
        tail = torch.exp(-13.8 * time / seconds)
        tail = tail / tail.sum(1, keepdim=True) * 10 ** (-1.2 * self._uniform(rows, 1) + 0.2)
        tail[:, 0] += 1
        reverberant = self._chance(rows, 0.4)
        if not reverberant.any():
            return power
        spectrum = (
            torch.fft.rfft(power[reverberant], n=2 * frames) * torch.fft.rfft(tail[reverberant], n=2 * frames)[:, None]
        )
        power = power.clone()  # the caller's stays as it was
        power[reverberant] = torch.fft.irfft(spectrum, n=2 * frames)[:, :, :frames].clamp(min=0)
        return power

    def microphone(self, power: Tensor) -> Tensor:
        """A smooth random frequency response and tilt."""
        rows = len(power)
        curve = self._normal(rows, 1, 10) * (4.5 * self._uniform(rows, 1, 1))  # dB
        curve = functional.interpolate(curve, size=BANDS, mode="linear", align_corners=True)[:, 0]
        tilt = self._normal(rows, 1) * 6.0 * torch.linspace(-1, 1, BANDS)
        return power * (10 ** ((curve + tilt) / 10))[:, :, None]

    def band(self, power: Tensor) -> Tensor:
        """A telephone band for one of four, some upper limit for another quarter."""
        rows = len(power)
        kind = self._uniform(rows, 1)
        high = torch.where(kind < 0.25, 3_300 + 600 * self._uniform(rows, 1), 4_500 + 3_000 * self._uniform(rows, 1))
        high = torch.where(kind < 0.5, high, torch.full_like(high, 9e3))
        low = torch.where(kind < 0.25, 60 + 260 * self._uniform(rows, 1), torch.zeros(rows, 1))
        centres = band_centres()
        fall = 60 * ((centres - high).clamp(min=0) / 700 + (low - centres).clamp(min=0) / 250).clamp(max=1)  # dB
        return power * (10 ** (-fall / 10))[:, :, None]

    def noise(self, power: Tensor, babble: int) -> Tensor:
        """Coloured noise, other sounds or other voices, 0 to 40 dB under the clip, for four of five."""
        rows, _, frames = power.shape
        kind = self._uniform(rows, 1, 1)
        noise = self._from_bank("coloured", rows, frames)
        other = self._from_bank("without_voice", rows, frames)
        voices = sum(
            power[torch.randint(max(1, babble), (rows,), generator=self._generator)].roll(shift, 2)
            for shift in (frames // 4, frames // 2, 3 * frames // 4)
        )
        noise = torch.where(kind < 0.45, noise, torch.where(kind < 0.75, other, voices))
        ratio_db = 40 * self._uniform(rows, 1, 1)
        loud = lambda x: x.sum(1).topk(frames // 4, dim=1).values.mean(1)[:, None, None].clamp(min=LEAST)  # noqa: E731
        scaled = noise * loud(power) / loud(noise) / 10 ** (ratio_db / 10)
        return power + scaled * self._chance(rows, 0.8)[:, None, None]

    # Log mel, (B, 64, T)

    def warp(self, log_mel: Tensor) -> Tensor:
        """Bends time (locally faster and slower) and frequency (a longer or shorter vocal tract)."""
        rows, bands, frames = log_mel.shape
        wanted = max(16, int(frames * self._slower))
        pace = torch.exp(0.35 * self._normal(rows, 1, 8))
        pace = functional.interpolate(pace, size=wanted, mode="linear", align_corners=True)[:, 0]
        time = pace.cumsum(1) / pace.sum(1, keepdim=True) * 2 - 1  # (B, T')
        stretch = 1 + 0.06 * self._normal(rows, 1).clamp(-2, 2)
        bent = ((torch.linspace(-1, 1, bands) + 1) * stretch - 1).clamp(-1, 1)  # (B, bands)
        grid = torch.stack([time[:, None, :].expand(-1, bands, -1), bent[:, :, None].expand(-1, -1, wanted)], dim=-1)
        return functional.grid_sample(log_mel[:, None], grid, align_corners=True, padding_mode="border")[:, 0]

    def mask(self, features: Tensor) -> Tensor:
        """SpecAugment: up to two bands and one stretch of time are blanked, each in half of the clips."""
        rows, bands, frames = features.shape
        for _ in range(2):
            features = features.masked_fill(self._stretch(rows, bands, 10)[:, :, None], -1.0)
        return features.masked_fill(self._stretch(rows, frames, 12)[:, None, :], -1.0)

    def _stretch(self, rows: int, size: int, longest: int) -> Tensor:
        width = self._uniform(rows, 1) * longest * self._chance(rows, 0.5)[:, None]
        first = self._uniform(rows, 1) * (size - width)
        place = torch.arange(size)
        return (place >= first) & (place < first + width)

    def _from_bank(self, kind: str, rows: int, frames: int) -> Tensor:
        """(rows, 64, frames) of random clips of the bank, each from a random place."""
        bank = noise_bank(kind)
        picks = torch.randint(len(bank), (rows,), generator=self._generator).tolist()
        if frames > bank.shape[2]:
            bank = bank.repeat(1, 1, math.ceil(frames / bank.shape[2]))
        starts = (self._uniform(rows) * (bank.shape[2] - frames + 1)).long().tolist()
        pieces = [bank[pick, :, first : first + frames] for pick, first in zip(picks, starts, strict=True)]
        return torch.stack(pieces) if pieces else torch.zeros(0, BANDS, frames)

    def _uniform(self, *shape: int) -> Tensor:
        return uniform(self._generator, *shape)

    def _normal(self, *shape: int) -> Tensor:
        return torch.randn(*shape, generator=self._generator)

    def _chance(self, rows: int, probability: float) -> Tensor:
        return self._uniform(rows) < probability


@cache
def _log_mel() -> LogMel:
    return LogMel()


def mel_power(waveforms: Tensor) -> Tensor:
    """(B, S) -> (B, 64, T)"""
    return _log_mel().mel(waveforms)


@cache
def band_centres() -> Tensor:
    """(64,) centre of each mel band in Hz."""
    low, high = (2595 * math.log10(1 + hz / 700) for hz in BAND_HZ.values())
    edges = torch.linspace(low, high, BANDS + 2)
    return 700 * (10 ** (edges[1:-1] / 2595) - 1)


@cache
def noise_bank(kind: str) -> Tensor:
    """(BANK, 64, T) mel power of seeded noise: "coloured" or "without_voice"."""
    generator = torch.Generator().manual_seed(len(kind))
    length = int(BANK_SECONDS * SAMPLE_RATE_HZ)
    make = coloured_noise if kind == "coloured" else without_voice
    return torch.cat([mel_power(make(generator, 1, length)) for _ in range(BANK)])
