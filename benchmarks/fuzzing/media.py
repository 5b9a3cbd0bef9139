"""Photos and sounds in every format that is read, made small, beside the malformed ones where they lie.

In: nothing. Out: `TARGETS` that decode as the product does, in this process.
"""

from __future__ import annotations

import io
import random
import struct
import zlib
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import numpy as np

from benchmarks.fuzzing.mutation import Mutated
from retail.media import sound
from retail.media.pictures import decode_picture

CORPUS = Path(__file__).parents[3] / "shared" / "datasets" / "malformed_media"
LARGEST_SEED = 2**15
PNG = b"\x89PNG\r\n\x1a\n"
PHOTO_WORDS = (
    *(
        b"\xff\xd8",
        b"\xff\xd9",
        b"\xff\xda",
        b"\xff\xc0",
        b"\xff\xc2",
        b"\xff\xc4",
        b"\xff\xdb",
        b"\xff\xe1",
        b"Exif\0\0",
    ),
    *(b"IHDR", b"IDAT", b"PLTE", b"tRNS", b"iCCP", b"eXIf", b"acTL", b"fdAT", b"RIFF", b"WEBP", b"VP8X", b"VP8L"),
    *(b"GIF89a", b"\x21\xf9\x04", b"BM", b"II*\0", b"MM\0*", b"ftypheic", b"ftypavif", b"meta", b"iloc", b"mdat"),
)
SOUND_WORDS = (
    *(b"RIFF", b"WAVE", b"fmt ", b"data", b"LIST", b"fact", b"OggS", b"OpusHead", b"vorbis", b"fLaC", b"ID3", b"TAG"),
    *(b"\xff\xfb", b"Xing", b"FORM", b"AIFF", b"COMM", b"SSND", b"moov", b"trak", b"mdat", b"stsz", b"\x1aE\xdf\xa3"),
)


def _corpus(*endings: str) -> Iterator[bytes]:
    """The malformed files of these kinds, where they lie beside the project."""
    for path in sorted(CORPUS.rglob("*")):
        if path.suffix.lower() in endings and path.is_file() and 0 < path.stat().st_size <= LARGEST_SEED:
            yield path.read_bytes()


def photos() -> list[bytes]:
    """Small photos of every format and mode."""
    import pillow_heif
    from PIL import Image, ImageCms

    pillow_heif.register_heif_opener()
    noise = np.random.default_rng(0).integers(0, 256, (24, 32, 4), dtype=np.uint8)
    picture = Image.fromarray(noise)
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "a carton"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    made = []

    def add(mode: str, file_format: str, **options: object) -> None:
        stream = io.BytesIO()
        picture.convert("RGB").convert(mode).save(stream, file_format, **options)
        made.append(stream.getvalue())

    for progressive, mode in product((False, True), ("RGB", "L", "CMYK")):
        add(mode, "JPEG", progressive=progressive, exif=exif, icc_profile=profile)
    for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"):
        add(mode, "PNG", icc_profile=profile if mode == "RGB" else None)
    for mode, lossless in (("RGB", False), ("RGBA", True)):
        add(mode, "WEBP", lossless=lossless, exif=exif)
    for mode in ("1", "L", "P", "RGB"):
        add(mode, "BMP")
    for mode, packing in product(
        ("1", "L", "P", "RGB", "CMYK", "F", "I;16"), ("raw", "tiff_lzw", "tiff_adobe_deflate")
    ):
        add(mode, "TIFF", compression=packing)
    add("RGB", "TIFF", compression="jpeg")
    add("1", "TIFF", compression="group4")
    for file_format in ("AVIF", "HEIF"):
        add("RGB", file_format, exif=exif.tobytes())
    for file_format in ("GIF", "PNG", "WEBP", "MPO"):
        add("RGB", file_format, save_all=True, append_images=[picture.convert("RGB").rotate(90, expand=False)] * 2)
    return [
        *made,
        *_corpus(".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif", ".heic", ".mpo"),
    ]


def mended_photo(content: bytes, rng: random.Random) -> bytes:
    """A PNG with right checksums, or a WebP with its right size; anything else as it came."""
    if content.startswith(b"RIFF") and len(content) > 12:
        return content[:4] + struct.pack("<I", len(content) - 8) + content[8:]
    if not content.startswith(PNG):
        return content
    place, parts = len(PNG), [PNG]
    while place + 8 < len(content):
        (size,) = struct.unpack_from(">I", content, place)
        body = content[place + 4 : place + 8 + min(size, len(content))]
        parts.append(struct.pack(">I", max(len(body) - 4, 0)) + body + struct.pack(">I", zlib.crc32(body)))
        place += 12 + size
    return b"".join(parts)


def sounds() -> list[bytes]:
    """Clips of a tenth of a second in every format."""
    import av
    import soundfile

    rng = np.random.default_rng(0)
    clip = rng.uniform(-0.5, 0.5, (1600, 2)).astype("float32")
    sound.as_waveform(clip[:, 0], 8_000)  # brings torch along, which no input is to answer for
    made = []
    for file_format, subtype in (
        *(("WAV", name) for name in ("PCM_16", "PCM_U8", "PCM_24", "FLOAT", "DOUBLE", "ALAW", "MS_ADPCM", "IMA_ADPCM")),
        *(("AIFF", "PCM_16"), ("FLAC", "PCM_16"), ("OGG", "VORBIS"), ("OGG", "OPUS"), ("MP3", "MPEG_LAYER_III")),
        *(("CAF", "ALAC_16"), ("AU", "ULAW"), ("W64", "PCM_16"), ("RF64", "PCM_16")),
    ):
        stream = io.BytesIO()
        soundfile.write(stream, clip, 16_000, format=file_format, subtype=subtype)
        made.append(stream.getvalue())
    for file_format, codec in (("mp4", "aac"), ("webm", "libopus"), ("adts", "aac")):
        stream = io.BytesIO()
        with av.open(stream, "w", format=file_format) as container:
            track = container.add_stream(codec, rate=48_000, layout="mono")
            frame = av.AudioFrame.from_ndarray(clip[:, :1].T.repeat(3, 1).copy(), format="flt", layout="mono")
            frame.sample_rate = 48_000
            sized = av.AudioResampler(format="fltp", layout="mono", rate=48_000, frame_size=track.frame_size or 960)
            for piece in [*sized.resample(frame), *sized.resample(None)]:
                container.mux(track.encode(piece))
            container.mux(track.encode(None))
        made.append(stream.getvalue())
    return [*made, *_corpus(".wav", ".mp3", ".ogg", ".opus", ".flac", ".m4a", ".webm", ".aif", ".aiff", ".wma", ".aac")]


def look(content: bytes) -> None:
    """At a photo."""
    decode_picture("The upload", content)


def hear(content: bytes) -> None:
    """Both looks at a clip: its samples, and how long it says it is."""
    sound.unread_seconds(content)
    samples, rate_hz = sound.decode_sound("The upload", content)
    if len(content) % 8 == 0:  # to find another sample rate takes ten times as long as all else
        sound.as_waveform(samples, rate_hz)


TARGETS = {
    "photos": Mutated(look, photos, PHOTO_WORDS, mended_photo),
    "sounds": Mutated(hear, sounds, SOUND_WORDS),
}
