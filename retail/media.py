"""Untrusted bytes or files to what encoders take: an RGB picture, clean text, a mono 16 kHz waveform.

In: a path, the bytes of a file or an `Upload`. Out: `PIL.Image`, `str` or float32 `(S,)`. Else there is a `MediaError`.
"""

from __future__ import annotations

import hashlib
import io
import re
import unicodedata
import warnings
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from retail.schema import MediaSource, Upload, UserError

if TYPE_CHECKING:
    from PIL import Image

SAMPLE_RATE_HZ = 16_000
MAX_SECONDS = 10  # a product's name is short; what follows is not read
MIN_SAMPLES = SAMPLE_RATE_HZ // 10  # shorter clips are padded so that a spectrogram has frames
MAX_FILE_BYTES = 30 * 2**20
MAX_PIXELS = 50_000_000  # a phone takes 12 to 48 million; a bomb of 160 KB can claim 169
LONGEST_SIDE = 1024  # far above what any encoder looks at
IMAGE_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")  # JPEG includes the phones' MPO
MAX_TEXT_CHARACTERS = 5_000
# What a header may claim before the file is called damaged.
MAX_CHANNELS, RATES_HZ = 16, (1_000, 400_000)
LONGEST_RATIO = 640  # of sample rates: 11,025 to 16,000 Hz is 441 to 640


class MediaError(UserError):
    """A file that cannot be used, in one sentence."""


def content_hash(source: MediaSource | str) -> str:
    """SHA-256 of a file's bytes, wherever they are, or of a text."""
    if isinstance(source, Upload):
        return source.checksum
    if isinstance(source, Path):
        with source.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    if isinstance(source, str):
        source = b"text\0" + source.encode("utf-8", "surrogatepass")
    return hashlib.sha256(source).hexdigest()


def content_of(source: MediaSource) -> bytes:
    """The bytes of a file, or what is kept of an upload's; raises OSError."""
    if isinstance(source, Upload):
        return source.content
    return source if isinstance(source, bytes) else source.read_bytes()


def picture_of(source: MediaSource) -> Image.Image:
    """What `decode_image` gives; an upload was decoded when it came. Raises MediaError."""
    return source.decoded if isinstance(source, Upload) else decode_image(source)


def waveform_of(source: MediaSource) -> np.ndarray:
    """What `decode_audio` gives; an upload was decoded when it came. Raises MediaError."""
    return source.decoded if isinstance(source, Upload) else decode_audio(source)


def decode_image(source: Path | bytes) -> Image.Image:
    """An upright RGB picture of at most 1024 px a side; transparent parts become white. Raises MediaError."""
    from PIL import Image, ImageOps

    name, content = _read(source, "a photo (JPEG, PNG or WEBP)")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            Image.init()  # else formats beyond the most common are unknown
            picture = Image.open(io.BytesIO(content), formats=IMAGE_FORMATS)
            width, height = picture.size
            if width * height > MAX_PIXELS:
                megapixels = width * height / 1e6
                raise MediaError(
                    f"{name} has {megapixels:.0f} megapixels, but at most {MAX_PIXELS // 10**6} are allowed; "
                    "make it smaller."
                )
            picture.draft("RGB", (LONGEST_SIDE, LONGEST_SIDE))
            picture.load()
            upright = ImageOps.exif_transpose(picture)
            upright.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.BICUBIC)
            return _on_white(upright)
    except MediaError:
        raise
    except Exception as error:  # Pillow raises whatever its parsers do: OSError, ValueError, SyntaxError, struct.error
        raise MediaError(f"{name} is not a usable photo: {_reason(content, error)}; save it again as JPEG.") from None


def _on_white(picture: Image.Image) -> Image.Image:
    from PIL import Image

    if picture.mode in ("I", "I;16", "I;16B", "I;16L", "F"):
        values = np.asarray(picture, dtype=np.float32)
        span = float(values.max() - values.min()) or 1.0
        picture = Image.fromarray((255 * (values - values.min()) / span).astype(np.uint8))
    if "A" in picture.getbands() or "transparency" in picture.info:
        layer = picture.convert("RGBA")
        white = Image.new("RGBA", layer.size, "white")
        return Image.alpha_composite(white, layer).convert("RGB")
    return picture.convert("RGB")


def small_copy(picture: Image.Image, box: tuple[int, int]) -> bytes:
    """A JPEG of a picture that fits into (width, height) px; none is made larger."""
    small = picture.copy()
    small.thumbnail(box)
    stream = io.BytesIO()
    small.save(stream, "JPEG", quality=80)
    return stream.getvalue()


def decode_audio(source: Path | bytes) -> np.ndarray:
    """The first 10 s as float32 mono at 16 kHz, finite, at least 0.1 s long. Raises MediaError."""
    name, content = _read(source, "a sound clip (wav, mp3, ogg, flac, opus, m4a or webm)")
    if _looks_like_html(content):
        raise MediaError(f"{name} is not a sound clip but a web page (HTML); download the sound itself.")
    try:
        samples, rate_hz = _read_soundfile(content)
    except Exception as first:
        try:
            samples, rate_hz = _read_pyav(content)
        except Exception:
            raise MediaError(
                f"{name} is not a usable sound clip: {_reason(content, first)}; save it as WAV or MP3."
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


def clean_text(text: str) -> str:
    """Composed characters, no control characters, single spaces, at most 5,000 characters.

    What only says how to lay a text out, such as a soft hyphen within a word, leaves no gap.
    """
    composed = unicodedata.normalize("NFC", text[: 2 * MAX_TEXT_CHARACTERS])
    kinds = map(unicodedata.category, composed)
    visible = "".join(
        " " if kind.startswith("C") else char for char, kind in zip(composed, kinds, strict=True) if kind != "Cf"
    )
    return re.sub(r"\s+", " ", visible).strip()[:MAX_TEXT_CHARACTERS]


def _read(source: Path | bytes, expected: str) -> tuple[str, bytes]:
    if isinstance(source, bytes):
        name, content = "The upload", source[: MAX_FILE_BYTES + 1]
    else:
        name = repr(Path(source).name)
        try:
            with Path(source).open("rb") as file:
                content = file.read(MAX_FILE_BYTES + 1)
        except OSError as error:
            raise MediaError(f"{name} cannot be read ({error.strerror}); give {expected} that exists.") from None
    if not content:
        raise MediaError(f"{name} is empty; give {expected}.")
    if len(content) > MAX_FILE_BYTES:
        raise MediaError(f"{name} is larger than {MAX_FILE_BYTES // 2**20} MB; make it smaller.")
    return name, content


def _looks_like_html(content: bytes) -> bool:
    start = content[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return start.startswith((b"<!doctype html", b"<html", b"<head", b"<script", b"<body"))


def _reason(content: bytes, error: Any) -> str:
    if _looks_like_html(content):
        return "it is a web page (HTML)"
    text = " ".join(str(error).split())
    if "truncated" in text:
        return "the file is cut off"
    if "cannot identify" in text or "Format not recognised" in text or not text:
        return "its format is not known"
    return re.sub(r"<_io\.BytesIO[^>]*>", "the file", text)[:120].rstrip(".;")
