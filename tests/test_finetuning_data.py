"""What the training reads: the cache changes nothing, absent inputs stay out, helpers may be other processes."""

from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from retail.config import FinetuneConfig
from retail.encoders import load_encoder
from retail.finetuning.data import AsServed, Batches, PhotoCache, TrainingPhotos, TrainingTexts, shrunk
from retail.finetuning.network import Network
from retail.finetuning.run import Tally, rate
from retail.schema import Product
from retail.store import EmbeddingBatch
from tests.tiny_encoders import tiny_photo_encoder, tiny_text_encoder

CONFIG = FinetuneConfig(size=64)


@pytest.fixture
def photos(tmp_path):
    rng = np.random.default_rng(0)
    files = [tmp_path / f"{number}.png" for number in range(3)]
    for file in files:
        Image.fromarray(rng.integers(0, 255, (300, 400, 3), dtype=np.uint8)).save(file)
    return files


def test_a_photo_is_the_same_whether_it_was_kept_or_not_and_the_limit_holds(photos):
    bytes_each = 100 * 133 * 3
    kept, full = PhotoCache(100), PhotoCache(100, limit_bytes=bytes_each + 1)
    kept.fill(iter(photos)), full.fill(iter(photos))
    for file in photos:
        assert kept.photo(file).size == (133, 100)
        assert kept.photo(file).tobytes() == full.photo(file).tobytes()
    # A helper that is spawned gets the settings without a gigabyte of pixels.
    sent = pickle.dumps(kept)
    again = pickle.loads(sent)
    assert len(sent) < bytes_each and again.photo(photos[0]).tobytes() == kept.photo(photos[0]).tobytes()
    before = [kept.photo(file).tobytes() for file in photos]
    for file in photos:
        file.unlink()
    assert [kept.photo(file).tobytes() for file in photos] == before
    assert full.photo(photos[0]).tobytes() == before[0]
    for file in photos[1:]:  # beyond the limit, so read anew
        with pytest.raises(ValueError, match="cannot be read"):
            full.photo(file)


def test_small_photos_are_not_blown_up():
    small = Image.new("RGB", (30, 40))
    assert shrunk(small, 64) is small and shrunk(small, 15).size == (15, 20)


def test_a_broken_photo_is_left_to_whoever_asks_for_it(photos):
    photos[0].write_bytes(b"no photo")
    cache = PhotoCache(100)
    cache.fill(iter(photos))
    with pytest.raises(ValueError, match="not a usable photo"):
        cache.photo(photos[0])
    for file in photos[1:]:
        file.unlink()
        assert cache.photo(file).size == (133, 100)


def test_rows_without_an_input_do_not_reach_its_encoder(photos, tmp_path):
    products = [Product(str(n), images=(file,), text="fresh tea") for n, file in enumerate(photos)]
    image, text = load_encoder(tiny_photo_encoder(tmp_path)), load_encoder(tiny_text_encoder(tmp_path / "bert"))
    readers = {"image": TrainingPhotos(image, products, CONFIG), "text": TrainingTexts(text, products, CONFIG)}
    present = {"image": torch.tensor([True, False, True]), "text": torch.tensor([False, False, True])}
    batch = EmbeddingBatch(tuple("abc"), {name: torch.zeros(3, 1) for name in present}, present, {})
    batches = Batches({"train": readers}, {"train": batch})
    inputs = batches["train", 0, torch.tensor([2, 1, 0])]
    assert inputs["image"][0].tolist() == [0, 2] and inputs["image"][1].shape == (2, 3, 64, 64)
    assert inputs["text"][0].tolist() == [0] and inputs["text"][1]["input_ids"].shape[0] == 1
    assert batches["train", 0, torch.tensor([1])] == {}
    again, later = batches["train", 0, torch.tensor([2, 1, 0])], batches["train", 1, torch.tensor([2, 1, 0])]
    assert torch.equal(again["image"][1], inputs["image"][1]) and not torch.equal(later["image"][1], inputs["image"][1])


def test_validation_sees_what_prediction_sees(photos, tmp_path):
    encoder = load_encoder(tiny_photo_encoder(tmp_path))
    products = [Product(str(n), images=(file,)) for n, file in enumerate(photos)]
    model = encoder.new_model().eval()
    with torch.inference_mode():
        features = model(AsServed(encoder, products)([0, 1, 2], epoch=5))
    expected = encoder.embed([Image.open(file).convert("RGB") for file in photos])
    torch.testing.assert_close(features, expected, atol=1e-4, rtol=1e-3)


def test_an_encoder_travels_to_another_process_by_its_name(tmp_path):
    encoder = load_encoder(tiny_photo_encoder(tmp_path))
    assert pickle.loads(pickle.dumps(encoder)) is encoder


class Flat(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm1d(2)

    def forward(self, rows):
        return self.norm(rows)


def test_a_single_row_moves_no_statistics_and_absent_rows_get_zeros():
    network = Network({"image": Flat()}, nn.Identity(), None, adapt_statistics=True).train()
    norm = network.encoders["image"].norm
    batch = EmbeddingBatch(tuple("ab"), {"image": torch.ones(2, 2)}, {"image": torch.tensor([False, True])}, {})
    embeddings = network.embed({"image": (torch.tensor([1]), torch.full((1, 2), 5.0))}, batch)["image"]
    assert embeddings[0].tolist() == [0, 0] and embeddings[1].tolist() == pytest.approx([5, 5], rel=1e-2)
    assert norm.running_mean.tolist() == [0, 0] and norm.training
    network.embed({"image": (torch.tensor([0, 1]), torch.tensor([[0.0, 0.0], [2.0, 4.0]]))}, batch)
    assert norm.running_mean.tolist() == pytest.approx([0.1, 0.2], rel=1e-2)


def test_tally_by_hand():
    tally = Tally()
    tally.add({"a": torch.eye(2), "b": torch.eye(2)}, {"a": torch.tensor([0, 0]), "b": torch.tensor([-1, -1])})
    tally.add({"a": torch.eye(2), "b": torch.eye(2)}, {"a": torch.tensor([-1, 1]), "b": torch.tensor([-1, -1])})
    assert tally.accuracy() == {"a": 2 / 3}


def test_the_rate_warms_up_and_falls_to_nothing():
    config = replace(CONFIG, epochs=10, warmup_epochs=2.0)
    assert rate(1.0, config) == pytest.approx(0.51) and rate(5.0, config) == pytest.approx(0.5)
    assert rate(10.0, config) == pytest.approx(0)


def test_of_several_photos_the_damaged_are_passed_over_in_training_and_in_validation(photos, tmp_path):
    encoder = load_encoder(tiny_photo_encoder(tmp_path))
    good, broken, missing = photos[0], photos[1], tmp_path / "missing.png"
    broken.write_bytes(b"no photo")
    whole, partly = [Product("a", images=(good,))], [Product("a", images=(broken, good, missing))]
    ours, theirs = (TrainingPhotos(encoder, products, CONFIG) for products in (partly, whole))
    for epoch in range(8):  # each draws one of the three
        assert torch.equal(ours([0], epoch), theirs([0], epoch))
    assert torch.equal(AsServed(encoder, partly)([0], 0), AsServed(encoder, whole)([0], 0))
