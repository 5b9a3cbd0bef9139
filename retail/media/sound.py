"""Sound clips of any origin to mono 16 kHz waveforms of a bounded length.

In: the bytes of a file. Out: float32 `(S,)`; else there is a `MediaError`.
"""

from __future__ import annotations

import io
from contextlib import suppress
from fractions import Fraction
from itertools import chain
from typing import NamedTuple

import numpy as np

from retail.media.damage import Unusable, looks_like_html, why_of
from retail.media.files import MediaError
from retail.media.headers import finished
from retail.outside import reading
from retail.outside.limits import MAX_CHANNELS, MAX_CLIP_SECONDS, MAX_NUMBERS_A_SECOND, RATES_HZ

SAMPLE_RATE_HZ = 16_000
MIN_SAMPLES = SAMPLE_RATE_HZ // 10  # shorter clips are padded so that a spectrogram has frames
LONGEST_RATIO = 640  # of sample rates: 11,025 to 16,000 Hz is 441 to 640
CANCELLED = 0.1  # of the channels' mean power: a mean below it holds what they differ in, not what was said
SILENT_POWER = 1e-8  # 80 dB under full scale


class _Clip(NamedTuple):
    """What a decoder gives."""

    mean: np.ndarray  # (S,) float32 of all channels
    channels: np.ndarray  # (S, channels)
    rate_hz: int

    def audible(self) -> np.ndarray:
        """(S,): the mean, or the loudest channel where the channels cancel each other out."""
        if self.channels.shape[1] == 1 or not np.isfinite(self.mean).all():
            return self.mean
        powers = np.square(self.channels).mean(0, dtype=np.float64)  # (channels,)
        kept = np.square(self.mean).mean(dtype=np.float64)
        if kept >= CANCELLED * powers.mean() or powers.mean() < SILENT_POWER:
            return self.mean
        return np.ascontiguousarray(self.channels[:, powers.argmax()])


def decode_sound(name: str, content: bytes) -> tuple[np.ndarray, int]:
    """The first 60 s as finite float32 mono, and their sample rate. Raises MediaError."""
    if looks_like_html(content):
        raise MediaError(f"{name} is not a sound clip but a web page (HTML); download the sound itself.")
    content = finished(content)
    with reading(name, "sound clip", "save it as WAV or MP3", MediaError, why_of(content, "sound")):
        try:
            clip = _read_soundfile(content)
        except Unusable:
            raise
        except Exception as first:
            try:
                clip = _read_pyav(content)
            except Exception as second:
                raise second from first
    if clip.mean.size == 0:
        raise MediaError(f"{name} contains no sound; record it again.")
    mono = clip.audible()
    if not np.isfinite(mono).all():
        raise MediaError(f"{name} contains values that are not finite numbers; save it again as WAV or MP3.")
    return np.clip(mono, -8, 8), clip.rate_hz


def as_waveform(mono: np.ndarray, rate_hz: int) -> np.ndarray:
    """The same at 16 kHz, of at least 0.1 s; it needs torch, so the process that decodes leaves it to others."""
    mono = _resample(mono, rate_hz)[: MAX_CLIP_SECONDS * SAMPLE_RATE_HZ]
    return np.pad(mono, (0, max(0, MIN_SAMPLES - len(mono))))


def unread_seconds(content: bytes) -> float:
    """How much of a clip lies behind the 60 s that are read, as its header says; 0.0 where that cannot be told."""
    content = finished(content)
    for unread in (_soundfile_unread, _pyav_unread):
        with suppress(Exception):  # what cannot be opened is refused elsewhere
            return unread(content)
    return 0.0


def _soundfile_unread(content: bytes) -> float:
    import soundfile

    with soundfile.SoundFile(io.BytesIO(content)) as clip:
        return max(0.0, clip.frames / clip.samplerate - MAX_CLIP_SECONDS)


def _pyav_unread(content: bytes) -> float:
    import av

    with av.open(io.BytesIO(content), mode="r", metadata_errors="ignore") as container:
        return max(0.0, (container.duration or 0) / av.time_base - MAX_CLIP_SECONDS)


def _resample(mono: np.ndarray, rate_hz: int) -> np.ndarray:
    if rate_hz == SAMPLE_RATE_HZ:
        return mono
    import torch
    from torchaudio.functional import resample

    # Its kernel grows with both parts of the ratio: 44,101 Hz took 12 GB. The nearest short ratio sounds the same.
    ratio = Fraction(rate_hz, SAMPLE_RATE_HZ).limit_denominator(LONGEST_RATIO)
    return resample(torch.from_numpy(np.ascontiguousarray(mono)), ratio.numerator, ratio.denominator).numpy()


def _read_soundfile(content: bytes) -> _Clip:
    """Only the first 60 s are read, whatever the header claims."""
    import soundfile

    with soundfile.SoundFile(io.BytesIO(content)) as clip:
        _check_header(clip.samplerate, clip.channels)
        parts, wanted = [], MAX_CLIP_SECONDS * clip.samplerate
        # In blocks of a second: a header may claim terabytes, and libsndfile would ask for them at once.
        while wanted > 0:
            block = clip.read(min(wanted, clip.samplerate), dtype="float32", always_2d=True)
            if len(block) == 0:
                break
            parts.append(block)
            wanted -= len(block)
        samples = np.concatenate(parts) if parts else np.zeros((0, 1), np.float32)
        return _Clip(samples.mean(1, dtype=np.float32), samples, clip.samplerate)


def _read_pyav(content: bytes) -> _Clip:
    """What libsndfile does not know (m4a, webm, wma), through PyAV, resampled to 16 kHz."""
    import av

    parts: list[np.ndarray] = []
    planes: list[np.ndarray] = []  # each (channels, S)
    wanted = MAX_CLIP_SECONDS * SAMPLE_RATE_HZ
    with av.open(io.BytesIO(content), mode="r", metadata_errors="ignore") as container:
        if not container.streams.audio:
            raise Unusable("it has no sound track")
        stream = container.streams.audio[0]
        _check_header(stream.rate or 0, stream.channels or 0)
        mixed = av.AudioResampler(format="flt", layout="mono", rate=SAMPLE_RATE_HZ)
        apart = av.AudioResampler(format="fltp", rate=SAMPLE_RATE_HZ)
        for frame in chain(container.decode(stream), (None,)):
            parts += [piece.to_ndarray()[0] for piece in mixed.resample(frame)]
            if (stream.channels or 0) > 1:
                planes += [piece.to_ndarray() for piece in apart.resample(frame)]
            if sum(map(len, parts)) >= wanted:
                break
    mean = np.concatenate(parts).astype(np.float32) if parts else np.zeros(0, np.float32)
    return _Clip(mean, np.concatenate(planes, 1).T if planes else mean[:, None], SAMPLE_RATE_HZ)


def _check_header(rate_hz: int, channels: int) -> None:
    if not RATES_HZ[0] <= rate_hz <= RATES_HZ[1] or not 1 <= channels <= MAX_CHANNELS:
        raise Unusable(f"its header claims {rate_hz} Hz and {channels} channels")
    if rate_hz * channels > MAX_NUMBERS_A_SECOND:
        raise Unusable(f"it has {channels} channels at {rate_hz} Hz, more than are read")
