"""Untrusted media: usable files decode, every other one is refused in one sentence."""

from __future__ import annotations

import io
import math
import struct
import time
import zlib
from pathlib import Path

import av
import numpy as np
import pillow_heif
import pytest
import soundfile
from PIL import Image
from torchaudio import functional

from retail.files import DEMO_DIR
from retail.media import SAMPLE_RATE_HZ, MediaError, clean_text, decode_audio, decode_image
from retail.outside.limits import MAX_FILE_BYTES
from retail.schema import Product

CORPUS = Path(__file__).parents[2] / "shared" / "datasets" / "malformed_media"
HTML = b"<!DOCTYPE html><html><body>not found</body></html>"


def picture(file_format: str = "JPEG", mode: str = "RGB", size=(64, 48), **options) -> bytes:
    stream = io.BytesIO()
    Image.new(mode, size, options.pop("color", 0)).save(stream, file_format, **options)
    return stream.getvalue()


def sound(samples, rate_hz: int = SAMPLE_RATE_HZ, file_format: str = "WAV", **options) -> bytes:
    stream = io.BytesIO()
    soundfile.write(stream, samples, rate_hz, format=file_format, **options)
    return stream.getvalue()


def tone(seconds: float, rate_hz: int = SAMPLE_RATE_HZ) -> np.ndarray:
    return (0.3 * np.sin(2 * np.pi * 440 * np.arange(int(seconds * rate_hz)) / rate_hz)).astype("float32")


def huge_png() -> bytes:
    """A PNG whose header claims 10,000 × 10,000 pixels."""
    body = b"IHDR" + struct.pack(">IIBBBBB", 10_000, 10_000, 8, 2, 0, 0, 0)
    data = b"IDAT" + zlib.compress(b"\0" * 1000)
    chunks = [struct.pack(">I", len(c) - 4) + c + struct.pack(">I", zlib.crc32(c)) for c in (body, data, b"IEND")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (picture(size=(400, 400))[:-200], "cut off"),
        (huge_png(), r"has 100\.0 megapixels, but at most 64\.0 are allowed"),
        (HTML, r"web page \(HTML\)"),
        (b"", "is empty"),
        (b"nonsense", "format is not known"),
        (b"\0" * (MAX_FILE_BYTES + 1), "larger than 100 MB"),
    ],
)
def test_what_is_no_photo_gets_one_sentence(content, reason):
    with pytest.raises(MediaError, match=reason) as caught:
        decode_image(content)
    assert str(caught.value).endswith(".") and "\n" not in str(caught.value)


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "HEIF"])
def test_common_formats_decode_to_rgb(file_format):
    pillow_heif.register_heif_opener()  # to write one
    decoded = decode_image(picture(file_format))
    assert (decoded.mode, decoded.size) == ("RGB", (64, 48))


def test_transparent_parts_become_white_and_exif_turns_the_picture():
    assert decode_image(picture("PNG", "RGBA", color=(0, 0, 0, 0))).getpixel((0, 0)) == (255, 255, 255)
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    assert decode_image(picture(exif=exif)).size == (48, 64)
    assert max(decode_image(picture(size=(3000, 1500))).size) <= 1024
    assert decode_image(picture("PNG", "I;16")).mode == "RGB"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (HTML, "not a sound clip but a web page"),
        (b"", "is empty"),
        (b"nonsense" * 100, "not a usable sound clip"),
        (sound(np.array([0.0, np.nan, 1.0] * 2000, dtype="float32"), subtype="FLOAT"), "not finite"),
        (sound(np.zeros(0, dtype="float32")), "no sound"),
    ],
)
def test_what_is_no_sound_gets_one_sentence(content, reason):
    with pytest.raises(MediaError, match=reason) as caught:
        decode_audio(content)
    assert str(caught.value).endswith(".") and "\n" not in str(caught.value)


def test_a_file_is_named_in_its_sentence(tmp_path):
    path = tmp_path / "clip.mp3"
    path.write_bytes(HTML)
    with pytest.raises(MediaError, match=r"'clip\.mp3' is not a sound clip"):
        decode_audio(path)
    with pytest.raises(MediaError, match=r"'gone\.jpg' cannot be read"):
        decode_image(tmp_path / "gone.jpg")


