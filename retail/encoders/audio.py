"""Sound clips through torchaudio: spoken words, pretrained speech models, or statistics of the log-mel spectrogram.

In: mono 16 kHz float32 waveforms. Out: (B, D). Of a clip beyond 10 s the spoken or the loudest part counts.
Names: `torchaudio:spoken-word@bundled`, `torchaudio:spoken-word@FILE` (your own pretraining or fine-tuning),
`torchaudio:log-mel-statistics` (no weights), `torchaudio:WAVLM_BASE_PLUS#layer=9+pool=max`.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from retail.encoders import fingerprint_of, long_clips, spoken_word
from retail.encoders.hearing import SPOKEN_WORD, SpokenWord
from retail.encoders.log_mel import LOG_MEL, LogMelStatistics
from retail.encoders.speech_models import SHORTEST_SAMPLES, PipelineLayer
from retail.encoders.tunable import TunableEncoder, layer_depths
from retail.encoders.weights import split_source
from retail.inference import Network
from retail.schema import UserError

NO_SPEECH = (
    "no speech was heard in the sound clip, so it does not count; only spoken names are supported, so say the name "
    "close to the microphone."
)


class Backend(Protocol):
    """What turns waveforms into embeddings."""

    dim: int
    settings: dict[str, Any]
    tensors: dict[str, Tensor]

    def networks(self, fingerprint: str) -> tuple[Network, ...]:
        """Those that it runs from then on, under this fingerprint."""

    def __call__(self, waveforms: Sequence[Tensor]) -> Tensor:
        """B of (S_i,) -> (B, D), each as if it were alone"""

    def part(self, waveform: Tensor) -> Tensor:
        """(S,), longer than 10 s -> what of it is heard"""


class TorchaudioEncoder(TunableEncoder):
    """The bundled spoken-word network, a pretrained pipeline's layer pooled over time, or log-mel statistics."""

    prefix = "torchaudio"
    modality = "audio"
    version = 1

    def __init__(self, checkpoint: str) -> None:
        self.name = f"torchaudio:{checkpoint}"
        self.backend = _backend(self.name, checkpoint)
        self.dim = self.backend.dim
        if isinstance(self.backend, SpokenWord):
            self.absent_note = NO_SPEECH
        self._fingerprint = fingerprint_of(type(self), self.backend.settings, self.backend.tensors)
        self.networks = self.backend.networks(self._fingerprint)

    def _length(self, item: np.ndarray) -> int:
        return len(item)

    def prepare(self, item: np.ndarray) -> np.ndarray:
        """Of a clip beyond 10 s the part that is heard; all others as they are."""
        if len(item) <= long_clips.LONGEST:
            return item
        return self.backend.part(torch.from_numpy(np.array(item, dtype=np.float32))).numpy()

    def _embed(self, items: list[np.ndarray]) -> Tensor:
        return self.backend([_waveform(item) for item in items])  # (B, D)

    @property
    def _spoken_word(self) -> SpokenWord:
        if not isinstance(self.backend, SpokenWord):
            raise UserError(
                f"Only 'torchaudio:spoken-word' can be fine-tuned, not {self.name!r}; name it, or tune less."
            )
        return self.backend

    def inputs(self, items: list[np.ndarray]) -> list[Tensor]:
        """B clips -> B of (1, 64, T), each cut as at prediction"""
        return [self._spoken_word.features(_waveform(item)) for item in items]

    def new_model(self) -> nn.Module:
        """Batches of features -> (B, 256)"""
        pair = self._spoken_word.pair
        return spoken_word.Listening(copy.deepcopy(pair.net), copy.deepcopy(pair.listener))

    def blank_model(self) -> nn.Module:
        """New random weights for the embedding; the verdict whether somebody speaks stays."""
        return spoken_word.Listening(spoken_word.SpokenWordNet(), copy.deepcopy(self._spoken_word.pair.listener))

    def depths(self, model: nn.Module) -> dict[str, int]:
        """Of what makes the embedding; the verdict whether somebody speaks does not learn."""
        names = (name for name, _ in model.named_parameters() if name.startswith("net."))
        return layer_depths(name for name in names if not name.startswith("net.speech."))

    def save(self, model: nn.Module, path: Path) -> None:
        """Keeps the network and its listener in one file."""
        assert isinstance(model, spoken_word.Listening)
        spoken_word.save(model.net, self._spoken_word.settings, path, model.listener)

    @property
    def finetuned(self) -> Path | None:
        """The weights file, if `save` wrote it."""
        spoken = isinstance(self.backend, SpokenWord) and spoken_word.is_pair(self.backend.tensors)
        return Path(split_source(self.name)[1]) if spoken else None

    def name_with(self, path: Path) -> str:
        """The same network with other weights."""
        return f"torchaudio:{SPOKEN_WORD}@{path}"


def _backend(name: str, checkpoint: str) -> Backend:
    if checkpoint == LOG_MEL:
        return LogMelStatistics()
    base, source = split_source(checkpoint)
    if base == SPOKEN_WORD:
        return SpokenWord(name, source)
    return PipelineLayer(name, checkpoint)


def _waveform(item: Any) -> Tensor:
    waveform = torch.from_numpy(np.array(item, dtype=np.float32))  # (S,)
    return torch.nn.functional.pad(waveform, (0, max(0, SHORTEST_SAMPLES - len(waveform))))
