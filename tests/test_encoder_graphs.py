"""Encoders on graphs: known without their network, prepared without its libraries, equal to what PyTorch gives."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from timm.layers.conv2d_same import Conv2dSame
from torchvision import transforms

from retail import encoders, inference
from retail.encoders import load_encoder
from retail.encoders.image import save_finetuned
from retail.encoders.padding import PaddedConvolution, with_fixed_padding
from retail.encoders.pixels import Pixels
from retail.encoders.word_pieces import WordPieces
from retail.files import DEMO_DIR, home
from retail.media import decode_audio
from retail.store import EmbeddingStore
from tests.tiny_encoders import tiny_photo_encoder, tiny_text_encoder

TEXTS = ["fresh tea", "", "best coffee before a b c", "tea " * 300]
SLOW = "timm transformers torchvision torchaudio scipy sklearn pandas".split()
# Another process: loads by name, embeds, and says what it had to load.
FRESH = f"""
import json, sys
from PIL import Image
from retail.encoders import load_encoder
found = {{}}
for name, item in json.loads(sys.argv[1]).items():
    encoder = load_encoder(name)
    given = Image.open(item).convert("RGB") if encoder.modality == "image" else item
    found[name] = encoder.fingerprint, encoder.dim, encoder.embed([given])[0].tolist()
