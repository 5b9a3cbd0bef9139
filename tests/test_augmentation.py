"""Augmentation repeats itself by seed, stays in range and does what it says."""

from __future__ import annotations

import io
import random
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from retail.augmentation import preview
from retail.augmentation.image import blend, seeded
from retail.augmentation.sound import augmented_features, rerecorded
from retail.augmentation.text import augmented_text, drop_words, mistype
from retail.config import FinetuneConfig
from retail.encoders import load_encoder
from retail.files import DEMO_DIR
from retail.media import decode_audio
from retail.schema import Product

CONFIG = FinetuneConfig(size=64)
CLIP = DEMO_DIR / "audio" / "lark_tea_original_01.ogg"


@pytest.fixture(autouse=True)
def small_bank(monkeypatch):
    """The bank of noises takes seconds at full size."""
    from retail.augmentation.speech import noise_bank

    monkeypatch.setattr("retail.augmentation.speech.BANK", 4)
    noise_bank.cache_clear()
    yield
    noise_bank.cache_clear()


def test_words_are_left_out_at_the_given_rate_and_one_always_stays():
    rng = np.random.default_rng(0)
    words = ["green", "tea", "with", "lemon"]
    kept = [len(drop_words(words, 0.25, rng)) for _ in range(2000)]
    assert np.mean(kept) == pytest.approx(3, abs=0.06)  # 4 * 0.75, and hardly ever all four are drawn
    assert drop_words(words, 0.0, rng) == words and drop_words([], 0.5, rng) == []
    assert all(len(drop_words(words, 1.0, rng)) == 1 for _ in range(20))


def test_typos_by_kind(monkeypatch):
    class Drawn:
        """Every letter is hit; the numbers drawn are given."""

        def __init__(self, *numbers):
            self.numbers = list(numbers)

        def random(self, size):
            return np.array([0.0] + [1.0] * (size - 1))

        def integers(self, below):
            return self.numbers.pop(0)

    assert mistype("tea", 0.5, Drawn(0)) == "eta"  # swapped with the next
    assert mistype("Tea", 0.5, Drawn(1, 0)) == "Rea"  # the key to the left of t
    assert mistype("tea", 0.5, Drawn(2)) == "ea"
    assert mistype("tea", 0.5, Drawn(3)) == "ttea"
    assert mistype("t", 0.5, Drawn(2)) == "t", "a word never vanishes"
    assert mistype("5g", 0.5, Drawn()) == "5g", "digits stay"


def test_texts_repeat_by_seed_and_nothing_changes_at_rate_zero():
    text = "organic oat drink with vanilla, one litre, best served cold"
    heavy = replace(CONFIG, typos=0.3)
    assert augmented_text(text, [1], heavy) == augmented_text(text, [1], heavy) != augmented_text(text, [2], heavy)
    assert augmented_text(text, [1], replace(CONFIG, typos=0.0, word_dropout=0.0)) == text


def test_features_of_plain_clips_are_what_the_encoder_computes():
    """Alone, so nothing is padded."""
    encoder = load_encoder("torchaudio:spoken-word@bundled")
    clip = decode_audio(CLIP)
    plain = augmented_features([clip], [0], replace(CONFIG, vary_sound=False))
    torch.testing.assert_close(plain, encoder.inputs([clip])[0])


def test_sounds_repeat_by_seed_and_differ_between_seeds():
    clip = decode_audio(CLIP)
    one, again, other = (augmented_features([clip, clip[: len(clip) // 2]], [seed], CONFIG) for seed in (1, 1, 2))
    assert torch.equal(one, again) and one.shape[:2] == (2, 64) and one.isfinite().all()
    assert one.shape != other.shape or not torch.equal(one, other)
    heard = rerecorded(clip, [3])
    assert np.abs(heard).max() <= 1.001 and np.array_equal(heard, rerecorded(clip, [3]))


def test_a_seeded_block_leaves_the_generators_as_they_were():
    torch.manual_seed(5), random.seed(5)
    expected = torch.rand(1), random.random()
    torch.manual_seed(5), random.seed(5)
    with seeded([1]):
        torch.rand(3), random.random(), np.random.rand()
    assert (torch.rand(1), random.random()) == expected


def test_a_blend_has_the_shares_it_reports():
    """Ones into zeros: the mean pixel is the share of the ones."""
    for seed in range(8):
        torch.manual_seed(seed)
        pixels, share = blend(torch.ones(1, 3, 40, 40), torch.zeros(1, 3, 40, 40))
        assert float(pixels.mean()) == pytest.approx(share, abs=1e-5)


def test_a_preview_shows_every_input_that_is_there_and_repeats_itself():
    photo = io.BytesIO()
    Image.linear_gradient("L").convert("RGB").save(photo, "PNG")
    product = Product("one", images=(photo.getvalue(),), text="green tea with lemon", audio=CLIP)
    first, again = preview(product, seed=3, count=3), preview(product, seed=3, count=3)
    assert len(first) == 3 and first[0].photo.size == (224, 224)
    for left, right in zip(first, again, strict=True):
        assert left.photo.tobytes() == right.photo.tobytes() and left.text == right.text
        assert np.array_equal(left.sound, right.sound) and np.array_equal(left.spectrogram, right.spectrogram)
    assert first[0].photo.tobytes() != first[1].photo.tobytes()
    only_text = preview(Product("two", text="oat drink"), count=1)[0]
    assert only_text.photo is None and only_text.sound is None and only_text.text
