"""A recogniser outside: graphs that answer as the product does, in a process that cannot import PyTorch."""

from __future__ import annotations

import json
import subprocess
import sys
import wave
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from retail import Recognizer, UserError
from retail.__main__ import app
from retail.certainty.novelty import Novelty
from retail.encoders import load_encoder, spoken_word
from retail.export import export_onnx
from retail.export.facts import subsets_of, write_encoder
from retail.export.graphs import write_head_graph
from retail.export.parity import as_wav, demo_products
from retail.export.standalone import Exported
from retail.export.standalone.hearing import Hearing
from retail.export.standalone.photos import pixels_of
from retail.export.standalone.sounds import samples_of
from retail.export.standalone.texts import WordPieces, tidy
from retail.files import DEMO_BUNDLE, DEMO_DIR
from retail.fusion import build_head, strategies
from retail.media import clean_text, decode_audio, decode_image
from retail.schema import Product
from retail.training import predict_logits
from tests.tiny_encoders import tiny_photo_encoder, tiny_text_encoder
from tests.tiny_recognizer import labelled_rows, tiny_recognizer

FORBIDDEN = "torch torchaudio torchvision transformers timm retail pandas scipy sklearn soundfile".split()
WITHOUT_TORCH = f"""
import json, sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {FORBIDDEN!r}:
            raise ImportError(name + " is not to be imported here")

sys.meta_path.insert(0, Refuse())
from retail_onnx import Exported
exported = Exported(".")
print(json.dumps([exported.recognise(**given) for given in json.loads(sys.argv[1])]))
assert not set(sys.modules) & set({FORBIDDEN!r})
"""


@pytest.fixture(scope="module")
def demo(tmp_path_factory) -> tuple[Path, str]:
    """The demo's export, and what the command printed."""
    out = tmp_path_factory.mktemp("export") / "demo"
    called = CliRunner().invoke(app, ["export", str(DEMO_BUNDLE), "--onnx", str(out)])
    assert called.exit_code == 0, called.output
    return out, called.stdout


@pytest.fixture(scope="module")
def recognizer() -> Recognizer:
    return Recognizer.load(DEMO_BUNDLE)


@pytest.fixture(scope="module")
def exported(demo) -> Exported:
    return Exported(demo[0])


def test_the_command_prints_the_difference_on_every_mix_of_inputs(demo):
    out, printed = demo
    parity = json.loads((out / "recogniser.json").read_text(encoding="utf-8"))["parity"]
    assert len(parity) == 7 and all(value <= 1e-4 for value in parity.values())
    lines = [line for line in printed.splitlines() if line.startswith("  ")]
    assert lines == [f"  {mix.replace('+', ' + ')}: {value:.1e}" for mix, value in parity.items()]


def test_a_process_without_pytorch_answers_as_the_product_does_by_every_mix(demo, recognizer, tmp_path):
    product = demo_products()[2]
    clip = tmp_path / "name.wav"
    clip.write_bytes(product.audio)
    inputs = {"image": str(product.images[0]), "text": product.text, "audio": str(clip)}
    asked = [{name: inputs[name] for name in subset} for subset in subsets_of(sorted(inputs))]
    call = [sys.executable, "-c", WITHOUT_TORCH, json.dumps(asked)]
    found = subprocess.run(call, cwd=demo[0], capture_output=True, text=True)
    assert found.returncode == 0, found.stderr
    for given, answer in zip(asked, json.loads(found.stdout), strict=True):
        expected = recognizer.predict(**given)
        assert tuple(answer["used"]) == expected.used == tuple(given)
        assert answer["unknown"] == expected.unknown
        assert answer["unknown_score"] == pytest.approx(expected.novelty.score, abs=1e-3)
        for task, own in answer["answers"].items():
            ours = expected.answers[task]
            assert own["probabilities"] == pytest.approx(dict(expected.probs[task]), abs=1e-4)
            assert (own["label"], own["decision"]) == (ours.label, ours.decision)
            assert tuple(own["candidates"]) == ours.candidates


def test_an_export_is_called_from_the_command_line_of_its_folder(demo):
    call = [sys.executable, "-m", "retail_onnx", ".", "--text", "oat drink, 1 l carton"]
    answer = json.loads(subprocess.run(call, cwd=demo[0], capture_output=True, text=True, check=True).stdout)
    assert answer["used"] == ["text"] and set(answer["answers"]) == {"product", "category", "packaging", "brand"}


def test_without_a_usable_input_nothing_is_answered(exported):
    with pytest.raises(ValueError, match="give a usable audio or image or text"):
        exported.recognise(text=" &nbsp; ")


