"""Clips as recorders leave them: long ones, unfinished ones, and channels that cancel each other out."""

from __future__ import annotations

import io
import struct

import av
import numpy as np
import pytest
import soundfile

from retail.media import SAMPLE_RATE_HZ, MediaError, decode_audio, seconds_unread, unread_sentence
from retail.outside.limits import MAX_CLIP_SECONDS


def noise(seconds: float, channels: int = 1) -> np.ndarray:
    shape = (int(seconds * SAMPLE_RATE_HZ), channels)
    return np.random.default_rng(0).uniform(-0.5, 0.5, shape).astype(np.float32)


def saved(samples: np.ndarray, file_format: str = "WAV", **options) -> bytes:
    stream = io.BytesIO()
    soundfile.write(stream, samples, SAMPLE_RATE_HZ, format=file_format, **options)
    return stream.getvalue()


def with_list(content: bytes) -> bytes:
    """A WAV with a chunk of odd length before its samples."""
    place = content.index(b"data")
    return content[:place] + b"LIST" + struct.pack("<I", 5) + b"INFOx\0" + content[place:]


@pytest.mark.parametrize("listed", [False, True])
@pytest.mark.parametrize("subtype", ["PCM_16", "FLOAT"])
@pytest.mark.parametrize("size", [0, 0xFFFFFFFF, 0x7FFFFFFF])
@pytest.mark.parametrize("whole", [0, 0xFFFFFFFF])
def test_a_wav_whose_header_was_never_finished_is_read_to_its_end(size, whole, subtype, listed):
    content = saved(noise(1.5), subtype=subtype)
    wanted = decode_audio(content)
    if listed:
        content = with_list(content)
    place = content.index(b"data") + 4
    unfinished = bytearray(content)
    struct.pack_into("<I", unfinished, 4, whole)
    struct.pack_into("<I", unfinished, place, size)
    assert np.array_equal(decode_audio(bytes(unfinished)), wanted)


def test_an_empty_wav_stays_empty_and_what_follows_the_samples_is_no_sound():
    with pytest.raises(MediaError, match="contains no sound"):
        content = saved(noise(0)) + b"LIST" + struct.pack("<I", 4) + b"INFO"
        decode_audio(content[:4] + struct.pack("<I", len(content) - 8) + content[8:])
    content = saved(noise(1), subtype="PCM_16")
    followed = content + b"LIST" + struct.pack("<I", 4000) + bytes(4000)
    assert np.array_equal(decode_audio(followed), decode_audio(content))


def test_a_cut_wav_gives_what_is_there():
    content = saved(noise(2), subtype="PCM_16")
    assert np.array_equal(decode_audio(content[: len(content) // 2]), decode_audio(content)[: SAMPLE_RATE_HZ - 11])


def test_a_flac_of_unknown_length_is_read_to_its_end():
    content = bytearray(saved(noise(1.5), "FLAC"))
    wanted = decode_audio(bytes(content))
    content[21] &= 0xF0  # the upper bits of the number of samples share a byte with the sample size
    content[22:26] = bytes(4)
    assert np.array_equal(decode_audio(bytes(content)), wanted)


def test_channels_that_cancel_out_are_not_averaged():
    left = noise(1)[:, 0]
    decoded = decode_audio(saved(np.stack([left, -left], 1), subtype="FLOAT"))
    assert np.array_equal(np.abs(decoded), np.abs(left))
    decoded = decode_audio(saved(np.stack([left, -0.9 * left], 1), subtype="FLOAT"))
    assert np.array_equal(decoded, left), "the louder one"


def test_other_stereo_is_averaged_and_silence_stays_silent():
    both = noise(1, channels=2)
    assert np.array_equal(decode_audio(saved(both, subtype="FLOAT")), both.mean(1, dtype=np.float32))
    both[:, 1] = 0  # a dead channel
    assert np.array_equal(decode_audio(saved(both, subtype="FLOAT")), both.mean(1, dtype=np.float32))
    assert not decode_audio(saved(np.zeros((16_000, 2), np.float32))).any()


def test_channels_of_a_phones_clip_that_cancel_out_are_heard(tmp_path):
    tone = (0.3 * np.sin(2 * np.pi * 440 * np.arange(SAMPLE_RATE_HZ * 2) / SAMPLE_RATE_HZ)).astype(np.float32)
    for sign in (1, -1):
        path = tmp_path / f"{sign}.m4a"
        with av.open(str(path), "w", format="mp4") as container:
            stream = container.add_stream("aac", rate=SAMPLE_RATE_HZ, layout="stereo")
            frame = av.AudioFrame.from_ndarray(np.stack([tone, sign * tone]), format="fltp", layout="stereo")
            frame.sample_rate = SAMPLE_RATE_HZ
            pieces = av.AudioResampler(format="fltp", layout="stereo", rate=SAMPLE_RATE_HZ, frame_size=1024)
            for piece in [*pieces.resample(frame), *pieces.resample(None)]:
                container.mux(stream.encode(piece))
            container.mux(stream.encode(None))
        assert float(np.mean(decode_audio(path) ** 2)) > 0.9 * float(np.mean(tone**2))


def test_what_lies_behind_the_minute_is_said(tmp_path):
    long, short = tmp_path / "long.flac", tmp_path / "short.flac"
    long.write_bytes(saved(noise(95.2), "FLAC"))
    short.write_bytes(saved(noise(MAX_CLIP_SECONDS), "FLAC"))
    assert seconds_unread(long) == pytest.approx(35.2) and seconds_unread(short) == 0
    assert unread_sentence(long.name, long) == (
        "'long.flac' lasts 95 s, of which only the first 60 are read; cut it to the part that counts."
    )
    assert unread_sentence(short.name, short) == "" and seconds_unread(b"nonsense") == 0 == seconds_unread(
        tmp_path / "gone.wav"
    )
