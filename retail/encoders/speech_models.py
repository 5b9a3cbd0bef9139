"""A layer of a pretrained speech model of torchaudio as an encoder's backend, pooled over time.

In: mono 16 kHz waveforms. Out: (B, D).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from retail.encoders import long_clips
from retail.encoders.hearing import SPOKEN_WORD
from retail.encoders.log_mel import LOG_MEL
from retail.encoders.weights import TORCH_HUB, hub_access
from retail.inference import Network, Plan
from retail.media import SAMPLE_RATE_HZ
from retail.schema import UserError

SHORTEST_SAMPLES = 1_600  # 0.1 s: shorter clips are padded so that every layer has frames
POOLS = ("mean", "max", "mean-and-spread")


class PipelineLayer:
    """One transformer layer of a torchaudio pipeline (wav2vec 2.0, HuBERT, WavLM ...), pooled over time."""

    def __init__(self, name: str, checkpoint: str) -> None:
        import torchaudio

        pipeline, self._layer, self._pool = _parse(name, checkpoint)
        bundle: Any = getattr(torchaudio.pipelines, pipeline, None)
        if not hasattr(bundle, "get_model"):
            known = ", ".join([f"{SPOKEN_WORD}@bundled", LOG_MEL, "WAV2VEC2_BASE", "HUBERT_BASE", "WAVLM_BASE_PLUS"])
            raise UserError(f"torchaudio has no speech model named {pipeline!r}; try {known}.")
        with hub_access(name, hub=TORCH_HUB):
            self._model: Any = bundle.get_model().eval().requires_grad_(False)
        self._sample_rate_hz = int(bundle.sample_rate)
        self.settings = {"layer": self._layer, "pool": self._pool, "sample_rate_hz": self._sample_rate_hz}
        self.tensors = self._model.state_dict()
        with torch.inference_mode():
            layers = self._model.extract_features(torch.zeros(1, SAMPLE_RATE_HZ))[0]
        if self._layer is not None and not 1 <= self._layer <= len(layers):
            raise UserError(
                f"{pipeline} has layers 1 to {len(layers)}, not {self._layer}; change '#layer=' in {name!r}."
            )
        self.dim = layers[-1].shape[-1] * (2 if self._pool == "mean-and-spread" else 1)

    def networks(self, fingerprint: str) -> tuple[Network, ...]:
        """The layers up to the one that is read."""

        def probes() -> list[tuple[Tensor, ...]]:
            generator = torch.Generator().manual_seed(0)
            lengths = (SAMPLE_RATE_HZ, SHORTEST_SAMPLES, 2 * SAMPLE_RATE_HZ + 77)
            return [(0.1 * torch.randn(1, length, generator=generator),) for length in lengths]

        pooled = PooledLayer(self._model, self._layer, self._pool)
        plan = Plan(("waveforms",), ("embedding",), lambda: pooled, probes, free=(1,))
        self._network = Network(fingerprint, plan)
        return (self._network,)

    def __call__(self, waveforms: Sequence[Tensor]) -> Tensor:
        """B of (S_i,) -> (B, D); one at a time, for padding to a common length would change what the model hears"""
        return torch.cat([self._network(self._resampled(waveform)[None])[0] for waveform in waveforms])

    def part(self, waveform: Tensor) -> Tensor:
        """Where it is loudest."""
        return long_clips.loudest_part(waveform)

    def _resampled(self, waveform: Tensor) -> Tensor:
        if self._sample_rate_hz == SAMPLE_RATE_HZ:
            return waveform
        import torchaudio

        return torchaudio.functional.resample(waveform, SAMPLE_RATE_HZ, self._sample_rate_hz)


class PooledLayer(nn.Module):
    """Waveforms (B, S) of one length -> (B, D), from one layer of a speech model; its last, where `layer` is None."""

    def __init__(self, model: Any, layer: int | None, pool: str) -> None:
        super().__init__()
        self.model, self.layer, self.pool = model, layer, pool

    def forward(self, waveforms: Tensor) -> Tensor:
        frames = self.model.extract_features(waveforms, num_layers=self.layer)[0][-1]  # (B, T, C)
        if self.pool == "max":
            return frames.amax(1)
        mean = frames.mean(1)
        return mean if self.pool == "mean" else torch.cat([mean, frames.std(1, correction=0)], 1)


def _parse(name: str, checkpoint: str) -> tuple[str, int | None, str]:
    """`NAME#layer=9+pool=max` -> name, layer or None for the last, pooling."""
    match = re.fullmatch(rf"(\w+)(?:#(?:layer=(\d{{1,3}}))?\+?(?:pool=({'|'.join(POOLS)}))?)?", checkpoint)
    if match is None:
        raise UserError(
            f"Cannot read the sound encoder {name!r}; write 'torchaudio:NAME' or 'torchaudio:NAME#layer=9+pool=max' "
            f"(pool: {', '.join(POOLS)})."
        )
    return match[1], int(match[2]) if match[2] else None, match[3] or "mean"
