"""Photos as phones, shops and design programs save them: large ones, other colour spaces, transparent ones."""

from __future__ import annotations

import io
import subprocess
import sys

import numpy as np
import pillow_heif
import pytest
from PIL import Image, ImageCms

from retail.media import MediaError, colours, decode_image, pictures
from retail.media.pictures import decode_picture

# Prints by how many MiB the most memory ever used grew while one file was decoded, or the refusal.
MEASURE = """
import resource, sys
from pathlib import Path
from PIL import ImageCms, ImageOps, JpegImagePlugin
from retail.media import MediaError, decode_image
def most(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
before = most()
print(decode_image(Path(sys.argv[1])).size, most() - before, sep="|")
"""
# Two gammas and primaries far from sRGB's, as a minimal ICC profile would describe a wide display.
WIDE = {"rXYZ": (0.61, 0.311, 0.019), "gXYZ": (0.205, 0.626, 0.061), "bXYZ": (0.149, 0.063, 0.745)}


def saved(picture: Image.Image, file_format: str, **options) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, file_format, **options)
    return stream.getvalue()


def profile(tags: dict[str, tuple[float, ...]], gamma: float = 2.2) -> bytes:
    """A display's ICC profile of three primaries and one gamma."""

    def fixed(value: float) -> bytes:
        return round(value * 65536).to_bytes(4, "big", signed=True)

    def text(kind: bytes, words: bytes) -> bytes:
        return kind + bytes(4) + words

    white = (0.9642, 1.0, 0.8249)
    curve = text(b"curv", (1).to_bytes(4, "big") + round(gamma * 256).to_bytes(2, "big") + bytes(2))
    described = text(b"desc", (5).to_bytes(4, "big") + b"wide\0" + bytes(79))
    parts = {
        "wtpt": text(b"XYZ ", b"".join(map(fixed, white))),
        "desc": described,
        "cprt": text(b"text", b"none\0\0\0\0"),
    }
    parts |= {name: text(b"XYZ ", b"".join(map(fixed, value))) for name, value in tags.items()}
    parts |= dict.fromkeys(("rTRC", "gTRC", "bTRC"), curve)
    place = 128 + 4 + 12 * len(parts)
    table, body = len(parts).to_bytes(4, "big"), b""
    for name, part in parts.items():
        part += bytes(-len(part) % 4)
        table += name.encode() + (place + len(body)).to_bytes(4, "big") + len(part).to_bytes(4, "big")
        body += part
    head = bytes(4) + bytes(4) + b"\x02\x10\0\0mntrRGB XYZ " + bytes(12) + b"acsp" + bytes(28)
    head += b"".join(map(fixed, white)) + bytes(48)
    whole = head + table + body
    return len(whole).to_bytes(4, "big") + whole[4:]


def here(content: bytes) -> Image.Image:
    """Decoded in this process, where a test may change what is decoded with."""
    return decode_picture("The upload", content)


def gradient(width: int, height: int) -> Image.Image:
    return Image.linear_gradient("L").resize((width, height)).convert("RGB")


def test_a_colour_profile_is_turned_into_srgb():
    colour = (60, 200, 90)
    content = saved(Image.new("RGB", (32, 32), colour), "PNG", icc_profile=profile(WIDE))
    own = ImageCms.ImageCmsProfile(io.BytesIO(profile(WIDE)))
    transform = ImageCms.buildTransform(own, ImageCms.createProfile("sRGB"), "RGB", "RGB", ImageCms.Intent(1))
    wanted = ImageCms.applyTransform(Image.new("RGB", (1, 1), colour), transform).getpixel((0, 0))
    assert max(abs(a - b) for a, b in zip(wanted, colour, strict=True)) > 20, "else this test shows nothing"
    assert decode_image(content).getpixel((9, 9)) == pytest.approx(wanted, abs=2)
    half = Image.new("RGBA", (32, 32), (*colour, 255))
    half.putpixel((0, 0), (0, 0, 0, 0))
    decoded = decode_image(saved(half, "PNG", icc_profile=profile(WIDE)))
    assert decoded.getpixel((9, 9)) == pytest.approx(wanted, abs=2) and decoded.getpixel((0, 0)) == (255, 255, 255)


@pytest.mark.parametrize(
    "icc",
    [
        ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(),
        profile(WIDE)[:300],
        b"no profile",
        profile(WIDE) + bytes(colours.MAX_PROFILE_BYTES),
        ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes(),  # describes other channels
    ],
    ids=["srgb", "cut", "nonsense", "oversized", "unfitting"],
)
def test_a_profile_that_is_srgb_or_damaged_changes_no_pixel(icc):
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 255, (40, 40, 3), dtype=np.uint8))
    decoded = decode_image(saved(picture, "JPEG", quality=95, icc_profile=icc))
    assert decoded.tobytes() == decode_image(saved(picture, "JPEG", quality=95)).tobytes()


def test_print_colours_decode_with_and_without_a_profile(monkeypatch):
    picture = Image.new("RGB", (32, 32), (200, 30, 60)).convert("CMYK")
    assert here(saved(picture, "JPEG", quality=95)).getpixel((5, 5)) == pytest.approx((200, 30, 60), abs=6)
    asked = []
    monkeypatch.setattr(pictures, "in_srgb", lambda picture, icc: asked.append((picture.mode, icc)) or picture)
    here(saved(picture, "JPEG", icc_profile=b"inks"))
    assert asked == [("CMYK", b"inks")], "the profile of inks meets the inks, not what was made of them"


