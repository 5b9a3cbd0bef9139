"""A bundle from elsewhere loads weights from itself and from installed packages, and asks before anything else."""

from __future__ import annotations

import hashlib
import json
import os
import shutil

import pytest
import torch
from safetensors.torch import load, save, save_file
from typer.testing import CliRunner

from retail.__main__ import app
from retail.encoders import load_encoder
from retail.encoders.spoken_word import load_pair
from retail.files import home
from retail.fusion import build_head
from retail.recognizer import Recognizer
from retail.recognizer.bundle import agree_to, load_bundle, read_record
from retail.recognizer.sealed import check_own
from retail.recognizer.trust import OWN, Untrusted, elsewhere, own_weights
from retail.schema import UserError, Vocabulary
from retail.workspace import runs
from tests.pages_driving import open_page, press, said
from tests.test_bundle import change
from tests.tiny_encoders import tiny_photo_encoder, tiny_text_encoder
from tests.tiny_recognizer import tiny_recognizer

HUB = "hf:somebody/unheard-of"


def recognizer_of(**encoders: str) -> Recognizer:
    loaded = {modality: load_encoder(name) for modality, name in encoders.items()}
    head = build_head("linear", {modality: encoder.dim for modality, encoder in loaded.items()}, {"fruit": 2}).eval()
    return Recognizer(loaded, head, "linear", {"fruit": Vocabulary(("apple", "fig"))})


@pytest.fixture(scope="module")
def tuned(tmp_path_factory):
    """A bundle with a photo and a text encoder of its own."""
    folder = tmp_path_factory.mktemp("tuned")
    text = load_encoder(tiny_text_encoder(folder / "t"))
    text.save(text.new_model(), folder / "text")
    return recognizer_of(image=tiny_photo_encoder(folder), text=f"hf:{folder}/text").save(folder / "bundle")


@pytest.fixture
def copied(tuned, tmp_path):
    return shutil.copytree(tuned, tmp_path / "copied")


def renamed(bundle, modality: str, name: str):
    change(bundle, lambda found: found["encoders"][modality].update(name=name))
    return bundle


def test_own_encoders_have_checksums_and_load_without_asking(copied):
    files = read_record(copied).files_sha256
    assert {"image_encoder.safetensors", "text_encoder/config.json", "text_encoder/tokenizer.json"} < set(files)
    assert load_bundle(copied).predict(text="fresh tea").used == ("text",)


@pytest.mark.parametrize("file", ["image_encoder.safetensors", "text_encoder/tokenizer.json"])
def test_another_file_of_an_encoder_is_named(copied, file):
    content = (copied / file).read_bytes()
    (copied / file).write_bytes(content[:-1] + b" ")
    with pytest.raises(UserError, match=rf"{file} in bundle .* does not match its checksum; copy the folder again"):
        load_bundle(copied)
    (copied / file).unlink()
    with pytest.raises(UserError, match="checksum|lacks"):
        load_bundle(copied)


def test_a_file_too_many_beside_an_encoder_is_named(copied):
    (copied / "text_encoder" / "adapter_config.json").write_text('{"base_model_name_or_path": "somebody/else"}')
    with pytest.raises(UserError, match=r"text_encoder/adapter_config\.json in bundle .* does not match"):
        load_bundle(copied)


