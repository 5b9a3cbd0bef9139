"""Fine-tuning at a size that takes seconds: a test network of timm, twelve coloured photos."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
import torch
from PIL import Image
from torch.optim.swa_utils import get_ema_multi_avg_fn

from retail.build import finetune_recognizer
from retail.config import FinetuneConfig, TrainConfig
from retail.dataset.reader import read_manifest
from retail.encoders import preset_names
from retail.encoders.image import TimmEncoder
from retail.files import GROCERIES_BUNDLE
from retail.finetuning import finetune
from retail.finetuning.run import Run, average_with_warm_up
from retail.frozen.curves import ALL, finetuned_learner, learning_curves
from retail.frozen.rows import embedded_rows
from retail.recognizer.bundle import load_bundle, save_bundle
from retail.schema import Product, UserError, Vocabulary
from retail.store import EmbeddingStore, embed_products
from retail.training import fit
from tests.tiny_encoders import tiny_photo_encoder

TINY = FinetuneConfig(epochs=2, batch_size=4, size=64, average=0.5, warmup_epochs=0.5)
HEAD = TrainConfig(strategy="concatenation", modalities=("image",), width=16, max_epochs=3, dropout=0.0)
COLOURS = {"red": (210, 30, 40), "green": (30, 160, 60), "blue": (40, 60, 200)}


@pytest.fixture
def photos(tmp_path, monkeypatch):
    """A folder of three colours in two shades of light, and its manifest."""
    monkeypatch.setenv("RETAIL_HOME", str(tmp_path / "home"))
    rows = ["id,image_file_name,colour,split"]
    for colour, rgb in COLOURS.items():
        for place in range(6):
            shade = tuple(min(255, value + 6 * place) for value in rgb)
            Image.new("RGB", (80, 70), shade).save(tmp_path / f"{colour}{place}.png")
            split = "val" if place == 5 else "train"
            rows.append(f"{colour}{place},{colour}{place}.png,{colour},{split}")
    (tmp_path / "metadata.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return read_manifest(tmp_path, ["colour"])


@pytest.fixture
def encoder_name(tmp_path):
    return tiny_photo_encoder(tmp_path / "weights")


def rows(manifest, encoder):
    """((products, batch) of train, the same of val, sizes, a head trained on the frozen embeddings)"""
    from retail.splits import vocabularies_of

    vocabularies = vocabularies_of(manifest.products, ["colour"])
    parts = []
    for split in ("train", "val"):
        products = manifest.in_split(split)
        parts.append((products, embed_products(products, {"image": encoder}, vocabularies, EmbeddingStore())[0]))
    head = fit(parts[0][1], parts[1][1], {"colour": 3}, HEAD).head
    return *parts, head


def test_a_killed_run_resumes_from_its_last_epoch_to_the_same_result(photos, encoder_name, tmp_path):
    encoder = TimmEncoder(encoder_name.partition(":")[2])
    train, val, head = rows(photos, encoder)
    unbroken = finetune({"image": encoder}, head, train, val, TINY, tmp_path / "a.pt")
    assert [entry.epoch for entry in unbroken.history] == [1, 2] and unbroken.trainable > 100_000

    class Killed(Exception):
        pass

    def kill(entry):
        raise Killed

    with pytest.raises(Killed):
        finetune({"image": encoder}, head, train, val, TINY, tmp_path / "b.pt", kill)
    resumed = finetune({"image": encoder}, head, train, val, TINY, tmp_path / "b.pt")
    assert resumed.seconds == sum(entry.seconds for entry in resumed.history) and len(resumed.history) == 2
    assert resumed.weights == unbroken.weights  # named by the hash of its weights
    for name, value in unbroken.head.state_dict().items():
        assert torch.equal(resumed.head.state_dict()[name], value), name
    with pytest.raises(UserError, match="other settings or other data"):
        finetune({"image": encoder}, head, train, val, replace(TINY, seed=1), tmp_path / "b.pt")
    other = finetune({"image": encoder}, head, train, val, replace(TINY, seed=1), tmp_path / "c.pt")
    assert other.weights != unbroken.weights


def test_where_memory_runs_out_half_the_batch_goes_on_from_the_last_epoch_and_is_said(
    photos, encoder_name, tmp_path, monkeypatch
):
    encoder = TimmEncoder(encoder_name.partition(":")[2])
    train, val, head = rows(photos, encoder)
    losses, sizes, limit = Run._losses, [], [4]

    def limited(self, inputs, batch, tally):
        sizes.append(len(batch))
        if len(batch) > limit[0]:
            raise MemoryError
        return losses(self, inputs, batch, tally)

    monkeypatch.setattr(Run, "_losses", limited)
    found = finetune({"image": encoder}, head, train, val, TINY, tmp_path / "a.pt", lambda entry: limit.insert(0, 2))
    assert found.note == "Memory did not hold batches of 4 products, so the training took batches of 2."
    assert found.config == replace(TINY, batch_size=2) and [entry.epoch for entry in found.history] == [1, 2]
    assert sizes[:4] == [4, 4, 4, 3] and sizes[4] == 4 and sizes[5:] == [2] * 7 + [1]


def test_a_damaged_checkpoint_is_begun_anew_and_lost_photos_are_told_in_one_sentence(
    photos, encoder_name, tmp_path, caplog
):
    encoder = TimmEncoder(encoder_name.partition(":")[2])
    train, val, head = rows(photos, encoder)
    (tmp_path / "a.pt").write_bytes(b"PK half of a checkpoint")
    found = finetune({"image": encoder}, head, train, val, replace(TINY, epochs=1), tmp_path / "a.pt")
    assert len(found.history) == 1 and "a.pt is damaged, so the training begins anew" in caplog.text
    (tmp_path / "red5.png").unlink()  # validation reads it in every epoch
    with pytest.raises(UserError, match=r"cannot be read any more \(.*red5.png.*\); put the files back") as error:
        finetune({"image": encoder}, head, train, val, TINY)
    assert "\n" not in str(error.value)


def test_only_the_last_layers_learn_and_frozen_statistics_stay(photos, encoder_name):
    encoder = TimmEncoder(encoder_name.partition(":")[2])
    before = encoder.new_model().state_dict()
    depths = encoder.depths(encoder.new_model())
    train, val, head = rows(photos, encoder)
    adapting = replace(TINY, learning_rate=0.05, batch_norm="adapt")
    for settings in (replace(adapting, layers=2), replace(adapting, batch_norm="keep")):
        tuned = finetune({"image": encoder}, head, train, val, settings)
        after = TimmEncoder(f"test_efficientnet@{tuned.weights['image']}#size=64").new_model().state_dict()
        changed = {name for name in before if not torch.equal(before[name].half(), after[name].half())}
        if settings.layers:
            assert changed & set(depths)
            assert all(depths[name] < 2 for name in changed & set(depths))
            assert not [name for name in changed if name.startswith("bn1.running")]
        else:
            assert len(changed & set(depths)) > len(depths) / 2
            assert not [name for name in changed if "running" in name]


def test_a_network_from_scratch_forgets_the_pretrained_weights(photos, encoder_name):
    encoder = TimmEncoder(encoder_name.partition(":")[2])
    train, val, head = rows(photos, encoder)
    tuned = finetune(
        {"image": encoder}, head, train, val, replace(TINY, start="scratch", epochs=1, learning_rate=1e-9, seed=3)
    )
    stem = "conv_stem.weight"
    ours = TimmEncoder(f"test_efficientnet@{tuned.weights['image']}").new_model().state_dict()[stem]
    assert (ours - encoder.new_model().state_dict()[stem]).abs().mean() > 0.01
    learned = TimmEncoder(f"test_efficientnet@{tuned.weights['image']}").new_model().state_dict()
    assert learned["bn1.running_mean"].abs().max() > 0  # without a source there are no statistics to keep
    assert bool((tuned.head.get_buffer("mean_image") == 0).all())


def test_a_finetuned_bundle_is_portable_and_learns_the_colours(photos, encoder_name, tmp_path):
    tuning = replace(TINY, epochs=20, learning_rate=5e-3, mix=0.0, augment="", erase=0.0)
    recognizer = finetune_recognizer(photos, HEAD, tuning, f"image={encoder_name}")
    assert recognizer.info.finetuning_history[-1].val_accuracy["colour"] == 1.0
    folder = save_bundle(recognizer, tmp_path / "bundle").rename(tmp_path / "moved")
    assert str(tmp_path) not in (folder / "bundle.json").read_text(encoding="utf-8").split('"info"')[0]
    for file in (tmp_path / "home" / "encoders").iterdir():
        file.unlink()
    loaded = load_bundle(folder)
    product = photos.in_split("val")[0]
    assert loaded.predict(product).probs["colour"] == pytest.approx(recognizer.predict(product).probs["colour"])
    assert loaded.encoders["image"].fingerprint != TimmEncoder(encoder_name.partition(":")[2]).fingerprint
    weights = folder / "image_encoder.safetensors"
    weights.write_bytes(weights.read_bytes()[:-2] + b"zz")
    with pytest.raises(UserError):
        load_bundle(folder.rename(tmp_path / "again"))


def test_what_cannot_be_finetuned_is_said(photos, encoder_name):
    with pytest.raises(UserError, match="--tune names image"):
        finetune_recognizer(photos, replace(HEAD, modalities=("text",)), TINY, "bundled")
    with pytest.raises(UserError, match="mix is at least 0 and at most 1, not 2"):
        FinetuneConfig(mix=2)
    with pytest.raises(UserError, match="'pretrained' or 'scratch'"):
        FinetuneConfig(start="hub")
    with pytest.raises(UserError, match="learns in all its layers"):
        FinetuneConfig(start="scratch", layers=2)


def test_size_and_mirror_images_make_other_encoders(encoder_name):
    base = encoder_name.partition(":")[2]
    larger, mirrored = TimmEncoder(base.replace("size=64", "size=96")), TimmEncoder(base + "+flip")
    assert len({TimmEncoder(base).fingerprint, larger.fingerprint, mirrored.fingerprint}) == 3
    photo = Image.linear_gradient("L").rotate(90).convert("RGB")
    both = mirrored.embed([photo, photo.transpose(Image.Transpose.FLIP_LEFT_RIGHT)])
    torch.testing.assert_close(both[0], both[1], atol=2e-3, rtol=0)
    with pytest.raises(UserError, match="Cannot read the photo encoder"):
        TimmEncoder(base + "+zoom")
    assert preset_names("bundled")["image"].endswith("@bundled")


def test_the_kept_bundle_is_small_and_answers():
    assert sum(file.stat().st_size for file in GROCERIES_BUNDLE.iterdir()) <= 20e6
    recognizer = load_bundle(GROCERIES_BUNDLE)
    photo = io.BytesIO()
    Image.new("RGB", (300, 300), (200, 30, 30)).save(photo, "PNG")
    prediction = recognizer.predict(Product("one", images=(photo.getvalue(),)))
    assert len(prediction.probs["product"]) == 81 and sum(prediction.probs["category"].values()) == pytest.approx(1)


def test_hidden_layers_learn_first_alone_and_come_back_from_the_bundle(photos, encoder_name, tmp_path):
    deep = replace(HEAD, hidden=(24, 12), hidden_dropout=0.1, max_epochs=2)
    recognizer = finetune_recognizer(photos, deep, TINY, f"image={encoder_name}")
    assert recognizer.head.hidden == (24, 12)
    assert len(recognizer.info.history) <= 2 and len(recognizer.info.finetuning_history) == 2
    loaded = load_bundle(save_bundle(recognizer, tmp_path / "deep"))
    product = photos.in_split("val")[0]
    assert loaded.predict(product).probs["colour"] == pytest.approx(recognizer.predict(product).probs["colour"])


def test_rare_classes_weigh_more_when_asked(photos, encoder_name):
    encoder = TimmEncoder(encoder_name.partition(":")[2])
    (products, batch), val, head = rows(photos, encoder)
    few = [place for place, product in enumerate(products) if product.labels["colour"] != "red" or place % 5 == 0]
    train = [products[place] for place in few], batch.rows(few)
    weights = {}
    for balance in ("none", "inverse", "sampling"):
        tuned = finetune({"image": encoder}, head, train, val, replace(TINY, class_balance=balance, mix=0.0))
        weights[balance] = tuned.head.state_dict()
    for balance in ("inverse", "sampling"):
        assert any(not torch.equal(weights["none"][name], value) for name, value in weights[balance].items()), balance
    with pytest.raises(UserError, match="class_balance"):
        FinetuneConfig(class_balance="often")


def test_a_learning_curve_takes_a_finetuned_encoder_and_leaves_no_weights_behind(photos, encoder_name, tmp_path):
    encoder = TimmEncoder(encoder_name.partition(":")[2])
    train, scored, vocabularies = embedded_rows(photos, encoder, "val")
    tuning = replace(TINY, epochs=20, learning_rate=5e-3, mix=0.0, augment="", erase=0.0)
    learner = finetuned_learner(encoder, train, scored, {"colour": len(vocabularies["colour"])}, tuning)
    table = learning_curves({"finetuned": learner}, train, scored, ["colour"], [2, ALL], draws=2)
    assert [(row.shots, row.n_train) for row in table] == [(2, 6), ("all", 15)]
    assert table[-1].accuracy == 1.0
    assert not list((tmp_path / "home" / "encoders").iterdir())


def test_products_without_any_input_of_the_head_change_nothing(photos, encoder_name):
    encoder = TimmEncoder(encoder_name.partition(":")[2])
    train, val, head = rows(photos, encoder)
    tuning = replace(TINY, mix=1.0)
    bare = [Product(f"bare{place}", labels=train[0][0].labels) for place in range(30)]  # fills whole batches
    vocabularies = {"colour": Vocabulary(tuple(sorted(COLOURS)))}
    some = [
        (products + bare, embed_products(products + bare, {"image": encoder}, vocabularies, EmbeddingStore())[0])
        for products, _ in (train, val)
    ]
    unchanged, with_bare = (finetune({"image": encoder}, head, *both, tuning) for both in ((train, val), some))
    assert with_bare.weights == unchanged.weights
    assert [entry.val_loss for entry in with_bare.history] == [entry.val_loss for entry in unchanged.history]


def test_a_stopped_run_is_not_resumed_on_other_labels_inputs_or_another_head(photos, encoder_name, tmp_path):
    encoder = TimmEncoder(encoder_name.partition(":")[2])
    (products, batch), val, head = rows(photos, encoder)
    checkpoint, own = tmp_path / "resume.pt", {"image": encoder}
    once, more = replace(TINY, epochs=1), {"checkpoint": checkpoint, "head_config": HEAD}
    finished = finetune(own, head, (products, batch), val, once, **more)
    assert finetune(own, head, (products, batch), val, once, **more).history == finished.history
    labels = replace(batch, targets={"colour": batch.targets["colour"].roll(1)})
    inputs = replace(batch, embeddings={"image": batch.embeddings["image"].roll(1, 0)})
    few = replace(batch, present={"image": torch.arange(len(batch)) > 0})
    for other in (labels, inputs, few):
        with pytest.raises(UserError, match="other data"):
            finetune(own, head, (products, other), val, once, **more)
        with pytest.raises(UserError, match="other data"):
            finetune(own, head, (products, batch), (products, other), once, **more)
    with pytest.raises(UserError, match="other settings"):
        finetune(own, head, (products, batch), val, once, checkpoint, head_config=replace(HEAD, dropout=0.3))


def test_after_a_few_steps_the_kept_average_is_close_to_the_last_weights(photos, encoder_name, tmp_path):
    encoder = TimmEncoder(encoder_name.partition(":")[2])
    train, val, head = rows(photos, encoder)
    finetune({"image": encoder}, head, train, val, replace(TINY, epochs=3, average=0.99), tmp_path / "resume.pt")
    state = torch.load(tmp_path / "resume.pt", weights_only=True)

    def moved(weights, prefix):
        start = dict(head.named_parameters())
        return sum((weights[prefix + name] - value).norm().item() ** 2 for name, value in start.items()) ** 0.5

    assert state["average"]["n_averaged"] == 12
    assert moved(state["average"], "module.head.") > 0.85 * moved(state["network"], "head.") > 0


@pytest.mark.parametrize("decay", [0.0, 0.5, 0.99])
def test_the_average_warms_up_to_its_decay(decay):
    average, plain = average_with_warm_up(decay), get_ema_multi_avg_fn(decay)
    first, late, expected = [torch.zeros(1)], [torch.zeros(1)], [torch.zeros(1)]
    average(first, [torch.ones(1)], torch.tensor(2))
    average(late, [torch.ones(1)], torch.tensor(890)), plain(expected, [torch.ones(1)], None)
    assert float(first[0]) == pytest.approx(1 - min(decay, 3 / 12)) and torch.equal(late[0], expected[0])