@pytest.mark.parametrize("file_format", ["HEIF", "AVIF"])
def test_what_phones_save_decodes_upright_and_in_its_colours(file_format):
    pillow_heif.register_heif_opener()
    picture = Image.new("RGB", (64, 32), (250, 250, 250))
    picture.paste((200, 20, 20), (0, 0, 16, 32))  # the left quarter is red
    exif = Image.Exif()
    exif[0x0112] = 6  # lies on its side: the red becomes the top
    decoded = decode_image(saved(picture, file_format, quality=95, exif=exif.tobytes()))
    assert decoded.size == (32, 64)
    assert decoded.getpixel((16, 4)) == pytest.approx((200, 20, 20), abs=12)
    assert min(decoded.getpixel((16, 60))) > 240


@pytest.mark.parametrize("file_format", ["HEIF", "AVIF"])
def test_a_cut_phone_photo_gets_one_sentence(file_format):
    pillow_heif.register_heif_opener()
    content = saved(gradient(256, 256), file_format)
    with pytest.raises(MediaError, match=r"^The upload is not a usable photo: .*; save it again as JPEG\.$"):
        decode_image(content[: len(content) * 2 // 3])


@pytest.mark.parametrize(
    ("colour", "background"),
    [((255, 255, 255), 128), ((245, 244, 240), 128), ((200, 30, 30), 255), ((255, 255, 0), 255), ((20, 20, 20), 255)],
)
def test_a_transparent_picture_lies_on_what_shows_it(colour, background):
    picture = Image.new("RGBA", (80, 80), (*colour, 0))
    picture.paste((*colour, 255), (20, 20, 60, 60))
    decoded = decode_image(saved(picture, "PNG"))
    assert decoded.getpixel((2, 2)) == (background,) * 3 and decoded.getpixel((40, 40)) == colour


def test_a_white_carton_with_a_small_print_is_shown_on_grey_and_one_with_a_large_print_on_white():
    for side, background in ((10, 128), (30, 255)):
        picture = Image.new("RGBA", (80, 80), (0, 0, 0, 0))
        picture.paste((255, 255, 255, 255), (10, 10, 70, 70))
        picture.paste((0, 90, 180, 255), (12, 12, 12 + side, 12 + side))
        assert decode_image(saved(picture, "PNG")).getpixel((2, 2)) == (background,) * 3, side


@pytest.mark.skipif(sys.platform == "win32", reason="the most memory ever used is asked of Unix")
@pytest.mark.parametrize("size", [(8192, 6144), (16320, 12240)])
def test_a_phones_largest_photo_decodes_in_little_memory(size, tmp_path):
    gradient(*size).save(tmp_path / "large.jpg", quality=60)
    out = subprocess.run([sys.executable, "-c", MEASURE, tmp_path / "large.jpg"], capture_output=True, text=True)
    decoded, mebibytes = out.stdout.split("|")
    assert decoded == "(1024, 768)" and float(mebibytes) < 120, out


def test_a_size_that_is_refused_never_equals_the_limit(monkeypatch):
    picture = gradient(301, 200)
    monkeypatch.setattr(pictures, "MAX_PIXELS", 60_199)
    monkeypatch.setattr(pictures, "MAX_JPEG_PIXELS", 60_199)
    with pytest.raises(MediaError, match=r"has 0\.1 megapixels, but at most 0\.0 are allowed; make it smaller\."):
        here(saved(picture, "PNG"))
    with pytest.raises(MediaError, match=r"has 0\.1 megapixels, but at most 0\.0 of a JPEG are allowed"):
        here(saved(picture, "JPEG"))
    monkeypatch.setattr(pictures, "MAX_PIXELS", 60_200)
    assert here(saved(picture, "PNG")).size == (301, 200)


def in_three_scans(content: bytes) -> bytes:
    """A grey JPEG whose header claims three components, so that its only scan holds too few of them."""
    place = content.index(b"\xff\xc0")
    parts = content[place + 10 : place + 13]
    frame = content[place + 2 : place + 9]
    longer = (17).to_bytes(2, "big") + frame[2:] + b"\x03" + parts + b"\x02" + parts[1:] + b"\x03" + parts[1:]
    return content[: place + 2] + longer + content[place + 13 :]


def test_a_jpeg_that_must_be_held_whole_is_limited_by_what_it_holds(monkeypatch):
    picture = gradient(2060, 2060)  # 4.24 million pixels, drawn at a half
    monkeypatch.setattr(pictures, "MAX_PIXELS", 1_450_000)
    assert here(saved(picture, "JPEG")).width == 1024
    refused = r"has 4\.3 megapixels, but at most {} of a progressive JPEG are allowed; save it as a baseline JPEG, or"
    with pytest.raises(MediaError, match=refused.format(r"2\.9")):
        here(saved(picture, "JPEG", progressive=True))
    with pytest.raises(MediaError, match=refused.format(r"1\.4")):
        here(saved(picture, "JPEG", progressive=True, subsampling=0))
    assert here(saved(picture.convert("L"), "JPEG", progressive=True)).width == 1024
    with pytest.raises(MediaError, match=refused.format(r"1\.4")):
        here(in_three_scans(saved(picture.convert("L"), "JPEG")))


def test_a_picture_that_claims_more_than_memory_holds_is_refused_by_its_size():
    header = saved(Image.new("P", (1, 1)), "GIF")
    content = header[:6] + (60_000).to_bytes(2, "little") * 2 + header[10:]
    with pytest.raises(MediaError, match=r"has 3600\.0 megapixels, but at most 64\.0 are allowed; make it smaller\."):
        decode_image(content)