def test_a_bundle_from_before_there_were_checksums_of_encoders_still_loads(copied):
    change(copied, lambda found: found.pop("files_sha256"))
    assert set(load_bundle(copied).encoders) == {"image", "text"}


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"adapter_config.json": {"base_model_name_or_path": "somebody/else"}}, "holds 'adapter_config.json'"),
        ({"pytorch_model.bin": {}}, "holds 'pytorch_model.bin'"),
        ({"modeling.py": {}}, "holds 'modeling.py'"),
        ({"config.json": {"auto_map": {"AutoModel": "modeling.Model"}}}, "'auto_map', which leads outside"),
        ({"config.json": {"attn_implementation": "somebody/kernel"}}, "'attn_implementation', which leads outside"),
        ({"config.json": {"quantization_config": {"quant_method": "x"}}}, "'quantization_config', which leads"),
        ({"tokenizer_config.json": {"vocab_file": "/etc/passwd"}}, "'vocab_file', which leads outside"),
        ({"config.json": {"num_hidden_layers": 10**9}}, "num_hidden_layers = 1,000,000,000, which does not fit"),
        ({"config.json": {"intermediate_size": 10**9}}, "intermediate_size = 1,000,000,000, which does not fit"),
        ({"config.json": {"hidden_size": 4000}}, "settings ask for [0-9,]+ numbers, and its weights have"),
        ({"config.json": {"model_type": "unheard-of"}}, "knows no network of its kind"),
    ],
)
def test_settings_of_a_text_encoder_lead_nowhere_and_claim_nothing(copied, files, said):
    change(copied, lambda found: found.pop("files_sha256"))
    for name, values in files.items():
        path = copied / "text_encoder" / name
        known = json.loads(path.read_text()) if path.is_file() else {}
        path.write_text(json.dumps(known | values))
    with pytest.raises(UserError, match=said):
        load_bundle(copied)


@pytest.mark.parametrize(
    "name",
    [
        "hf:{bundle}/../elsewhere",
        "hf:{bundle}",
        "timm:test_efficientnet@{bundle}/../x.safetensors",
        "timm:hf-hub:somebody/else@{bundle}/image_encoder.safetensors",
        "timm:test_efficientnet@{bundle}/image_encoder.pt",
        "torchvision:alexnet@{bundle}/alexnet.pt",
        "shared-image:{bundle}/pair",
        "torchaudio:spoken-word@{bundle}/a/b.safetensors",
    ],
)
def test_no_name_leads_out_of_the_bundle_whoever_is_trusted(copied, name):
    renamed(copied, "image", name)
    for trust in (False, True):
        with pytest.raises(UserError, match="asks for|no encoder that a bundle can hold"):
            load_bundle(copied, trust)


def test_a_link_out_of_the_bundle_is_refused(copied, tmp_path):
    weights = copied / "image_encoder.safetensors"
    shutil.move(weights, tmp_path / "outside.safetensors")
    os.symlink(tmp_path / "outside.safetensors", weights)
    with pytest.raises(UserError, match="is a link that leads out of it"):
        load_bundle(copied)
    with pytest.raises(UserError, match="is a link that leads out of it"):
        check_own(copied, "image_encoder.safetensors", {})


@pytest.mark.parametrize("name", [HUB, "timm:resnet18", "timm:resnet18@/tmp/mine.safetensors", "hf:/etc", "hf:../x"])
def test_whatever_is_neither_in_the_bundle_nor_installed_is_named(copied, name, empty_home):
    renamed(copied, "text", name)
    with pytest.raises(Untrusted, match=f"asks for '{name}', from the model hub or this machine") as told:
        load_bundle(copied)
    assert told.value.names == (name,)


@pytest.fixture
def asking(tmp_path, monkeypatch):
    """A bundle of another home, whose encoders have names that mean nothing to this one."""
    monkeypatch.setattr("retail.recognizer.bundle.load_encoder", lambda name: tiny_recognizer().encoders[name[5:]])
    monkeypatch.setenv("RETAIL_HOME", str(tmp_path / "theirs"))
    bundle = tiny_recognizer().save(tmp_path / "asking")
    monkeypatch.setenv("RETAIL_HOME", str(tmp_path / "ours"))
    return bundle


def test_who_agrees_is_asked_once(asking):
    with pytest.raises(Untrusted, match="'tiny:audio', 'tiny:image' and 'tiny:text'"):
        load_bundle(asking)
    assert Recognizer.load(asking, trust=True).encoders
    with pytest.raises(Untrusted):  # once is not for ever
        Recognizer.load(asking)
    agree_to(asking)
    assert Recognizer.load(asking).encoders and len(list((home() / "agreed").iterdir())) == 3


