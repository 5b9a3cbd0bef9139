"""Recognizer and bundle over every subset, on tiny encoders that the test makes."""

from __future__ import annotations

import json

import pytest
import torch

from retail import bundle as bundle_module
from retail.bundle import load_bundle, save_bundle
from retail.encoders import Encoder
from retail.fusion import build_head
from retail.recognizer import NOTHING_GIVEN, Recognizer
from retail.schema import SUBSETS, Product, UserError, Vocabulary

PHOTO = b"photo"


class TinyEncoder(Encoder):
    """Sums bytes of whatever it gets into three numbers; stands for a pretrained encoder."""

    def __init__(self, modality):
        self.modality, self.name, self.dim, self._fingerprint = modality, f"tiny:{modality}", 3, f"tiny-{modality}"

    def _embed(self, items):
        return torch.tensor([[float(len(str(item)) % 7), 1.0, -1.0] for item in items])


@pytest.fixture
def png(tmp_path):
    from PIL import Image

    path = tmp_path / "a.png"
    Image.new("RGB", (8, 8), "red").save(path)
    return path


@pytest.fixture
def wav(tmp_path):
    import numpy as np
    import soundfile

    path = tmp_path / "a.wav"
    soundfile.write(path, np.sin(np.arange(16000) / 20).astype("float32"), 16000)
    return path


@pytest.fixture
def recognizer():
    torch.manual_seed(0)
    encoders = {m: TinyEncoder(m) for m in ("audio", "image", "text")}
    head = build_head("gated", dict.fromkeys(encoders, 3), {"fruit": 3, "colour": 7}, width=8).eval()
    vocabularies = {"fruit": Vocabulary(("apple", "fig", "pear")), "colour": Vocabulary(tuple("abcdefg"))}
    return Recognizer(encoders, head, "gated", vocabularies, {"fruit": 2.0, "colour": 1.0}, width=8)


def test_all_seven_subsets_answer_every_task(recognizer, png, wav):
    whole = {"images": (png,), "text": "a fig", "audio": wav}
    answers = recognizer.predict_subsets(Product("p", **whole))
    assert set(answers) == set(SUBSETS)
    names = {"audio": "audio", "image": "images", "text": "text"}
    for subset, answer in answers.items():
        direct = recognizer.predict(Product("p", **{names[m]: whole[names[m]] for m in subset}))
        assert direct.used == answer.used == subset
        for task in ("fruit", "colour"):
            assert sum(answer.probs[task].values()) == pytest.approx(1, abs=1e-5)
            assert direct.probs[task] == pytest.approx(answer.probs[task], abs=1e-5)


def test_inputs_may_be_given_by_name(recognizer, png, wav):
    whole = recognizer.predict(Product("p", (png,), "a fig", wav))
    for image in (png, str(png), png.read_bytes(), [png]):
        assert recognizer.predict(image=image, text="a fig", audio=str(wav)).probs == whole.probs
    two = recognizer.predict(image=[str(png), png.read_bytes()], audio=wav.read_bytes())
    assert two.used == ("audio", "image") and two.id == "product"


def test_inputs_that_cannot_be_meant_are_refused(recognizer, png):
    with pytest.raises(UserError, match="nowhere.jpg does not exist"):
        recognizer.predict(image="nowhere.jpg", text="a fig")
    with pytest.raises(UserError, match="path or the bytes of a file, not int"):
        recognizer.predict(image=[1])
    with pytest.raises(UserError, match="holds its inputs already"):
        recognizer.predict(Product("p", (png,)), text="a fig")


def test_nothing_given_is_one_friendly_sentence(recognizer):
    for given in ((Product("p"),), ()):
        with pytest.raises(UserError, match="at least one photo"):
            recognizer.predict(*given)
    assert NOTHING_GIVEN.endswith(".")


def test_a_broken_photo_leaves_the_text_in_use(recognizer, tmp_path):
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"\xff\xd8\xff\xe0 not a photo")
    answer = recognizer.predict(Product("p", images=(broken,), text="a pear"))
    assert answer.used == ("text",)
    assert len(answer.notes) == 1 and "broken.jpg" in answer.notes[0]


def test_top_five_and_other_share_all_probability(recognizer):
    answer = recognizer.predict(Product("p", text="a pear"))
    top, other = answer.top("colour")
    assert len(top) == 5
    assert sum(prob for _, prob in top) + other == pytest.approx(1, abs=1e-5)
    assert [prob for _, prob in top] == sorted((prob for _, prob in top), reverse=True)


@pytest.fixture
def saved(recognizer, tmp_path, monkeypatch):
    monkeypatch.setattr(bundle_module, "load_encoder", lambda name: TinyEncoder(name.split(":")[1]))
    return save_bundle(recognizer, tmp_path / "bundle")


def test_a_bundle_gives_the_same_answers(recognizer, saved):
    product = Product("p", text="a pear")
    assert load_bundle(saved).predict(product).probs == recognizer.predict(product).probs
    again = Recognizer.load(str(recognizer.save(str(saved.with_name("again")))))
    assert again.predict(product).probs == recognizer.predict(product).probs


def test_damage_is_named(saved):
    weights = saved / "head.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    with pytest.raises(UserError, match="do not match their checksum"):
        load_bundle(saved)
    weights.unlink()
    with pytest.raises(UserError, match=r"lacks head\.safetensors"):
        load_bundle(saved)


def test_another_encoder_version_is_refused(saved):
    description = json.loads((saved / "bundle.json").read_text())
    description["encoders"]["text"]["fingerprint"] = "other"
    (saved / "bundle.json").write_text(json.dumps(description))
    with pytest.raises(UserError, match="another version of the text encoder"):
        load_bundle(saved)


@pytest.mark.parametrize("content", ["{", "[]", '{"format": "retail-bundle/0"}'])
def test_what_is_no_bundle_is_said_in_one_sentence(tmp_path, content):
    with pytest.raises(UserError, match=r"bundle\.json"):
        load_bundle(tmp_path)
    (tmp_path / "bundle.json").write_text(content)
    with pytest.raises(UserError, match="again"):
        load_bundle(tmp_path)
