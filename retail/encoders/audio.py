"""Sound clips through torchaudio: spoken words, pretrained speech models, or statistics of the log-mel spectrogram.

In: mono 16 kHz float32 waveforms. Out: (B, D). Of a clip beyond 10 s the spoken or the loudest part counts.
Names: `torchaudio:spoken-word@bundled`, `torchaudio:spoken-word@FILE` (your own pretraining or fine-tuning),
`torchaudio:log-mel-statistics` (no weights), `torchaudio:WAVLM_BASE_PLUS#layer=9+pool=max`.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from retail.encoders import fingerprint_of, long_clips, spoken_word
from retail.encoders.tunable import TunableEncoder, layer_depths
from retail.encoders.weights import TORCH_HUB, check_sha256, hub_access, split_source
from retail.files import DATA_DIR
from retail.inference import Network, Plan
from retail.media import SAMPLE_RATE_HZ
from retail.schema import UserError

LOG_MEL = "log-mel-statistics"
SPOKEN_WORD = "spoken-word"
BUNDLED_FILE = DATA_DIR / "spoken_word" / "encoder.safetensors"
BUNDLED_SHA256 = "bf5d597e9a19ff25c50b6d791a811cf7422a712362ba21779cf1382790d204c3"

MEL = {"sample_rate": SAMPLE_RATE_HZ, "n_fft": 512, "win_length": 400, "hop_length": 160, "n_mels": 64}
SEGMENTS = 8  # equal parts of a clip whose means keep the order of sounds; 8 beat 4 on voices held out of train
TRIM_LOG = 7.0  # frames this far (natural log, 30 dB) below the loudest count as silence at the ends
FLOOR = 1e-6  # power below which a band counts as empty
SHORTEST_SAMPLES = 1_600  # 0.1 s: shorter clips are padded so that every layer has frames
SILENCE = 1e-4  # a clip whose peak is 80 dB under full scale holds nothing
NO_SPEECH = (
    "no speech was heard in the sound clip, so it does not count; only spoken names are supported, so say the name "
    "close to the microphone."
)
POOLS = ("mean", "max", "mean-and-spread")


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
        return [(torch.rand(count, MEL["n_mels"], frames, generator=generator) * 2 - 1,) for count, frames in shapes]

    return Plan(
        inputs=("features",),
        outputs=("embedding", "speech"),
        module=lambda: _Hearing(net),
        drawn=lambda: _Hearing(spoken_word.folded(net)),
        probes=probes,
        free=(2,),
    )


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


def _waveform(item: Any) -> Tensor:
    waveform = torch.from_numpy(np.array(item, dtype=np.float32))  # (S,)
    return torch.nn.functional.pad(waveform, (0, max(0, SHORTEST_SAMPLES - len(waveform))))


def _trim_silence(frames: Tensor) -> Tensor:
    """Drops the quiet frames before the first and after the last loud one; keeps at least one per segment."""
    energy = frames.logsumexp(0)  # (T,)
    loud = (energy > energy.max() - TRIM_LOG).nonzero().flatten()
    first, last = int(loud[0]), int(loud[-1]) + 1
    return frames[:, first:last] if last - first >= SEGMENTS else frames
