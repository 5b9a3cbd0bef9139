"""Sounds that are not speech, made from arithmetic: noise, bursts, knocks, hums, engines, sirens and calls.

In: a seeded generator. Out: waveforms (B, S) with a peak of about 1.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from retail.media import SAMPLE_RATE_HZ


def coloured_noise(generator: torch.Generator, rows: int, length: int) -> Tensor:
    """(B, S) noise whose power falls or rises with frequency, from brown to blue; steady, or in waves."""
    spectrum = torch.view_as_complex(torch.randn(rows, length // 2 + 1, 2, generator=generator))
    bins = torch.arange(length // 2 + 1).clamp(min=8) / length
    noise = torch.fft.irfft(spectrum * bins ** (0.3 - 1.6 * uniform(generator, rows, 1)), n=length)
    return noise / noise.abs().amax(1, keepdim=True)


def without_voice(generator: torch.Generator, rows: int, length: int) -> Tensor:
    """(B, S) sounds of everyday things and animals, and now and then nearly nothing."""
    makers = [_hiss, _bursts, _knocks, _knocks, _hum, _call, _call, _band_noise]
    picks = (uniform(generator, rows) * len(makers)).long().tolist()
    sounds = []
    for pick in picks:
        sound = makers[pick](generator, length)
        sound = sound / sound.abs().max().clamp(min=1e-6)
        floor = coloured_noise(generator, 1, length)[0] * 10 ** (-3 * float(uniform(generator, 1)))
        sounds.append(sound + floor)
    return torch.stack(sounds) if sounds else torch.zeros(0, length)


def _hiss(generator: torch.Generator, length: int) -> Tensor:
    return coloured_noise(generator, 1, length)[0] * (0.3 + _envelope(generator, length))


def _bursts(generator: torch.Generator, length: int) -> Tensor:
    return coloured_noise(generator, 1, length)[0] * _envelope(generator, length) ** 3


def _band_noise(generator: torch.Generator, length: int) -> Tensor:
    """Noise in one or two bands that rise and fall: waves, wind, a sneeze, a spray."""
    out = torch.zeros(length)
    bins = torch.linspace(0, SAMPLE_RATE_HZ / 2, length // 2 + 1)
    for _ in range(1 + int(uniform(generator, 1) * 2)):
        centre = 150 * 2 ** (5.4 * float(uniform(generator, 1)))
        width = centre * (0.1 + 0.8 * float(uniform(generator, 1)))
        spectrum = torch.view_as_complex(torch.randn(length // 2 + 1, 2, generator=generator))
        spectrum = spectrum * torch.exp(-(((bins - centre) / width) ** 2))
        out += torch.fft.irfft(spectrum, n=length) * _envelope(generator, length)
    return out


def _knocks(generator: torch.Generator, length: int) -> Tensor:
    """Ticks, knocks and crackle, each with its ring."""
    time = torch.arange(2_000) / SAMPLE_RATE_HZ
    if uniform(generator, 1) < 0.5:
        hits = (uniform(generator, length) < 10 ** (-4.4 + 2.2 * float(uniform(generator, 1)))).float()
    else:  # at a steady beat
        hits = torch.zeros(length)
        every = int(SAMPLE_RATE_HZ * 10 ** (-1.6 + 1.6 * float(uniform(generator, 1))))
        hits[int(uniform(generator, 1) * every) :: every] = 1
    hits = hits * uniform(generator, length)
    pitch = 100 + 5_000 * float(uniform(generator, 1)) ** 2
    ring = torch.exp(-time * (40 + 900 * float(uniform(generator, 1)))) * torch.sin(2 * math.pi * pitch * time)
    return torch.fft.irfft(torch.fft.rfft(hits, n=2 * length) * torch.fft.rfft(ring, n=2 * length), n=2 * length)[
        :length
    ]


def _hum(generator: torch.Generator, length: int) -> Tensor:
    """Motors and machines: many harmonics of a nearly steady low pitch, pulsing."""
    base = 25 * 2 ** (3.5 * float(uniform(generator, 1)))
    time = torch.arange(length) / SAMPLE_RATE_HZ
    pulse = 1 + uniform(generator, 1) * torch.sin(2 * math.pi * 20 * uniform(generator, 1) * time)
    sound = _harmonics(generator, base, length, 0.03) * pulse
    return sound / sound.abs().max().clamp(min=1e-6) + coloured_noise(generator, 1, length)[0] * uniform(generator, 1)


def _call(generator: torch.Generator, length: int) -> Tensor:
    """Sirens, whistles, cries, barks and crows: a pitch that glides, a mouth that keeps its shape."""
    base = 120 * 2 ** (4.3 * float(uniform(generator, 1)))
    return _harmonics(generator, base, length, 1.2) * _envelope(generator, length) ** 2


def _harmonics(generator: torch.Generator, base: float, length: int, glide: float) -> Tensor:
    time = torch.arange(length) / SAMPLE_RATE_HZ
    bend = 2 ** ((_envelope(generator, length) - 0.5) * 2 * glide * float(uniform(generator, 1)))
    phase = 2 * math.pi * base * torch.cumsum(bend, 0) / SAMPLE_RATE_HZ
    phase = phase + 4 * uniform(generator, 1) * torch.sin(2 * math.pi * 25 * uniform(generator, 1) * time)
    count = max(1, min(40, int(7_000 / base)))
    fall = 2 * float(uniform(generator, 1))
    resonance = 300 * 2 ** (3.5 * float(uniform(generator, 1)))
    out = torch.zeros(length)
    for harmonic in range(1, count + 1):
        near = 0.1 + math.exp(-(math.log2(harmonic * base / resonance) ** 2) * 2)
        out += harmonic**-fall * near * float(uniform(generator, 1)) * torch.sin(harmonic * phase)
    return out


def _envelope(generator: torch.Generator, length: int) -> Tensor:
    """(S,) between 0 and 1: slow bumps, or short bursts."""
    count = 3 + int(uniform(generator, 1) * 20)
    knots = uniform(generator, 1, 1, count) ** (1 + 4 * float(uniform(generator, 1)))
    return functional.interpolate(knots, size=length, mode="linear", align_corners=True)[0, 0]


def uniform(generator: torch.Generator, *shape: int) -> Tensor:
    """Draws from [0, 1)."""
    return torch.rand(*shape, generator=generator)