@pytest.mark.parametrize(
    ("rate_hz", "width", "channels"), [(16_000, 2, 1), (44_100, 2, 2), (8_000, 1, 1), (48_000, 3, 2)]
)
def test_a_wav_is_read_and_heard_as_in_the_product(exported, recognizer, tmp_path, rate_hz, width, channels):
    spoken = decode_audio(next((DEMO_DIR / "audio").glob("*.ogg")))
    places = np.arange(0, len(spoken) - 1, 16_000 / rate_hz)
    values = np.clip(np.interp(places, np.arange(len(spoken)), spoken), -1, 1)
    file = tmp_path / "clip.wav"
    with wave.open(str(file), "wb") as clip:
        clip.setnchannels(channels)
        clip.setsampwidth(width)
        clip.setframerate(rate_hz)
        whole = (np.repeat(values, channels) * (2 ** (8 * width - 1) - 1)).astype("<i4")
        whole = whole + 128 if width == 1 else whole
        clip.writeframes(whole.astype("<i4")[:, None].view(np.uint8)[:, :width].tobytes())
    facts = exported.inputs["audio"]
    assert np.allclose(samples_of(file, facts), decode_audio(file), atol=1e-5)
    batch, _ = recognizer.embed([Product("1", audio=file)])
    assert np.allclose(exported.embed(audio=file)["audio"], batch.embeddings["audio"][0], atol=1e-4)


@pytest.mark.parametrize("seconds", [14, 25])
def test_of_a_long_clip_the_same_part_is_heard(exported, recognizer, seconds):
    spoken = decode_audio(next((DEMO_DIR / "audio").glob("*.ogg")))
    noise = 0.002 * np.random.default_rng(0).normal(size=seconds * 16_000).astype(np.float32)
    noise[6 * 16_000 : 6 * 16_000 + len(spoken)] += spoken
    encoder = recognizer.encoders["audio"]
    expected = encoder.embed([noise])[0]
    assert expected.any()
    assert np.allclose(exported._hearing.embedding(noise), expected, atol=1e-4)


@pytest.mark.parametrize("clip", ["silence", "hiss", "long hiss"])
def test_where_nobody_speaks_the_sound_does_not_count(exported, recognizer, clip):
    length = {"silence": 16_000, "hiss": 16_000, "long hiss": 15 * 16_000}[clip]
    samples = 0.05 * np.random.default_rng(0).normal(size=length).astype(np.float32) * (clip != "silence")
    assert not recognizer.encoders["audio"].embed([samples]).any()
    assert exported._hearing.embedding(samples) is None


LONG = "Oat drink for coffee! " + " ".join(f"Ingredient {number} comes from a field." for number in range(40))


@pytest.mark.parametrize("text", ["oat drink", "Café &amp; Crème\n 1\u00a0l", LONG, "word " * 400, "é" * 300])
def test_a_text_is_cut_and_read_as_in_the_product(exported, recognizer, text):
    assert tidy(text, 20_000) == clean_text(text)
    batch, _ = recognizer.embed([Product("1", text=text)])
    assert np.allclose(exported.embed(text=text)["text"], batch.embeddings["text"][0], atol=1e-5)


@pytest.mark.parametrize("kind", ["turned", "transparent", "white", "grey", "cmyk", "palette", "large", "narrow"])
def test_a_photo_becomes_the_same_pixels(exported, recognizer, tmp_path, kind):
    photo = Image.open(next((DEMO_DIR / "images").glob("*.jpg"))).convert("RGB").resize((300, 220))
    file = tmp_path / f"photo.{'png' if kind in ('transparent', 'white', 'palette') else 'jpg'}"
    if kind == "turned":
        exif = Image.Exif()
        exif[0x0112] = 6
        photo.save(file, exif=exif)
    elif kind in ("transparent", "white"):
        photo = photo if kind == "transparent" else Image.new("RGB", photo.size, "white")
        photo.putalpha(Image.linear_gradient("L").resize(photo.size))
        photo.save(file)
    else:
        mode = {"grey": "L", "cmyk": "CMYK", "palette": "P"}.get(kind, "RGB")
        size = {"large": (2400, 1800), "narrow": (60, 900)}.get(kind, photo.size)
        photo.resize(size).convert(mode).save(file)
    encoder = recognizer.encoders["image"]
    assert np.allclose(pixels_of(file, exported.inputs["image"]), encoder.prepare(decode_image(file)), atol=1e-6)


