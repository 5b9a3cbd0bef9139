"""The spoken-word network: log-mel features, a convolutional trunk, attentive pooling, one embedding.

In: mono 16 kHz waveforms. Out: L2-normalised (B, 256), and how surely somebody speaks. The parts are known ones:
depthwise-separable residual blocks (ConvNeXt, Liu et al. 2022, in one dimension) and multi-head attentive pooling
(as in x-vector systems, Okabe et al. 2018). `recipes.spoken_word` trains it.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from pydantic import TypeAdapter
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval

from retail.encoders.weights import filled, load_single, save_half
from retail.files.record import Number
from retail.media import SAMPLE_RATE_HZ
from retail.outside import reading

MEL = {"sample_rate": SAMPLE_RATE_HZ, "n_fft": 512, "win_length": 400, "hop_length": 160, "n_mels": 64}
BAND_HZ = {"f_min": 60.0, "f_max": 7_600.0}
DIM = 256
STEP = 160  # samples, 10 ms
SPARE_STEPS = 10
SPARE = SPARE_STEPS * STEP  # samples
LEAST_FRAMES = 16  # that the network can hear
SHORTEST_SAMPLES = 8_000  # shorter clips are padded with silence
LOUD_DB = 35.0
NEARER = 0.1  # of the way from the background to the loudest moment
FLOOR_LOG = -9.0  # natural log under the loudest frames: quieter bands count as this
LENGTHS = (0.7, 1.12)  # of the copies of a clip that are heard; 1 is its own length

SETTINGS: dict[str, Any] = {**MEL, **BAND_HZ, "loud_db": LOUD_DB, "nearer": NEARER, "floor": FLOOR_LOG}
SETTINGS |= {"spare": SPARE_STEPS, "edges": "silent"}  # what stands for spare moments that a recording lacks
SETTINGS |= {"lengths": LENGTHS}
THRESHOLD = "speech_threshold"  # of the logit, which a weights file brings along
_SETTINGS = TypeAdapter(dict[str, int | Number | tuple[int | Number, ...] | str])


class Heard(NamedTuple):
    """What the network makes of a batch."""

    embedding: Tensor  # (B, 256), unit length
    speech: Tensor  # (B,), logit that somebody speaks
    frames: Tensor  # (B, T, C), one row per 20 ms


class LogMel(nn.Module):
    """Waveforms (B, S) -> (B, 64, T), ten milliseconds a frame, level removed and scaled to about [-1, 1]."""

    def __init__(self) -> None:
        import torchaudio

        super().__init__()
        self.mel = torchaudio.transforms.MelSpectrogram(**MEL, **BAND_HZ)  # type: ignore[arg-type]

    def forward(self, waveforms: Tensor) -> Tensor:
        return level(self.mel(waveforms).clamp(min=1e-10).log())


def level(log_mel: Tensor) -> Tensor:
    """Natural-log mel power (B, 64, T) relative to the clip's loudest frames, floored and scaled."""
    loudness = log_mel.logsumexp(1)  # (B, T)
    loudest = loudness.topk(max(1, loudness.shape[1] // 8), dim=1).values.mean(1)  # (B,)
    relative = log_mel - loudest[:, None, None] + 3.0
    return relative.clamp(min=FLOOR_LOG) / -FLOOR_LOG * 2 + 1


def hear(net: Callable[[Tensor], Heard], features: Tensor) -> tuple[Tensor, Tensor]:
    """Features (B, 64, T) -> embeddings (B, 256) and speech logits (B,): the means over a quicker and a slower copy.

    People speak at other speeds than the pretraining's voices, and what noise hides in one copy another may show.
    """
    copies = [net(with_length(features, length)) for length in LENGTHS]
    embedding = functional.normalize(torch.stack([copy.embedding for copy in copies]).mean(0), dim=1)
    return embedding, torch.stack([copy.speech for copy in copies]).mean(0)


def with_length(features: Tensor, length: float) -> Tensor:
    """(B, 64, T) -> the same said more quickly (`length` below 1) or slowly, (B, 64, `length` * T)"""
    frames = max(LEAST_FRAMES, int(features.shape[2] * length))
    size = (features.shape[1], frames)
    return functional.interpolate(features[:, None], size=size, mode="bilinear", antialias=True)[:, 0]


def features_of(log_mel: LogMel, waveform: Tensor) -> Tensor:
    """One clip (S,) of any length, cut and padded as the network needs it -> (1, 64, T)."""
    waveform = spoken_part(waveform)
    return log_mel(functional.pad(waveform, (0, max(0, SHORTEST_SAMPLES - len(waveform))))[None])


def spoken_part(waveform: Tensor) -> Tensor:
    """(S,) -> the part from the first to the last loud moment, with a tenth of a second to spare on both sides.

    A moment is loud when it is at most 35 dB under the loudest, and a tenth of the way above the background.
    Without the cut a name in seconds of silence would be measured against the silence. Where the recording has less to
    spare, silence stands for it: a name that is cut out tightly would be heard as another one.
    """
    padded = functional.pad(waveform, (SPARE, SPARE))
    steps = len(waveform) // STEP
    if steps < 2 * SPARE_STEPS:
        return padded
    power = waveform[: steps * STEP].view(steps, STEP).square().mean(1)
    power = functional.avg_pool1d(power[None], 5, stride=1, padding=2, count_include_pad=False)[0]
    loudness = 10 * power.clamp(min=1e-10).log10()  # dB
    loudest, background = float(loudness.max()), float(loudness.quantile(0.1))
    threshold = max(loudest - LOUD_DB, background + NEARER * (loudest - background))
    loud = (loudness >= threshold).nonzero()
    return padded[int(loud[0]) * STEP : (int(loud[-1]) + 1) * STEP + 2 * SPARE]


class Block(nn.Module):
    """Depthwise convolution over time, then two pointwise layers; added to its input. (B, T, C) -> the same."""

    def __init__(self, channels: int, kernel: int, expansion: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv1d(channels, channels, kernel, padding=kernel // 2, groups=channels, bias=False)
        self.norm = nn.BatchNorm1d(channels)
        self.expand = nn.Linear(channels, channels * expansion)
        self.project = nn.Linear(channels * expansion, channels, bias=False)
        self.out_norm = nn.BatchNorm1d(channels)
        nn.init.zeros_(self.out_norm.weight)

    def forward(self, x: Tensor) -> Tensor:
        near = self.depthwise(x.transpose(1, 2)).transpose(1, 2)  # (B, T, C)
        hidden = functional.relu(self.expand(_each(self.norm, near)))
        return x + _each(self.out_norm, self.project(hidden))


def _each(norm: nn.Module, x: Tensor) -> Tensor:
    """Batch norm of every frame, (B, T, C) -> the same; pointwise layers are fastest with channels last."""
    return norm(x.flatten(0, 1)).view_as(x)


class AttentivePooling(nn.Module):
    """(B, T, C) -> (B, heads * C): each head is a mean over time with learned weights."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.score = nn.Sequential(nn.Linear(channels, 64), nn.Tanh(), nn.Linear(64, heads))

    def forward(self, x: Tensor) -> Tensor:
        weights = self.score(x).float().softmax(1).to(x.dtype)  # (B, T, heads)
        return torch.einsum("bth,btc->bhc", weights, x).flatten(1)


class SpokenWordNet(nn.Module):
    """Features (B, 64, T) -> `Heard`; T is at least `LEAST_FRAMES`."""

    def __init__(self, channels: int = 256, blocks: int = 6, heads: int = 4) -> None:
        super().__init__()
        self.channels = channels
        self.stem = nn.Sequential(
            nn.Conv2d(1, 16, 5, stride=2, padding=2, bias=False),
            nn.BatchNorm2d(16),
            nn.ReLU(),
            nn.Conv2d(16, 32, 3, stride=(2, 1), padding=1, bias=False),
            nn.BatchNorm2d(32),
            nn.ReLU(),
        )
        self.widen = nn.Linear(32 * MEL["n_mels"] // 4, channels, bias=False)
        self.widen_norm = nn.BatchNorm1d(channels)
        self.blocks = nn.Sequential(*(Block(channels, 7, 2) for _ in range(blocks)))
        self.pool = AttentivePooling(channels, heads)
        self.embed = nn.Linear(channels * heads, DIM, bias=False)
        self.embed_norm = nn.BatchNorm1d(DIM)
        self.speech = nn.Linear(channels * heads, 1)

    def forward(self, features: Tensor) -> Heard:
        x = self.stem(features[:, None]).flatten(1, 2).transpose(1, 2)  # (B, T / 2, 512)
        x = self.blocks(_each(self.widen_norm, self.widen(x)))  # (B, T / 2, C)
        pooled = self.pool(x)
        embedding = functional.normalize(self.embed_norm(self.embed(pooled)).float(), dim=1)
        return Heard(embedding, self.speech(pooled)[:, 0].float(), x)


def folded(net: SpokenWordNet) -> SpokenWordNet:
    """A copy whose batch norms are part of the layers before them: the same numbers in evaluation, with less to do."""
    own = copy.deepcopy(net).eval()
    own.widen, own.widen_norm = _joined(own.widen, own.widen_norm), nn.Identity()  # type: ignore[assignment]
    own.embed, own.embed_norm = _joined(own.embed, own.embed_norm), nn.Identity()  # type: ignore[assignment]
    for block in own.blocks:
        assert isinstance(block, Block)
        block.depthwise = fuse_conv_bn_eval(block.depthwise, block.norm)
        block.project = _joined(block.project, block.out_norm)
        block.norm, block.out_norm = nn.Identity(), nn.Identity()  # type: ignore[assignment]
    return own


def _joined(layer: nn.Linear, norm: nn.BatchNorm1d) -> nn.Linear:
    return fuse_linear_bn_eval(layer, norm)


class Listening(nn.Module):
    """What fine-tuning trains, and the untouched network that says whether somebody speaks.

    That verdict reads the same features as the embedding, so it would drift with them: no training clip is without
    speech. In: batches of features, each (B_i, 64, T_i). Out: (sum of B_i, 256), of which training takes those
    of the clips at their own length, as other lengths are part of the augmentation.
    """

    def __init__(self, net: SpokenWordNet, listener: SpokenWordNet) -> None:
        super().__init__()
        self.net, self.listener = net, listener

    def forward(self, batches: Sequence[Tensor]) -> Tensor:
        if self.training:
            return torch.cat([self.net(features).embedding for features in batches])
        return torch.cat([hear(self.net, features)[0] for features in batches])


def save(net: SpokenWordNet, settings: dict[str, Any], path: Path, listener: SpokenWordNet | None = None) -> None:
    """Writes half-precision weights with the settings beside them; the file appears whole or not at all."""
    metadata = {"settings": json.dumps(settings, sort_keys=True)}
    save_half(net if listener is None else Listening(net, listener), metadata, path)


def load(path: Path) -> tuple[SpokenWordNet, dict[str, Any]]:
    """The network in evaluation mode and single precision, and its settings; raises UserError for another file."""
    pair, settings = load_pair(path)
    return pair.net, settings


def load_pair(path: Path) -> tuple[Listening, dict[str, Any]]:
    """As `load`, with the network that says whether somebody speaks: the same one unless it was fine-tuned."""
    with reading(f"{path.name!r}", "spoken-word encoder", "train one with 'python -m recipes.spoken_word'"):
        tensors, metadata = load_single(path)
        settings = _settings(metadata.get("settings", ""))
        pair = filled(_pair, tensors) if is_pair(tensors) else _listening_alone(tensors)
    return pair.eval().requires_grad_(False), {**SETTINGS, **settings}


def _pair() -> Listening:
    return Listening(SpokenWordNet(), SpokenWordNet())


def _listening_alone(tensors: Mapping[str, Tensor]) -> Listening:
    net = filled(SpokenWordNet, tensors)
    return Listening(net, net)


def _settings(text: str) -> dict[str, Any]:
    """What a weights file says beside its weights; raises ValueError where that is nothing that `save` wrote."""
    found = _SETTINGS.validate_json(text)
    if unknown := set(found) - {*SETTINGS, THRESHOLD}:
        raise ValueError(f"nobody knows its setting {sorted(unknown)[0]!r}")
    if not isinstance(found.get(THRESHOLD), float | int):
        raise ValueError(f"it lacks {THRESHOLD}")
    return found


def is_pair(names: Iterable[str]) -> bool:
    """Whether a weights file holds a fine-tuned network and its listener."""
    return any(name.startswith("listener.") for name in names)