print(json.dumps([found, sorted(set(sys.modules) & set({SLOW!r}))]))
"""


@pytest.fixture
def fresh(empty_home, monkeypatch):
    """No graph kept, and no encoder loaded."""
    monkeypatch.setattr(encoders, "_loaded", {})


def picture(width: int, height: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 255, (height, width, 3), dtype=np.uint8))


def test_a_ready_encoder_starts_without_its_network_and_the_libraries_behind_it(fresh, tmp_path):
    picture(90, 70).save(tmp_path / "one.png")
    items = {tiny_photo_encoder(tmp_path): str(tmp_path / "one.png"), tiny_text_encoder(tmp_path / "bert"): TEXTS[2]}
    expected = {}
    for name, item in items.items():
        encoder = load_encoder(name)
        given = Image.open(item).convert("RGB") if encoder.modality == "image" else item
        expected[name] = encoder.fingerprint, encoder.dim, encoder.embed([given])[0]
        assert not encoder.is_ready
        encoder.make_ready()
        assert encoder.is_ready
    call = [sys.executable, "-c", FRESH, json.dumps(items)]
    done = subprocess.run(call, capture_output=True, text=True, check=True)
    found, loaded = json.loads(done.stdout)
    assert loaded == []
    for name, (fingerprint, dim, embedding) in expected.items():
        assert found[name][:2] == [fingerprint, dim]
        torch.testing.assert_close(torch.tensor(found[name][2]), embedding, atol=1e-5, rtol=1e-4)


def test_an_encoder_with_a_damaged_card_is_loaded_in_full(fresh, tmp_path, monkeypatch):
    name = tiny_photo_encoder(tmp_path)
    load_encoder(name).make_ready()
    (card,) = (home() / "graphs" / "encoders").iterdir()
    card.write_text(card.read_text().replace('"pixels"', '"pxels"'))
    monkeypatch.setattr(encoders, "_loaded", {})
    again = load_encoder(name)
    assert again.embed([picture(90, 70)]).shape == (1, again.dim)


def test_single_items_never_wait_for_a_graph_and_a_job_makes_one(fresh, tmp_path, monkeypatch):
    monkeypatch.setattr(inference, "MAKING_SECONDS", 0.0)
    monkeypatch.setattr(inference, "MAKING_SECONDS_PER_MIB", 0.0)
    encoder, store = load_encoder(tiny_text_encoder(tmp_path / "bert")), EmbeddingStore(tmp_path / "store")
    for number in range(40):
        store.fetch(encoder, [f"fresh tea {number}"])
    assert not encoder.is_ready
    store.fetch(encoder, [f"best coffee {number}" for number in range(40)])
    assert encoder.is_ready and store.computed == 80


def test_other_weights_under_the_same_name_are_another_encoder(fresh, tmp_path, monkeypatch):
    name = tiny_photo_encoder(tmp_path)
    first = load_encoder(name)
    first.make_ready()
    monkeypatch.setattr(encoders, "_loaded", {})
    assert load_encoder(name).fingerprint == first.fingerprint
    file = tmp_path / "small.safetensors"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    monkeypatch.setattr(encoders, "_loaded", {})
    changed = load_encoder(name)
    assert changed.fingerprint != first.fingerprint and not changed.is_ready


def test_weights_that_are_replaced_while_an_encoder_runs_are_read_at_the_next_start(fresh, tmp_path, monkeypatch):
    name = tiny_photo_encoder(tmp_path)
    first = load_encoder(name)
    torch.manual_seed(1)
    save_finetuned(timm.create_model("test_efficientnet", num_classes=0), "test_efficientnet", tmp_path / "other")
    (tmp_path / "other").replace(tmp_path / "small.safetensors")
    first.make_ready()
    monkeypatch.setattr(encoders, "_loaded", {})
    assert load_encoder(name).fingerprint != first.fingerprint


def test_a_ready_encoder_can_still_be_tuned(fresh, tmp_path, monkeypatch):
    names = tiny_photo_encoder(tmp_path), tiny_text_encoder(tmp_path / "bert")
    for name in names:
        load_encoder(name).make_ready()
    monkeypatch.setattr(encoders, "_loaded", {})
    photos, texts = map(load_encoder, names)
    pixels = photos.inputs([photos.prepare(picture(80, 80))])
    with torch.inference_mode():
        torch.testing.assert_close(photos.new_model().eval()(pixels), photos.embed([picture(80, 80)]))
        torch.testing.assert_close(texts.new_model()(texts.inputs(["fresh tea"])), texts.embed(["fresh tea"]))
    assert photos.depths(photos.new_model()) and texts.depths(texts.new_model())
    assert photos.data_config["input_size"] in ([3, 64, 64], (3, 64, 64))


@pytest.mark.parametrize("size", [(300, 220), (64, 64), (60, 900), (33, 32), (73, 74)])
@pytest.mark.parametrize("resize", [73, (80, 70)])
def test_pixels_are_those_of_torchvision(size, resize):
    steps = transforms.Compose(
        [
            transforms.Resize(resize, interpolation=transforms.InterpolationMode.BICUBIC),
            transforms.CenterCrop((64, 63)),
            transforms.ToTensor(),
            transforms.Normalize((0.4, 0.5, 0.6), (0.2, 0.3, 0.25)),
        ]
    )
    pixels = Pixels.kept(json.loads(json.dumps(Pixels.of(steps).facts)))
    torch.testing.assert_close(pixels(picture(*size)), steps(picture(*size)), atol=1e-6, rtol=0)


def test_other_steps_than_resize_crop_and_standardise_are_left_to_torchvision():
    usual = [
        transforms.Resize(70),
        transforms.CenterCrop(64),
        transforms.ToTensor(),
        transforms.Normalize([0.5], [0.5]),
    ]
    assert Pixels.of(transforms.Compose(usual)) is not None
    assert Pixels.of(transforms.Compose([transforms.Grayscale(), *usual])) is None
    assert Pixels.of(transforms.Compose([transforms.Resize(60), *usual[1:]])) is None, "the crop would pad"
    assert Pixels.of(object()) is None


def test_word_pieces_are_those_of_transformers(tmp_path):
    from transformers import AutoTokenizer

    tiny_text_encoder(tmp_path / "bert")
    theirs = AutoTokenizer.from_pretrained(tmp_path / "bert")
    ours = WordPieces.of(theirs, 16)
    assert ours is not None and ours.room == 14 and ours.lengths(TEXTS) == [2, 0, 6, 300]
    kept = WordPieces.kept(json.loads(json.dumps(ours.facts)))
    options = {"padding": True, "truncation": True, "max_length": 16, "return_tensors": "pt"}
    for texts in (TEXTS, TEXTS[:1]):
        expected, found = theirs(texts, **options), kept(texts)
        assert list(found) == list(expected)
        assert all(torch.equal(found[name], expected[name]) for name in found)


def test_a_tokenizer_that_the_library_reads_otherwise_stays_with_transformers(tmp_path):
    from transformers import AutoTokenizer

    tiny_text_encoder(tmp_path / "bert")
    theirs = AutoTokenizer.from_pretrained(tmp_path / "bert")
    theirs.padding_side = "left"
    assert WordPieces.of(theirs, 16) is None
    assert WordPieces.of(object(), 16) is None


def test_padding_that_is_written_down_changes_no_number():
    torch.manual_seed(0)
    model = torch.nn.Sequential(Conv2dSame(3, 4, 3, 2), torch.nn.ReLU(), Conv2dSame(4, 4, 5, 2, groups=4, bias=False))
    photos = torch.randn(2, 3, 15, 18)
    before = model(photos)
    fixed = with_fixed_padding(model, photos[:1])
    assert [type(module) for module in fixed] == [PaddedConvolution, torch.nn.ReLU, PaddedConvolution]
    torch.testing.assert_close(fixed(photos), before)
    plain = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3))
    assert with_fixed_padding(plain, photos) is plain and type(plain[0]) is torch.nn.Conv2d


def test_clips_of_one_length_are_heard_together_as_alone():
    encoder = load_encoder("torchaudio:spoken-word@bundled")
    clips = [decode_audio(file) for file in sorted((DEMO_DIR / "audio").iterdir())[:3]]
    given = [clips[0], clips[1], 0.5 * clips[0], np.zeros(16_000, "float32"), clips[2], clips[0]]
    together = encoder.embed(given)
    for item, embedding in zip(given, together, strict=True):
        torch.testing.assert_close(encoder.embed([item])[0], embedding, atol=1e-5, rtol=1e-4)
    assert together[0].any() and not together[3].any()