@pytest.mark.parametrize(("strategy", "hidden"), [*((name, ()) for name in sorted(strategies())), ("gated", (8,))])
def test_every_strategys_head_takes_any_batch_and_any_mix(tmp_path, strategy, hidden):
    torch.manual_seed(0)
    sizes = {"fruit": 3, "colour": 7}
    head = build_head(strategy, {"audio": 3, "image": 4, "text": 5}, sizes, width=8, hidden=hidden).eval()
    with torch.no_grad():
        for weight in head.parameters():
            weight.normal_(0, 0.3)
    novelty = Novelty.fit(head, labelled_rows(head, 60, 1), labelled_rows(head, 60, 2))
    outputs = write_head_graph(head, novelty, tmp_path / "head.onnx")
    rows = labelled_rows(head, 7, 5)
    mask = torch.tensor([[place & 1, place & 2, place & 4] for place in range(1, 8)]).bool()
    for place, name in enumerate(head.dims):
        rows.present[name][:] = mask[:, place]
        rows.embeddings[name][~mask[:, place]] = torch.nan
    graph = onnxruntime.InferenceSession(tmp_path / "head.onnx")
    feeds = {name: value.numpy() for name, value in rows.embeddings.items()} | {"present": mask.numpy()}
    *logits, unknown = graph.run(list(outputs), feeds)
    ours = predict_logits(head, rows)
    for found, expected in zip(logits, ours.values(), strict=True):
        assert np.allclose(found, expected, atol=1e-4)
    assert np.allclose(unknown, novelty.scores(rows, ours), atol=1e-3)


def test_finetuned_encoders_with_options_are_exported(tmp_path):
    photos = load_encoder(tiny_photo_encoder(tmp_path) + "+flip+layers=2")
    texts = load_encoder(tiny_text_encoder(tmp_path / "text"))
    facts = write_encoder(photos, tmp_path).to_dict()
    picture = Image.open(next((DEMO_DIR / "images").glob("*.jpg"))).convert("RGB")
    picture.save(tmp_path / "one.png")
    pixels = pixels_of(tmp_path / "one.png", facts)[None]
    found = onnxruntime.InferenceSession(tmp_path / facts["graph"]).run(None, {"pixels": np.repeat(pixels, 3, 0)})[0]
    assert found.shape == (3, photos.dim) and np.allclose(found, photos.embed([picture]), atol=1e-4)
    facts = write_encoder(texts, tmp_path).to_dict()
    (pieces,) = WordPieces(str(tmp_path / facts["tokenizer"]), facts).of("fresh tea best before a b")
    found = onnxruntime.InferenceSession(tmp_path / facts["graph"]).run(None, pieces)[0]
    assert np.allclose(found, texts.embed(["fresh tea best before a b"]), atol=1e-4)


def test_a_finetuned_sound_encoder_keeps_the_listener_that_it_had(tmp_path, recognizer):
    bundled = recognizer.encoders["audio"].backend
    torch.manual_seed(0)
    net = spoken_word.SpokenWordNet().eval()
    spoken_word.save(net, bundled.settings, tmp_path / "tuned.safetensors", bundled.pair.listener)
    encoder = load_encoder(f"torchaudio:spoken-word@{tmp_path / 'tuned.safetensors'}")
    facts = write_encoder(encoder, tmp_path).to_dict()
    assert facts["listener"] == "listener.onnx"
    graphs = [onnxruntime.InferenceSession(tmp_path / facts[name]) for name in ("graph", "listener")]
    spoken = decode_audio(next((DEMO_DIR / "audio").glob("*.ogg")))
    expected = encoder.embed([spoken])[0]
    assert expected.any() and np.allclose(Hearing(*graphs, facts).embedding(spoken), expected, atol=1e-4)


@pytest.mark.parametrize(
    "name", ["torchaudio:log-mel-statistics", "timm:tf_efficientnet_lite0@bundled#crops"], ids=["statistics", "crops"]
)
def test_an_encoder_without_a_graph_is_refused_in_one_sentence(name, tmp_path):
    with pytest.raises(UserError, match="cannot be exported, for it"):
        write_encoder(load_encoder(name), tmp_path)


def test_what_is_no_export_is_not_replaced_and_a_refused_one_leaves_nothing(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(UserError, match="name a new folder"):
        export_onnx(tiny_recognizer(), tmp_path / "mine")
    with pytest.raises(UserError, match="cannot be exported"):
        export_onnx(tiny_recognizer(), tmp_path / "new")
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_an_export_that_answers_otherwise_is_not_kept(tmp_path, monkeypatch):
    monkeypatch.setattr("retail.export.facts.MAX_TOKENS", 4)
    alone = Recognizer(
        {"text": load_encoder(tiny_text_encoder(tmp_path / "text"))},
        build_head("linear", {"text": 16}, {"fruit": 3}).eval(),
        "linear",
        {"fruit": tiny_recognizer().vocabularies["fruit"]},
    )
    with torch.no_grad():
        for weight in alone.head.parameters():
            weight.normal_(0, 1)
    with pytest.raises(UserError, match="differs from the product by .* with text"):
        export_onnx(alone, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_clip_as_wav_is_what_the_product_decoded():
    clip = next((DEMO_DIR / "audio").glob("*.ogg"))
    assert np.allclose(decode_audio(as_wav(clip)), decode_audio(clip), atol=1e-4)
