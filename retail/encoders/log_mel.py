"""Statistics of the log-mel spectrogram as an encoder's backend: sound without learned weights.

In: mono 16 kHz waveforms. Out: (B, D).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from retail.encoders import long_clips
from retail.inference import Network
from retail.media import SAMPLE_RATE_HZ

LOG_MEL = "log-mel-statistics"
MEL = {"sample_rate": SAMPLE_RATE_HZ, "n_fft": 512, "win_length": 400, "hop_length": 160, "n_mels": 64}
SEGMENTS = 8  # equal parts of a clip whose means keep the order of sounds; 8 beat 4 on voices held out of train
TRIM_LOG = 7.0  # frames this far (natural log, 30 dB) below the loudest count as silence at the ends
FLOOR = 1e-6  # power below which a band counts as empty


class LogMelStatistics:
    """Per mel band: mean, spread and spread of the change over time, and the means of four parts of the clip.

    Fixed arithmetic without learned weights. Silence at the ends is cut and the clip's level subtracted, so
    loudness and pauses do not count.
    """

    dim = MEL["n_mels"] * (3 + SEGMENTS)

    def __init__(self) -> None:
        import torchaudio

        self._mel = torchaudio.transforms.MelSpectrogram(**MEL)  # type: ignore[arg-type]
        self.settings = {**MEL, "segments": SEGMENTS, "trim": TRIM_LOG, "floor": FLOOR}
        # Its filters follow from the settings; their last bits differ between processors.
        self.tensors: dict[str, Tensor] = {}

    def networks(self, fingerprint: str) -> tuple[Network, ...]:
        """None."""
        return ()

    def __call__(self, waveforms: Sequence[Tensor]) -> Tensor:
        """B of (S_i,) -> (B, D)"""
        return torch.stack([self._statistics(waveform) for waveform in waveforms])

    def _statistics(self, waveform: Tensor) -> Tensor:
        frames = (self._mel(waveform) + FLOOR).log()  # (bands, T)
        frames = _trim_silence(frames)
        mean = frames.mean(1)
        centred = frames - frames.mean()
        parts = torch.nn.functional.adaptive_avg_pool1d(centred[None], SEGMENTS)[0]  # (bands, segments)
        change = frames.diff(dim=1).std(1) if frames.shape[1] > 2 else torch.zeros_like(mean)
        spread = frames.std(1) if frames.shape[1] > 1 else torch.zeros_like(mean)
        return torch.cat([mean - frames.mean(), spread, change, parts.flatten()])

    def part(self, waveform: Tensor) -> Tensor:
        """Where it is loudest."""
        return long_clips.loudest_part(waveform)


def _trim_silence(frames: Tensor) -> Tensor:
    """Drops the quiet frames before the first and after the last loud one; keeps at least one per segment."""
    energy = frames.logsumexp(0)  # (T,)
    loud = (energy > energy.max() - TRIM_LOG).nonzero().flatten()
    first, last = int(loud[0]), int(loud[-1]) + 1
    return frames[:, first:last] if last - first >= SEGMENTS else frames
