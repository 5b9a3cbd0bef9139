"""Uploads at the door: what is kept decodes to the same, is small, and what is refused says why."""

from __future__ import annotations

import io

import numpy as np
import pytest
import soundfile
from PIL import Image

from retail.files import DEMO_DIR
from retail.media import MediaError, decode_audio, decode_image
from retail.workspace.uploads import KEPT_BYTES, MAX_UPLOAD_MB, take_photo, take_sound


def test_a_large_photo_becomes_small_and_stays_the_same_picture():
    noise = np.random.default_rng(0).integers(0, 255, (2400, 1800, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(noise).save(stream, "PNG")
    kept = take_photo("big.png", stream.getvalue())
    assert len(kept) < len(stream.getvalue()) / 3
    assert np.array_equal(np.asarray(decode_image(kept)), np.asarray(decode_image(stream.getvalue())))


def test_a_long_clip_is_cut_and_sounds_the_same():
    stream = io.BytesIO()
    soundfile.write(stream, np.random.default_rng(0).uniform(-1, 1, (44_100 * 30, 2)), 44_100, format="WAV")
    kept = take_sound("long.wav", stream.getvalue())
    assert len(kept) <= KEPT_BYTES
    assert np.array_equal(decode_audio(kept), decode_audio(stream.getvalue()))


def test_what_is_small_stays_as_it_came():
    photo, clip = sorted((DEMO_DIR / "images").iterdir())[0], sorted((DEMO_DIR / "audio").iterdir())[0]
    assert take_photo("a.jpg", photo.read_bytes()) == photo.read_bytes()
    assert take_sound("a.ogg", clip.read_bytes()) == clip.read_bytes()


@pytest.mark.parametrize("take", [take_photo, take_sound])
def test_a_refused_file_is_named_with_its_reason(take):
    with pytest.raises(MediaError, match="'notes.pdf' is not a usable"):
        take("notes.pdf", b"%PDF-1.4")
    with pytest.raises(MediaError, match=f"'huge.bin' is 21 MB, but the limit is {MAX_UPLOAD_MB} MB"):
        take("huge.bin", bytes(21 * 2**20))
    with pytest.raises(MediaError, match="'nothing.bin' is empty"):
        take("nothing.bin", b"")


@pytest.mark.parametrize(("mode", "kind", "ending"), [("I;16", "uint16", "PNG"), ("F", "float32", "TIFF")])
def test_a_photo_that_browsers_cannot_draw_is_kept_as_one_that_they_can(mode, kind, ending):
    stream = io.BytesIO()
    picture = Image.fromarray(np.arange(0, 60_000, 100, dtype=kind).reshape(20, 30))
    assert picture.mode == mode
    picture.save(stream, ending)
    kept = take_photo("scan", stream.getvalue())
    assert Image.open(io.BytesIO(kept)).mode == "RGB"
    assert np.array_equal(np.asarray(decode_image(kept)), np.asarray(decode_image(stream.getvalue())))