def test_what_this_home_made_and_what_a_run_of_it_made_is_not_asked_about(asking, tmp_path):
    run = shutil.copytree(asking, home() / "runs" / "20260101-000000-abcd" / "bundles" / "gated")
    assert load_bundle(run).encoders
    assert load_bundle(tiny_recognizer().save(tmp_path / "own")).encoders


def test_an_agreement_that_cannot_be_kept_is_said(asking, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("RETAIL_HOME", str(tmp_path / "file"))
    with pytest.raises(UserError, match="make RETAIL_HOME writable"):
        agree_to(asking)


def test_the_command_says_how_to_agree_and_does(asking, monkeypatch):
    said = CliRunner().invoke(app, ["predict", str(asking), "--text", "a pear"])
    assert said.exit_code == 1 and "with --trust" in said.output
    again = CliRunner().invoke(app, ["predict", str(asking), "--text", "a pear", "--trust"])
    assert again.exit_code == 0, again.output
    assert CliRunner().invoke(app, ["predict", str(asking), "--text", "a pear"]).exit_code == 0


def test_the_page_names_what_a_recogniser_asks_for_and_a_button_agrees(asking, monkeypatch):
    real = load_encoder
    tiny = tiny_recognizer().encoders
    monkeypatch.setattr(
        "retail.recognizer.bundle.load_encoder", lambda name: tiny[name[5:]] if name.startswith("tiny:") else real(name)
    )
    shutil.copytree(asking, home() / "bundles" / "theirs")
    app = open_page("recognise", recogniser="Imported: theirs")
    assert "asks for tiny:audio, tiny:image and tiny:text" in said(app).replace("\\", "")
    press(app, "Load them")
    assert "asks for" not in said(app) and len(list((home() / "agreed").iterdir())) == 3


def test_an_imported_recogniser_that_asks_is_kept_and_asks_when_it_is_opened(asking):
    folder = runs.import_bundle("theirs.zip", runs.bundle_zip(asking))
    with pytest.raises(Untrusted):
        load_bundle(folder)


def test_installed_encoders_are_known_by_their_whole_names():
    names = ["hf:all-MiniLM-L6-v2@bundled", "timm:tf_efficientnet_lite0@bundled#size=288+flip"]
    assert elsewhere([*names, "torchaudio:log-mel-statistics", "torchaudio:spoken-word@bundled"]) == ()
    assert elsewhere(["shared-image:somebody/else@bundled"]) == ("shared-image:somebody/else@bundled",)
    assert OWN.fullmatch("hf:{bundle}\\text_encoder") and own_weights("hf:{bundle}/text_encoder") == "text_encoder"


def test_a_head_of_claimed_size_is_refused_before_it_takes_memory(asking):
    agree_to(asking)
    for edit in ({"width": 10**9}, {"hidden": [10**9] * 8}, {"strategy": "stacking", "width": 10**12}):
        before = json.loads((asking / "bundle.json").read_text())
        change(asking, lambda found, own=edit: found.update(own))
        with pytest.raises(UserError, match="does not fit bundle.json"):
            load_bundle(asking)
        (asking / "bundle.json").write_text(json.dumps(before))


def test_a_weight_that_is_no_number_is_refused(asking):
    agree_to(asking)
    tensors = load((asking / "head.safetensors").read_bytes())
    tensors["heads.layers.0.weight"][0, 0] = torch.nan
    content = save(tensors)
    (asking / "head.safetensors").write_bytes(content)
    change(asking, lambda found: found.update(head_sha256=hashlib.sha256(content).hexdigest()))
    with pytest.raises(UserError, match="does not fit"):
        load_bundle(asking)


def test_settings_of_a_sound_encoder_are_checked(tmp_path):
    from retail.encoders.spoken_word import SpokenWordNet

    tensors = {name: value.contiguous() for name, value in SpokenWordNet().state_dict().items()}
    for settings in ("[]", "{}", '{"speech_threshold": "high"}', '{"speech_threshold": 1, "run": "me"}'):
        save_file(tensors, tmp_path / "sound.safetensors", metadata={"settings": settings})
        with pytest.raises(UserError, match="is not a usable spoken-word encoder"):
            load_pair(tmp_path / "sound.safetensors")
