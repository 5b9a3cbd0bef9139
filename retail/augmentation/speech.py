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

from retail.augmentation.noise import coloured_noise, uniform, without_voice
from retail.encoders.spoken_word import BAND_HZ, LEAST_FRAMES, MEL, LogMel, level
from retail.media import SAMPLE_RATE_HZ

BANDS = MEL["n_mels"]
HOP = MEL["hop_length"]
NOISE_DB, LOUD_NOISE_DB = (0.0, 40.0), (-3.0, 24.0)  # under the clip
CUT_SECONDS = (-0.04, 0.12)  # what a tight cut leaves beside the word; below 0 it takes of the word
BANK = 600  # clips of each kind of noise that are drawn from
BANK_SECONDS = 3.0
LEAST = 1e-10  # mel power of digital silence


class Augment:
    """Random changes; every draw comes from the generator, so that a step can be repeated."""

    def __init__(
        self, generator: torch.Generator, spare_seconds: float = 0.1, pace: float = 1.0, harder: bool = False
    ) -> None:
        self._generator = generator
        self._harder = harder  # louder noise, often of two sounds at once
        self._spare_seconds, self._pace = spare_seconds, pace  # silence beside the longest clip; above 1 is slower

    def __call__(self, clips: list[np.ndarray], non_speech: int = 0) -> Tensor:
        """B int16 clips -> (B + non_speech, 64, T) features; the last rows hold no speech."""
        throats = [self.throat(clip) for clip in clips]
        sizes = torch.tensor([len(clip) for clip in throats])
        power, recorded = self.voice(self.transmission(self.together(throats)), sizes)  # (B, 64, T), (B, T)
        frames = power.shape[2]
        power = torch.cat([power, self._from_bank("without_voice", non_speech, frames)])
        recorded = torch.cat([recorded, recorded[torch.arange(non_speech) % len(clips)]])  # or cuts would mean speech
        power = self.microphone(self.room(power))
        power = self.noise(power, babble=len(clips))
        power = self.band(self.microphone(power)) * recorded[:, None]
        return self.mask(level(power.clamp(min=LEAST).log()))

    # Waveforms

    def throat(self, clip: np.ndarray) -> Tensor:
        """Played faster or slower: pitch, formants and speed move together."""
        factor = 2 ** float(self._normal(1).clamp(-2, 2) * 0.15)
        samples = torch.from_numpy(clip.astype(np.float32) / 32768)[None, None]
        return functional.interpolate(samples, size=max(800, int(samples.shape[2] * factor)), mode="linear")[0, 0]

    def together(self, clips: list[Tensor]) -> Tensor:
        """(B, S): peak 1, silence behind the shorter ones."""
        waveforms = torch.zeros(len(clips), max(len(clip) for clip in clips))
        for row, clip in enumerate(clips):
            waveforms[row, : len(clip)] = clip / clip.abs().max().clamp(min=1e-4)
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

    # Spectra, (B, 257, T)

    def voice(self, waveforms: Tensor, sizes: Tensor) -> tuple[Tensor, Tensor]:
        """(B, S), of which the first `sizes` samples count -> mel power (B, 64, T) as if other people said the words.

        Also (B, T), whether the recording lasts: it may begin and end with the word.

        The smooth part of each spectrum (the mouth) and its ripple (the pitch) are bent apart from each other: other
        pitches and melodies, longer and shorter vocal tracts, formants that lie a little elsewhere and are sharper or
        blunter, breathy and whispering voices, other stress. Time is bent for both: overall and locally.
        """
        mel = _log_mel().mel
        spectrum = _power(waveforms).clamp(min=LEAST).log()  # (B, 257, T')
        rows, bins, _ = spectrum.shape
        times, spoken, recorded = self._times(sizes / HOP, spectrum.shape[2])  # (B, T), of the output
        frames = times.shape[1]
        mouth = smoothing() @ spectrum
        octaves = 0.1 + 0.45 * self._normal(rows, 1, 1).clamp(-2, 2) + 0.15 * self._curve(rows, 1, frames, 1, 4)
        ripple = bent(spectrum - mouth, octaves, times)
        breathy = self._chance(rows, 0.3)[:, None, None]
        ripple = ripple * torch.where(breathy, self._uniform(rows, 1, 1), 1 + 0.2 * self._normal(rows, 1, 1))
        octaves = 0.13 * self._normal(rows, 1, 1).clamp(-2.5, 2.5) + 0.06 * self._curve(rows, bins, frames, 8, 3)
        mouth = bent(mouth, octaves, times)
        centre = mouth.mean(1, keepdim=True)
        mouth = centre + (mouth - centre) * 2 ** (0.3 * self._normal(rows, 1, 1)) + self._curve(rows, 1, frames, 1, 6)
        return mel.mel_scale((mouth + ripple).exp() * spoken[:, None]), recorded

    def _times(self, lengths: Tensor, frames: int) -> tuple[Tensor, Tensor, Tensor]:
        """Where each of T frames reads the clip, from -1 to 1 over its `frames`; whether it does; whether it is heard.

        Clips get another length each; the longest are hurried rather than that all others wait in silence.
        """
        rows = len(lengths)
        wanted = lengths * self._pace * 2 ** (0.2 * self._normal(rows).clamp(-2, 2))
        longest = min(float(wanted.max()), 1.2 * float(wanted.median()))
        wanted = wanted.clamp(max=longest)
        count = max(LEAST_FRAMES, math.ceil(longest + self._spare_seconds * SAMPLE_RATE_HZ / HOP))
        first = (self._uniform(rows) * 1.08 - 0.04) * (count - wanted)  # now and then a little is cut off
        place = (torch.arange(count)[None] + 0.5 - first[:, None]) / wanted[:, None]  # (B, T), 0 to 1 within the clip
        pace = torch.exp(0.35 * self._normal(rows, 1, 8))
        pace = functional.interpolate(pace, size=64, mode="linear", align_corners=True)[:, 0]
        reached = functional.pad(pace.cumsum(1) / pace.sum(1, keepdim=True), (1, 0))  # (B, 65)
        knot = (place * 64).clamp(0, 63.999)
        below = reached.gather(1, knot.long())
        inside = below + (reached.gather(1, knot.long() + 1) - below) * knot.frac()
        times = inside * lengths[:, None] / max(1, frames - 1) * 2 - 1
        return times, (place >= 0) & (place <= 1), self._recorded(place, wanted)

    def _recorded(self, place: Tensor, lengths: Tensor) -> Tensor:
        """(B, T), of places within clips that many frames long: half of the recordings are cut to the word or into it.

        Beyond the cuts stands silence, as the product puts it there, and no noise.
        """
        rows = len(place)
        spare = self._uniform(rows, 2) * (CUT_SECONDS[1] - CUT_SECONDS[0]) + CUT_SECONDS[0]
        spare = spare * SAMPLE_RATE_HZ / HOP / lengths[:, None]
        cut = (place >= -spare[:, :1]) & (place <= 1 + spare[:, 1:])
        return cut | ~self._chance(rows, 0.5)[:, None]

    def _curve(self, rows: int, bands: int, frames: int, high: int, wide: int) -> Tensor:
        """(rows, bands, frames): smooth noise of spread about 1 between `high` times `wide` knots."""
        knots = self._normal(rows, 1, high, wide)
        return functional.interpolate(knots, size=(bands, frames), mode="bilinear", align_corners=True)[:, 0]

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
        curve = self._normal(rows, 1, 10) * (4.0 * self._uniform(rows, 1, 1))  # dB
        curve = functional.interpolate(curve, size=BANDS, mode="linear", align_corners=True)[:, 0]
        tilt = self._normal(rows, 1) * 4.0 * torch.linspace(-1, 1, BANDS)
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
        """Coloured noise, other sounds or other voices, for four of five; mixtures when it is to be harder."""
        rows, _, frames = power.shape
        kind = self._uniform(rows, 1, 1)
        noise = self._from_bank("coloured", rows, frames)
        other = self._from_bank("without_voice", rows, frames)
        voices = sum(
            power[torch.randint(max(1, babble), (rows,), generator=self._generator)].roll(shift, 2)
            for shift in (frames // 4, frames // 2, 3 * frames // 4)
        )
        noise = torch.where(kind < 0.45, noise, torch.where(kind < 0.75, other, voices))
        if self._harder:
            more = self._from_bank("without_voice", rows, frames) * 10 ** (2 * self._uniform(rows, 1, 1) - 1)
            noise = torch.where(kind < 0.6, other + more * (kind < 0.3), noise)
        low, high = LOUD_NOISE_DB if self._harder else NOISE_DB
        ratio_db = low + (high - low) * self._uniform(rows, 1, 1)
        loud = lambda x: x.sum(1).topk(frames // 4, dim=1).values.mean(1)[:, None, None].clamp(min=LEAST)  # noqa: E731
        scaled = noise * loud(power) / loud(noise) / 10 ** (ratio_db / 10)
        return power + scaled * self._chance(rows, 0.8)[:, None, None]

    # Log mel, (B, 64, T)

    def mask(self, features: Tensor) -> Tensor:
        """SpecAugment: up to two bands and one stretch of time are blanked, each in half of the clips."""
        rows, bands, frames = features.shape
        for _ in range(2):
            features = features.masked_fill(self._stretch(rows, bands, 10)[:, :, None], -1.0)
        return features.masked_fill(self._stretch(rows, frames, 9)[:, None, :], -1.0)

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


def _power(waveforms: Tensor) -> Tensor:
    """(B, S) -> (B, 257, T), the spectrogram under `mel_power`; squares in place of the slower absolute values."""
    window = _log_mel().mel.spectrogram.window
    spectrum = torch.stft(
        waveforms, MEL["n_fft"], HOP, MEL["win_length"], window, pad_mode="reflect", return_complex=True
    )
    return torch.view_as_real(spectrum).square().sum(-1)


@cache
def smoothing() -> Tensor:
    """(257, 257): keeps of a log spectrum what is smoother than the ripple of a voice below 330 Hz (its cepstrum)."""
    bins = MEL["n_fft"] // 2 + 1
    quefrency = torch.arange(bins)  # samples
    keep = ((48 - quefrency) / 20).clamp(0, 1)
    identity = torch.eye(bins)
    mirrored = torch.cat([identity, identity[1:-1].flip(0)])
    return torch.fft.irfft(torch.fft.rfft(mirrored, dim=0) * keep[:, None], dim=0)[:bins]


def bent(spectrum: Tensor, octaves: Tensor, times: Tensor) -> Tensor:
    """(B, F, T') read at frequencies that many `octaves` lower, (B, 1 or F, T or 1), and at `times` (B, T)."""
    bins = spectrum.shape[1]
    places = torch.arange(bins)[None, :, None] * 2**-octaves / (bins - 1) * 2 - 1
    grid = torch.stack(torch.broadcast_tensors(times[:, None], places), dim=-1)  # (B, F, T, 2)
    return functional.grid_sample(spectrum[:, None], grid, align_corners=True, padding_mode="reflection")[:, 0]


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
