"""The spoken-word network as an encoder's backend: which words were said, and whether any were.

In: mono 16 kHz waveforms. Out: (B, 256), of unit length; zeros for a clip in which nobody speaks.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor, nn

from retail.encoders import long_clips, spoken_word
from retail.encoders.weights import check_sha256
from retail.files import DATA_DIR
from retail.inference import Network, Plan
from retail.schema import UserError

SPOKEN_WORD = "spoken-word"
BUNDLED_FILE = DATA_DIR / "spoken_word" / "encoder.safetensors"
BUNDLED_SHA256 = "bf5d597e9a19ff25c50b6d791a811cf7422a712362ba21779cf1382790d204c3"
SILENCE = 1e-4  # a clip whose peak is 80 dB under full scale holds nothing


class SpokenWord:
    """The network that `recipes.spoken_word` trains: the same word from any voice lies at the same place.

    A clip in which nobody speaks gets zeros.
    """

    dim = spoken_word.DIM

    def __init__(self, name: str, source: str) -> None:
        path = BUNDLED_FILE if source == "bundled" else Path(source)
        if not path.is_file():
            raise UserError(
                f"The weights file '{path}' of {name!r} does not exist; write 'torchaudio:spoken-word@FILE'."
            )
        if source == "bundled":
            check_sha256(path, BUNDLED_SHA256)
        self.pair, self.settings = spoken_word.load_pair(path)
        tuned = self.pair.net is not self.pair.listener
        self.tensors = (self.pair if tuned else self.pair.net).state_dict()

    def networks(self, fingerprint: str) -> tuple[Network, ...]:
        """The one that embeds, and the one that says whether somebody speaks, where that is another."""
        self._net = Ears(Network(fingerprint, _plan(self.pair.net)))
        self._listener = self._net
        if self.pair.net is not self.pair.listener:
            self._listener = Ears(Network(f"{fingerprint}-listener", _plan(self.pair.listener)))
        return tuple(ears.network for ears in dict.fromkeys((self._net, self._listener)))

    def __call__(self, waveforms: Sequence[Tensor]) -> Tensor:
        """B of (S_i,) -> (B, 256), unit length or zeros; clips of one length go through the network together"""
        embeddings = torch.zeros(len(waveforms), self.dim)
        places: dict[int, list[int]] = {}
        features: dict[int, Tensor] = {}
        for place, waveform in enumerate(waveforms):
            if waveform.abs().max() >= SILENCE:
                features[place] = self.features(waveform)
                places.setdefault(features[place].shape[2], []).append(place)
        for own in places.values():
            embeddings[own] = self._heard(torch.cat([features[place] for place in own]))
        return embeddings

    def _heard(self, features: Tensor) -> Tensor:
        """(B, 64, T) -> (B, 256)"""
        embedding, speech = spoken_word.hear(self._net, features)
        if self._listener is not self._net:
            _, speech = spoken_word.hear(self._listener, features)
        return embedding * (speech > self.settings["speech_threshold"])[:, None]

    def part(self, waveform: Tensor) -> Tensor:
        """Where somebody speaks."""
        return long_clips.spoken_part(self._listener, self._log_mel, waveform, self.settings["speech_threshold"])

    def features(self, waveform: Tensor) -> Tensor:
        """(S,) -> (1, 64, T)"""
        return spoken_word.features_of(self._log_mel, waveform)

    @cached_property
    def _log_mel(self) -> spoken_word.LogMel:
        return spoken_word.LogMel()


class Ears:
    """A spoken-word network that hears features (B, 64, T) in whatever runs it."""

    def __init__(self, network: Network) -> None:
        self.network = network

    def __call__(self, features: Tensor) -> spoken_word.Heard:
        embedding, speech = self.network(features)
        return spoken_word.Heard(embedding, speech, embedding.new_empty(0))


class _Hearing(nn.Module):
    def __init__(self, net: spoken_word.SpokenWordNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        heard = self.net(features)
        return heard.embedding, heard.speech


def _plan(net: spoken_word.SpokenWordNet) -> Plan:
    def probes() -> list[tuple[Tensor, ...]]:
        generator = torch.Generator().manual_seed(0)
        shapes = ((2, 80), (1, spoken_word.LEAST_FRAMES), (3, 123))
        return [
            (torch.rand(count, spoken_word.MEL["n_mels"], frames, generator=generator) * 2 - 1,)
            for count, frames in shapes
        ]

    return Plan(
        inputs=("features",),
        outputs=("embedding", "speech"),
        module=lambda: _Hearing(net),
        drawn=lambda: _Hearing(spoken_word.folded(net)),
        probes=probes,
        free=(2,),
    )
