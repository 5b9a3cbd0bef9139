"""What can be said of a photo or a sound clip without understanding it: file properties and a fingerprint.

In: products. Out: `MediaFacts` of the first photo and of the clip; what cannot be read is left empty, `check` names it.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
import soundfile
from PIL import Image

from retail.media import SAMPLE_RATE_HZ, MediaError, content_of, picture_of, waveform_of
from retail.schema import MediaSource, Product

READERS = 2  # threads that open files
THUMBNAIL = 16  # pixels a side: what two copies share whatever their resolution
WINDOW, HOP = 512, 256  # samples at 16 kHz
BANDS, STEPS = 16, 32  # of a clip's fingerprint, whatever its length


@dataclass(frozen=True)
class MediaFacts:
    """`technical` properties say nothing about a product; `measured` ones may (bytes, seconds)."""

    photo_technical: tuple[float, ...] = ()  # width, height, format, mode
    photo_measured: tuple[float, ...] = ()  # bytes
    sound_technical: tuple[float, ...] = ()  # rate, channels, format, coding
    sound_measured: tuple[float, ...] = ()  # bytes, seconds
    thumbnails: list[np.ndarray] = field(default_factory=list)  # of every photo, (768,) in [0, 1]
    fingerprint: np.ndarray | None = None  # (512,) of unit length
    seconds: float = 0.0
    sound_hash: str = ""


def facts_of(products: Sequence[Product]) -> list[MediaFacts]:
    """One `MediaFacts` a product, in order."""
    with ThreadPoolExecutor(READERS) as pool:
        return list(pool.map(_facts, products))


def _facts(product: Product) -> MediaFacts:
    photo = _photo_properties(product.images[0]) if product.images else ((), ())
    sound: tuple[tuple[float, ...], tuple[float, ...]] = ((), ())
    fingerprint, seconds, sound_hash = None, 0.0, ""
    if product.audio is not None:
        sound = _sound_properties(product.audio)
        sound_hash = hashlib.sha256(_bytes(product.audio)).hexdigest()
        try:
            clip = waveform_of(product.audio)
            fingerprint, seconds = sound_fingerprint(clip), len(clip) / SAMPLE_RATE_HZ
        except MediaError:
            pass
    thumbnails = [found for source in product.images if (found := _thumbnail(source)) is not None]
    return MediaFacts(*photo, *sound, thumbnails, fingerprint, seconds, sound_hash)


def _bytes(source: MediaSource) -> bytes:
    try:
        return content_of(source)
    except OSError:
        return b""


def _number(word: object) -> float:
    """A stable number for a word, so that trees can split on it."""
    return float(int(hashlib.sha256(str(word).encode()).hexdigest()[:6], 16))


def _photo_properties(source: MediaSource) -> tuple[tuple[float, ...], tuple[float, ...]]:
    content = _bytes(source)
    try:
        with Image.open(io.BytesIO(content)) as picture:
            width, height = picture.size
            technical = (float(width), float(height), _number(picture.format), _number(picture.mode))
    except Exception:  # Pillow raises whatever its parsers do
        return (), ()
    return technical, (float(len(content)),)


def _sound_properties(source: MediaSource) -> tuple[tuple[float, ...], tuple[float, ...]]:
    content = _bytes(source)
    try:
        info = soundfile.info(io.BytesIO(content))
    except Exception:  # libsndfile does not know every format
        return (), ()
    technical = (float(info.samplerate), float(info.channels), _number(info.format), _number(info.subtype))
    return technical, (float(len(content)), float(info.duration))


def _thumbnail(source: MediaSource) -> np.ndarray | None:
    try:
        picture = picture_of(source).resize((THUMBNAIL, THUMBNAIL), Image.Resampling.BOX)
    except MediaError:
        return None
    return np.asarray(picture, dtype=np.float32).reshape(-1) / 255


def mirrored(thumbnails: np.ndarray) -> np.ndarray:
    """(N, 768) -> (N, 768), left and right swapped."""
    return thumbnails.reshape(-1, THUMBNAIL, THUMBNAIL, 3)[:, :, ::-1].reshape(len(thumbnails), -1)


def sound_fingerprint(clip: np.ndarray) -> np.ndarray:
    """(S,) -> (512,) of unit length: log power in 16 bands at 32 moments, without the overall level.

    Louder, shorter in bytes or encoded again, a clip keeps it; another utterance of the same words does not.
    """
    padded = np.pad(clip.astype(np.float64), (0, max(0, WINDOW - len(clip))))
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP] * np.hanning(WINDOW)
    power = np.abs(np.fft.rfft(frames, axis=1)) ** 2  # (T, 257)
    edges = np.geomspace(3, WINDOW // 2, BANDS + 1).astype(int)
    bands = np.stack([power[:, low : high + 1].sum(1) for low, high in zip(edges[:-1], edges[1:], strict=True)], 1)
    loudness = np.log(bands + 1e-6 * bands.max() + 1e-12)  # (T, 16)
    moments = np.linspace(0, len(loudness) - 1, STEPS)
    steps = [np.interp(moments, np.arange(len(loudness)), band) for band in loudness.T]
    vector = np.stack(steps, 1).reshape(-1)
    vector = vector - vector.mean()
    return vector / max(float(np.linalg.norm(vector)), 1e-9)
