"""Which part of a long clip an encoder hears: where somebody speaks, or else where it is loudest.

In: mono 16 kHz waveforms. Out: at most 10 s of each; what is no longer stays as it is.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from retail.encoders.spoken_word import Heard
from retail.media import SAMPLE_RATE_HZ

LONGEST = 10 * SAMPLE_RATE_HZ  # samples; shorter clips are heard whole
WINDOW, HOP = SAMPLE_RATE_HZ, SAMPLE_RATE_HZ // 2  # with 1.5 s, noise beside a word won three times as often
LOUD_DB = 25.0  # windows this much quieter than the loudest are not listened to
SILENCE = 1e-8  # power of a window that holds nothing
# Of a hundred windows of noise one is taken for speech more easily than of one: the best must be this much surer, as a
# logit for each doubling. In 60 s of shop noises without speech the best reached 4.1 in the middle, 4.8 in one of ten.
DOUBT = 0.53
NEIGHBOUR = 0.35  # of the best logit: as sure as this, the windows beside it belong to the same name


@torch.inference_mode()
def spoken_part(
    listener: Callable[[Tensor], Heard], log_mel: Callable[[Tensor], Tensor], waveform: Tensor, threshold: float
) -> Tensor:
    """(S,) -> the 1 to 10 s in which a voice is heard most surely, or a second of silence where none is heard.

    `threshold` is the logit from which a single window counts as speech.
    """
    starts = list(range(0, len(waveform) - WINDOW + 1, HOP))
    windows = waveform.unfold(0, WINDOW, HOP)  # (N, 1 s)
    power = windows.square().mean(1)  # (N,)
    heard = power >= max(SILENCE, float(power.max()) / 10 ** (LOUD_DB / 10))
    if not heard.any():
        return torch.zeros(WINDOW)
    logits = torch.full((len(windows),), -math.inf)
    logits[heard] = listener(log_mel(windows[heard])).speech
    best = int(logits.argmax())
    surest = float(logits[best])
    if surest <= threshold + DOUBT * math.log2(int(heard.sum())):
        return torch.zeros(WINDOW)
    first, last = _run(logits >= max(threshold, NEIGHBOUR * surest), best, (LONGEST - WINDOW) // HOP)
    return waveform[starts[first] : starts[last] + WINDOW]


def _run(chosen: Tensor, place: int, most: int) -> tuple[int, int]:
    """The first and the last of the neighbouring places that are chosen, `most` apart at the utmost."""
    first = last = place
    while first > 0 and chosen[first - 1] and last - first < most:
        first -= 1
    while last + 1 < len(chosen) and chosen[last + 1] and last - first < most:
        last += 1
    return first, last


def loudest_part(waveform: Tensor) -> Tensor:
    """(S,) -> the 10 s that hold most power, for encoders that know nothing of speech."""
    if len(waveform) <= LONGEST:
        return waveform
    sums = torch.cat([torch.zeros(1, dtype=torch.float64), waveform.double().square().cumsum(0)])
    first = int((sums[LONGEST:] - sums[:-LONGEST]).argmax())
    return waveform[first : first + LONGEST]
