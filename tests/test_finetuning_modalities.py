"""Text and sound encoders learn as photo encoders do, alone and together, and come back from a bundle."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pytest
import torch

from retail.build import finetune_recognizer
from retail.config import FinetuneConfig, TrainConfig
from retail.dataset.reader import read_manifest
from retail.encoders import load_encoder
from retail.encoders.tunable import layer_depths
from retail.files import DEMO_DIR, home
from retail.media import decode_audio
from retail.recognizer.bundle import load_bundle, save_bundle
from retail.schema import MODALITIES, UserError
from tests.conftest import write_small_data
from tests.tiny_encoders import tiny_photo_encoder, tiny_text_encoder

HEAD = TrainConfig(strategy="gated", width=16, max_epochs=3, dropout=0.0)
ALL = FinetuneConfig(tune=MODALITIES, epochs=2, batch_size=4, size=64, average=0.5, warmup_epochs=0.5)


@pytest.fixture(autouse=True)
def small_bank(monkeypatch):
    """The bank of noises takes seconds at full size."""
    from retail.augmentation.speech import noise_bank

    monkeypatch.setattr("retail.augmentation.speech.BANK", 4)
    noise_bank.cache_clear()
    yield
    noise_bank.cache_clear()


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """24 products with photo, text and sound; two of them lack one input."""
    folder = write_small_data(tmp_path_factory.mktemp("three") / "data", rows=24)
    text = (folder / "metadata.csv").read_text(encoding="utf-8")
    text = text.replace("images/0.png", "").replace("audio/1.wav", "")
    (folder / "metadata.csv").write_text(text, encoding="utf-8")
    return read_manifest(folder, ["colour", "drink"])


@pytest.fixture(scope="module")
def names(tmp_path_factory):
    """A mix of encoders: tiny ones for photos and texts, the bundled one for sounds."""
    folder = tmp_path_factory.mktemp("tiny")
    return f"image={tiny_photo_encoder(folder)},text={tiny_text_encoder(folder / 'bert')}"


class Killed(Exception):
    pass


def kill(entry):
    raise Killed


def weights_of(recognizer):
    """Content hashes of the tuned encoders, which their files are named by."""
    return {modality: encoder.finetuned.name for modality, encoder in recognizer.encoders.items() if encoder.finetuned}


def test_all_three_encoders_learn_and_a_killed_run_resumes_to_the_same_hashes(data, names, tmp_path):
    unbroken = finetune_recognizer(data, HEAD, ALL, names)
    with pytest.raises(Killed):
        finetune_recognizer(data, HEAD, ALL, names, tmp_path / "resume.pt", on_epoch=kill)
    resumed = finetune_recognizer(data, HEAD, ALL, names, tmp_path / "resume.pt")
    assert set(weights_of(unbroken)) == set(MODALITIES) and weights_of(resumed) == weights_of(unbroken)
    for name, value in unbroken.head.state_dict().items():
        assert torch.equal(resumed.head.state_dict()[name], value), name
    entry = resumed.info.finetuning_history[-1]
    assert entry.epoch == ALL.epochs and set(entry.train_accuracy) == set(entry.val_accuracy) == {"colour", "drink"}


@pytest.mark.parametrize("modality", ["text", "audio"])
def test_a_tuned_encoder_has_its_own_fingerprint_and_a_bundle_takes_it_along(data, names, modality, tmp_path):
    config = replace(HEAD, modalities=(modality,))
    recognizer = finetune_recognizer(data, config, replace(ALL, tune=(modality,), epochs=1), names)
    kept = recognizer.encoders[modality].finetuned
    folder = save_bundle(recognizer, tmp_path / "bundle").rename(tmp_path / "moved")
    shutil.rmtree(kept) if kept.is_dir() else kept.unlink()
    assert str(home()) not in (folder / "bundle.json").read_text(encoding="utf-8")
    loaded = load_bundle(folder)
    product = next(row for row in data.in_split("val") if modality in row.modalities)
    assert loaded.predict(product).probs["drink"] == pytest.approx(recognizer.predict(product).probs["drink"])
    plain = load_encoder("torchaudio:spoken-word@bundled" if modality == "audio" else names.split("text=")[1])
    assert loaded.encoders[modality].fingerprint != plain.fingerprint
    # Saved once more from its own folder, it stays whole.
    assert load_bundle(save_bundle(loaded, folder)).encoders[modality].finetuned


def test_half_precision_is_what_is_kept(data, names):
    import safetensors

    text = finetune_recognizer(data, replace(HEAD, modalities=("text",)), replace(ALL, tune=("text",), epochs=1), names)
    with safetensors.safe_open(text.encoders["text"].finetuned / "model.safetensors", framework="pt") as opened:
        assert {str(opened.get_tensor(name).dtype) for name in opened.keys()} == {"torch.float16"}  # noqa: SIM118


def test_the_verdict_whether_somebody_speaks_does_not_drift(data, names):
    tuning = replace(ALL, tune=("audio",), epochs=1, audio_learning_rate=0.05)
    recognizer = finetune_recognizer(data, replace(HEAD, modalities=("audio",)), tuning, names)
    tuned, plain = recognizer.encoders["audio"].new_model(), load_encoder("torchaudio:spoken-word@bundled").new_model()
    heard = plain.listener.state_dict()
    assert all(torch.equal(value, heard[name]) for name, value in tuned.listener.state_dict().items())
    assert not torch.equal(tuned.net.embed.weight, plain.net.embed.weight.half().float())


def test_the_listener_decides_whatever_the_tuned_network_says(tmp_path):
    encoder = load_encoder("torchaudio:spoken-word@bundled")
    model = encoder.new_model()
    model.net.speech.bias.data.fill_(-1000.0)  # would hear speech nowhere
    encoder.save(model, tmp_path / "tuned.safetensors")
    clip = decode_audio(DEMO_DIR / "audio" / "lark_tea_original_01.ogg")
    tuned = load_encoder(encoder.name_with(tmp_path / "tuned.safetensors"))
    assert tuned.embed([clip]).any() and tuned.finetuned == tmp_path / "tuned.safetensors"
    model.listener.speech.bias.data.fill_(-1000.0)
    encoder.save(model, tmp_path / "deaf.safetensors")
    assert not load_encoder(encoder.name_with(tmp_path / "deaf.safetensors")).embed([clip]).any()


def test_frozen_encoders_stay_and_only_the_last_layers_of_a_transformer_learn(data, names):
    tuning = replace(ALL, tune=("text",), layers=1, text_learning_rate=0.05, epochs=1)
    recognizer = finetune_recognizer(data, replace(HEAD, modalities=("image", "text")), tuning, names)
    photos = load_encoder(names.split(",")[0].removeprefix("image="))
    assert recognizer.encoders["image"].fingerprint == photos.fingerprint
    before = load_encoder(names.split("text=")[1]).new_model().state_dict()
    after = recognizer.encoders["text"].new_model().state_dict()
    changed = {name for name in before if not torch.equal(before[name].half(), after[name].half())}
    assert changed and all(".layer.1." in name for name in changed)


def test_depths_of_numbered_layers_by_hand():
    names = ["embeddings.word", "encoder.layer.0.w", "encoder.layer.1.w", "encoder.layer.1.b", "norm.w"]
    assert list(layer_depths(names).values()) == [3, 2, 1, 1, 0]
    assert list(layer_depths(names[:4]).values()) == [2, 1, 0, 0]
    assert layer_depths(["w", "b"]) == {"w": 0, "b": 0}


def test_what_cannot_learn_is_said(data, names):
    sounds = replace(HEAD, modalities=("audio",))
    with pytest.raises(UserError, match="Only 'torchaudio:spoken-word' can be fine-tuned"):
        finetune_recognizer(data, sounds, replace(ALL, tune=("audio",)), "audio=torchaudio:log-mel-statistics")
    with pytest.raises(UserError, match="tune is 'audio' or 'image' or 'text', not 'smell'"):
        FinetuneConfig(tune=("smell",))


def test_adapters_are_merged_into_the_weights_that_are_kept(data, names):
    tuning = replace(ALL, tune=("text",), lora_rank=2, lora_learning_rate=0.05, epochs=1)
    recognizer = finetune_recognizer(data, replace(HEAD, modalities=("text",)), tuning, names)
    before = load_encoder(names.split("text=")[1]).new_model().state_dict()
    after = recognizer.encoders["text"].new_model().state_dict()
    assert list(after) == list(before)
    changed = {name for name in before if not torch.equal(before[name].half(), after[name].half())}
    assert changed and all(".layer." in name and name.endswith("weight") for name in changed)
    for name in changed:  # of rank 2, but for the rounding to half precision
        sizes = torch.linalg.svdvals(after[name] - before[name].half().float())
        assert sizes[2] < 0.02 * sizes[0], name
    head = sum(weight.numel() for weight in recognizer.head.parameters())
    assert recognizer.info.trainable_parameters == head + 2 * (4 * 64 + 2 * 96)


def test_a_contrastive_run_reports_retrieval_before_and_after_and_resumes(data, names, tmp_path):
    config = replace(HEAD, modalities=("image", "text"))
    tuning = replace(ALL, tune=("text",), contrast=0.5, text_learning_rate=0.02)
    unbroken = finetune_recognizer(data, config, tuning, names)
    rows = unbroken.info.retrieval
    assert [(row.query, row.found) for row in rows.after] == [("image", "text"), ("text", "image")]
    assert rows.before != rows.after and {row.n for row in rows.before} == {6}
    with pytest.raises(Killed):
        finetune_recognizer(data, config, tuning, names, tmp_path / "resume.pt", on_epoch=kill)
    resumed = finetune_recognizer(data, config, tuning, names, tmp_path / "resume.pt")
    assert weights_of(resumed) == weights_of(unbroken) and resumed.info.retrieval == rows
    plain = finetune_recognizer(data, config, replace(tuning, contrast=0.0), names)
    assert weights_of(plain)["text"] != weights_of(unbroken)["text"] and plain.info.retrieval is None
    with pytest.raises(UserError, match="two kinds of input"):
        finetune_recognizer(data, replace(HEAD, modalities=("text",)), tuning, names)