def test_sound_becomes_mono_16_khz_of_sensible_length():
    stereo = np.stack([tone(1, 44_100), tone(1, 44_100)], axis=1)
    decoded = decode_audio(sound(stereo, 44_100))
    assert decoded.dtype == np.float32 and abs(len(decoded) - SAMPLE_RATE_HZ) <= 1
    spectrum = np.abs(np.fft.rfft(decoded))
    assert abs(int(spectrum.argmax()) - 440) <= 1, "1 s of sound: the bin is the frequency in Hz"
    assert len(decode_audio(sound(tone(100 / SAMPLE_RATE_HZ)))) == SAMPLE_RATE_HZ // 10
    assert len(decode_audio(sound(tone(62), file_format="FLAC"))) == 60 * SAMPLE_RATE_HZ


@pytest.mark.parametrize("rate_hz", [4_001, 22_051, 44_100, 44_101, 399_989])
def test_an_odd_sample_rate_takes_no_more_memory_than_a_usual_one(rate_hz, monkeypatch):
    real, asked = functional.resample, []

    def counted(waveform, old, new):
        asked.append(old // math.gcd(old, new) * (new // math.gcd(old, new)))  # numbers in its kernel
        assert asked[-1] < 20_000_000
        return real(waveform, old, new)

    monkeypatch.setattr(functional, "resample", counted)
    decoded = decode_audio(sound(tone(1, rate_hz), rate_hz))
    assert len(asked) == 1 and len(decoded) == pytest.approx(SAMPLE_RATE_HZ, rel=1e-3)
    assert abs(int(np.abs(np.fft.rfft(decoded)).argmax()) - 440) <= 1


@pytest.mark.parametrize(("file_format", "codec"), [("mp4", "aac"), ("webm", "libopus")])
def test_what_browsers_and_phones_record_decodes(file_format, codec, tmp_path):
    path = tmp_path / f"clip.{file_format}"
    with av.open(str(path), "w", format=file_format) as container:
        stream = container.add_stream(codec, rate=48_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(tone(1, 48_000)[None], format="flt", layout="mono")
        frame.sample_rate = 48_000
        fifo = av.AudioResampler(format="fltp", layout="mono", rate=48_000, frame_size=stream.frame_size or 960)
        for piece in [*fifo.resample(frame), *fifo.resample(None)]:
            container.mux(stream.encode(piece))
        container.mux(stream.encode(None))
    assert len(decode_audio(path)) == pytest.approx(SAMPLE_RATE_HZ, rel=0.1)


def test_text_is_cleaned():
    assert clean_text("  oat\u0000 drink\r\n\t1\u00a0l ") == "oat drink 1 l"
    assert clean_text("cafe\u0301") == "café"
    assert clean_text("choco\u00adlate bis\u200bcuits") == "chocolate biscuits"
    assert Product("invisible", text=" \u200b\u00ad\n").modalities == () and clean_text(" \u200b\u00ad\n") == ""
    assert len(clean_text("x" * 99_999)) == 20_000


def spoiled_files(folder: Path) -> list[Path]:
    """Photos and clips of the demo, each cut off, with bytes changed, doubled over, and under the other's name."""
    rng = np.random.default_rng(0)
    sources = [*sorted((DEMO_DIR / "images").iterdir())[:8], *sorted((DEMO_DIR / "audio").iterdir())[:8]]
    files = []
    for source in sources:
        whole = np.frombuffer(source.read_bytes(), dtype=np.uint8)
        changed = whole.copy()
        changed[rng.integers(0, len(whole), 40)] = rng.integers(0, 256, 40)
        head = whole.copy()
        head[4:40] = rng.integers(0, 256, 36)
        cuts = [whole[: len(whole) * part // 8] for part in (1, 4, 7)]
        for place, content in enumerate([*cuts, changed, head, whole[::-1], np.roll(whole, len(whole) // 2)]):
            files.append(folder / f"{source.stem}_{place}{source.suffix}")
            files[-1].write_bytes(content.tobytes())
    return files


def test_every_malformed_file_is_decoded_or_refused(tmp_path):
    """Files spoiled on the spot, and where it lies beside the project, a sample of a corpus of them."""
    started, refused = time.process_time(), 0
    files = spoiled_files(tmp_path) + sorted(path for path in CORPUS.rglob("*") if path.is_file())[::4]
    for path in files:
        for decode in (decode_image, decode_audio):
            try:
                decode(path)
            except MediaError as error:
                refused += 1
                assert "\n" not in str(error) and str(error).endswith("."), error
    assert refused > len(files) // 2 and len(files) > 100
    # A file that hangs or claims terabytes would take minutes; the whole sample takes seconds.
    assert time.process_time() - started < 60
