"""Sound clips of any origin to mono 16 kHz waveforms of a bounded length.

In: a path, the bytes of a file or an `Upload`. Out: float32 `(S,)`; else there is a `MediaError`.
"""

from __future__ import annotations

import io
from fractions import Fraction
from pathlib import Path

import numpy as np

from retail.media.files import MediaError, looks_like_html, read_limited, reason
from retail.schema import MediaSource, Upload

SAMPLE_RATE_HZ = 16_000
MAX_SECONDS = 10  # a product's name is short; what follows is not read
MIN_SAMPLES = SAMPLE_RATE_HZ // 10  # shorter clips are padded so that a spectrogram has frames
# What a header may claim before the file is called damaged.
MAX_CHANNELS, RATES_HZ = 16, (1_000, 400_000)
LONGEST_RATIO = 640  # of sample rates: 11,025 to 16,000 Hz is 441 to 640


def waveform_of(source: MediaSource) -> np.ndarray:
    """What `decode_audio` gives; an upload was decoded when it came. Raises MediaError."""
    return source.decoded if isinstance(source, Upload) else decode_audio(source)


def decode_audio(source: Path | bytes) -> np.ndarray:
    """The first 10 s as float32 mono at 16 kHz, finite, at least 0.1 s long. Raises MediaError."""
    name, content = read_limited(source, "a sound clip (wav, mp3, ogg, flac, opus, m4a or webm)")
    if looks_like_html(content):
        raise MediaError(f"{name} is not a sound clip but a web page (HTML); download the sound itself.")
    try:
        samples, rate_hz = _read_soundfile(content)
    except Exception as first:
        try:
            samples, rate_hz = _read_pyav(content)
        except Exception:
            raise MediaError(
                f"{name} is not a usable sound clip: {reason(content, first)}; save it as WAV or MP3."
            ) from None
    if samples.size == 0:
        raise MediaError(f"{name} contains no sound; record it again.")
    mono = samples.mean(1, dtype=np.float32)  # (S,)
    if not np.isfinite(mono).all():
        raise MediaError(f"{name} contains values that are not finite numbers; save it again as WAV or MP3.")
    mono = _resample(np.clip(mono, -8, 8), rate_hz)[: MAX_SECONDS * SAMPLE_RATE_HZ]
    return np.pad(mono, (0, max(0, MIN_SAMPLES - len(mono))))


def _resample(mono: np.ndarray, rate_hz: int) -> np.ndarray:
    if rate_hz == SAMPLE_RATE_HZ:
        return mono
    import torch
    from torchaudio.functional import resample

    # Its kernel grows with both parts of the ratio: 44,101 Hz took 12 GB. The nearest short ratio sounds the same.
    ratio = Fraction(rate_hz, SAMPLE_RATE_HZ).limit_denominator(LONGEST_RATIO)
    return resample(torch.from_numpy(np.ascontiguousarray(mono)), ratio.numerator, ratio.denominator).numpy()


def _read_soundfile(content: bytes) -> tuple[np.ndarray, int]:
    """(S, channels) float32 and its rate; only the first 10 s are read, whatever the header claims."""
    import soundfile

    with soundfile.SoundFile(io.BytesIO(content)) as clip:
        _check_header(clip.samplerate, clip.channels)
        parts, wanted = [], MAX_SECONDS * clip.samplerate
        # In blocks of a second: a header may claim terabytes, and libsndfile would ask for them at once.
        while wanted > 0:
            block = clip.read(min(wanted, clip.samplerate), dtype="float32", always_2d=True)
            if len(block) == 0:
                break
            parts.append(block)
            wanted -= len(block)
        return (np.concatenate(parts) if parts else np.zeros((0, 1), np.float32)), clip.samplerate


def _read_pyav(content: bytes) -> tuple[np.ndarray, int]:
    """What libsndfile does not know (m4a, webm, wma), through PyAV, resampled to 16 kHz mono."""
    import av

    parts, wanted = [], MAX_SECONDS * SAMPLE_RATE_HZ
    with av.open(io.BytesIO(content), mode="r", metadata_errors="ignore") as container:
        if not container.streams.audio:
            raise ValueError("it has no sound track")
        stream = container.streams.audio[0]
        _check_header(stream.rate or 0, stream.channels or 0)
        resampler = av.AudioResampler(format="flt", layout="mono", rate=SAMPLE_RATE_HZ)
        for frame in container.decode(stream):
            parts += [piece.to_ndarray()[0] for piece in resampler.resample(frame)]
            if sum(map(len, parts)) >= wanted:
                break
        parts += [piece.to_ndarray()[0] for piece in resampler.resample(None)]
    samples = np.concatenate(parts) if parts else np.zeros(0, np.float32)
    return samples.astype(np.float32)[:, None], SAMPLE_RATE_HZ


def _check_header(rate_hz: int, channels: int) -> None:
    if not RATES_HZ[0] <= rate_hz <= RATES_HZ[1] or not 1 <= channels <= MAX_CHANNELS:
        raise ValueError(f"its header claims {rate_hz} Hz and {channels} channels")
