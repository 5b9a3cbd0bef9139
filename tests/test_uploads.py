"""Uploads at the door: what is kept decodes to the same, is small, and what is refused says why."""

from __future__ import annotations

import io

import numpy as np
import pytest
import soundfile
import torch
import zxingcpp
from PIL import Image

from retail.encoders import load_preset
from retail.files import DEMO_DIR
from retail.media import MediaError, content_hash, decode_audio, decode_image, picture_of, waveform_of
from retail.media.codes import code_picture, read_codes
from retail.schema import Product
from retail.store import embed_products
from retail.workspace import uploads
from retail.workspace.uploads import (
    KEPT_CLIP_BYTES,
    KEPT_PHOTO_BYTES,
    MAX_UPLOAD_MB,
    THUMBNAIL_PX,
    take_photo,
    take_sound,
)


def phone_photo(quality: int) -> bytes:
    """A JPEG of 3 megapixels with a barcode whose narrowest bar has two pixels, in the noise of a sensor."""
    barcode = zxingcpp.create_barcode("4006381333931", zxingcpp.barcode_format_from_str("EAN13"))
    drawn = np.repeat(np.array(barcode.to_image(scale=2))[..., None], 3, axis=2)
    picture = np.random.default_rng(0).integers(90, 255, (1536, 2048, 3), dtype=np.uint8)
    picture[900 : 900 + drawn.shape[0], 700 : 700 + drawn.shape[1]] = drawn
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "JPEG", quality=quality, subsampling=0)
    return stream.getvalue()


@pytest.mark.parametrize(("quality", "kept_whole"), [(90, True), (100, False)])
def test_a_small_barcode_is_read_from_the_photo_as_it_came(monkeypatch, quality, kept_whole):
    content = phone_photo(quality)
    monkeypatch.setattr(uploads, "KEPT_PHOTO_BYTES", len(phone_photo(95)))
    kept = take_photo("pack.jpg", content)
    assert (kept.content == content) is kept_whole and bool(kept.detail) is not kept_whole
    assert [code.text for code in read_codes(code_picture(kept))] == ["4006381333931"]
    assert read_codes(picture_of(kept)) == (), "what the encoders see has too few pixels"


def test_a_large_photo_becomes_small_and_stays_the_same_picture():
    noise = np.random.default_rng(0).integers(0, 255, (2400, 1800, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(noise).save(stream, "PNG")
    assert len(stream.getvalue()) > KEPT_PHOTO_BYTES
    kept = take_photo("big.png", stream.getvalue())
    assert len(kept.content) < len(stream.getvalue()) / 3
    for again in (picture_of(kept), decode_image(kept.content)):
        assert np.array_equal(np.asarray(again), np.asarray(decode_image(stream.getvalue())))


def test_a_long_clip_is_cut_and_sounds_the_same():
    stream = io.BytesIO()
    soundfile.write(stream, np.random.default_rng(0).uniform(-1, 1, (44_100 * 70, 2)), 44_100, format="WAV")
    kept = take_sound("long.wav", stream.getvalue())
    assert len(stream.getvalue()) / 3 > len(kept.content) > KEPT_CLIP_BYTES, "a minute of 4 bytes a sample"
    for again in (waveform_of(kept), decode_audio(kept.content)):
        assert np.array_equal(again, decode_audio(stream.getvalue()))


def test_what_is_small_stays_as_it_came():
    photo, clip = sorted((DEMO_DIR / "images").iterdir())[0], sorted((DEMO_DIR / "audio").iterdir())[0]
    assert take_photo("a.jpg", photo.read_bytes()).content == photo.read_bytes()
    assert take_sound("a.ogg", clip.read_bytes()).content == clip.read_bytes()


def test_an_upload_is_known_by_the_file_that_came_and_embedded_as_that_file(tmp_path):
    clip = sorted((DEMO_DIR / "audio").iterdir())[0]
    noise = np.random.default_rng(0).integers(0, 255, (2000, 1500, 3), dtype=np.uint8)
    photo = tmp_path / "big.png"
    Image.fromarray(noise).save(photo)  # so large that a copy is kept
    uploads = take_photo("big.png", photo.read_bytes()), take_sound("a.ogg", clip.read_bytes())
    assert [content_hash(upload) for upload in uploads] == [content_hash(file) for file in (photo, clip)]
    encoders = load_preset("bundled", ["audio", "image"])
    sent, filed = (
        embed_products([Product("p", (picture,), "", sound)], encoders, {})[0]
        for picture, sound in (uploads, (photo, clip))
    )
    for modality in encoders:
        assert sent.present[modality].all() and torch.equal(sent.embeddings[modality], filed.embeddings[modality])


@pytest.mark.parametrize("take", [take_photo, take_sound])
def test_a_refused_file_is_named_with_its_reason(take):
    with pytest.raises(MediaError, match="'notes.pdf' is not a usable"):
        take("notes.pdf", b"%PDF-1.4")
    with pytest.raises(MediaError, match=f"'huge.bin' is 101 MB, but the limit is {MAX_UPLOAD_MB} MB"):
        take("huge.bin", bytes(101 * 2**20))
    with pytest.raises(MediaError, match="'nothing.bin' is empty"):
        take("nothing.bin", b"")


@pytest.mark.parametrize(("mode", "kind", "ending"), [("I;16", "uint16", "PNG"), ("F", "float32", "TIFF")])
def test_a_photo_that_browsers_cannot_draw_is_shown_as_one_that_they_can(mode, kind, ending):
    stream = io.BytesIO()
    picture = Image.fromarray(np.arange(0, 60_000, 100, dtype=kind).reshape(20, 30))
    assert picture.mode == mode
    picture.save(stream, ending)
    shown = Image.open(io.BytesIO(take_photo("scan", stream.getvalue()).thumbnail))
    assert (shown.format, shown.mode, shown.size) == ("JPEG", "RGB", (30, 20))


def test_a_photo_is_shown_upright_and_as_wide_as_the_page_needs_it():
    exif = Image.Exif()
    exif[0x0112] = 6  # lies on its side
    stream = io.BytesIO()
    Image.new("RGB", (600, 300)).save(stream, "JPEG", exif=exif)
    shown = Image.open(io.BytesIO(take_photo("phone.jpg", stream.getvalue()).thumbnail))
    assert shown.size == (THUMBNAIL_PX, 2 * THUMBNAIL_PX)
