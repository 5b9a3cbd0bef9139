"""Damage does what it says, robustness curves fall where they must, and swapped inputs are counted by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor
from typer.testing import CliRunner

from retail.__main__ import app
from retail.evaluation.damage import (
    DAMAGES,
    Damage,
    blurred,
    clipped,
    darkened,
    in_noise,
    mistyped,
    noisy,
    occluded,
    truncated,
)
from retail.evaluation.foreign_words import GERMAN, in_german, in_greek_letters, known_share
from retail.evaluation.reports import DamagedScore, Robustness
from retail.evaluation.robustness import robustness, some_of
from retail.evaluation.swapped import swapped
from retail.fusion import FusionHead
from retail.recognizer import Recognizer
from retail.report.robustness_tables import robustness_tables, robustness_text, sentences
from retail.schema import MODALITIES, Product, UserError, Vocabulary
from retail.store import EmbeddingBatch
from tests.test_cli import bundle  # noqa: F401


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture
def photo() -> Image.Image:
    pixels = np.zeros((60, 80, 3), dtype=np.uint8)
    pixels[:, 40:] = 200
    return Image.fromarray(pixels)


def test_photos_are_blurred_covered_darkened_and_noisy_as_much_as_asked(photo):
    blur = np.asarray(blurred(photo, 0.05, rng()), dtype=float)[30, :, 0]
    assert 0 < blur[39] < blur[40] < 200 and blur[0] == 0
    for share in (0.1, 0.5):
        grey = (np.asarray(occluded(photo, share, rng())) == 127).all(2).mean()
        assert grey == pytest.approx(share, abs=0.03)
    assert np.asarray(darkened(photo, 0.25, rng())).max() == 50
    flat = Image.new("RGB", (80, 80), (127, 127, 127))
    assert np.asarray(noisy(flat, 0.1, rng())).std() == pytest.approx(25.5, abs=1)
    assert photo.getpixel((79, 0)) == (200, 200, 200)  # the original stays


def test_texts_are_mistyped_cut_and_put_in_other_words():
    text = "Fennimore ground Coffee, black tin of tea"
    assert truncated(text, 0.5, rng()).split() == text.split()[:4] and truncated("one", 0.1, rng()) == "one"
    assert mistyped(text, 0.0, rng()) == text != mistyped(text, 0.4, rng())
    assert in_german(text, 1.0, rng()) == "Fennimore gemahlener kaffee, schwarz dose von tee"
    assert in_german(text, 0.0, rng()) == text
    assert in_greek_letters("Tea 250", 1.0, rng()) == "τεα 250"
    assert known_share(["black Fennimore"]) == 0.5 and known_share([]) == 0.0
    assert all(word == word.lower() for word in GERMAN)


def test_sounds_are_noisy_and_clipped_as_much_as_asked():
    clip = np.sin(np.arange(16_000) / 5).astype("float32")
    noise = in_noise(clip, 10.0, rng()) - clip
    assert 10 * np.log10(np.mean(clip**2) / np.mean(noise**2)) == pytest.approx(10, abs=0.2)
    cut = clipped(clip, 0.25, rng())
    assert np.abs(cut).max() == pytest.approx(1.0, abs=1e-3) and (np.abs(cut) > 0.99).mean() > 0.8
    assert np.isfinite(clipped(np.zeros(10, dtype="float32"), 0.5, rng())).all()


def test_every_damage_has_three_or_four_strengths_and_equal_seeds_repeat_it(photo):
    clip = np.sin(np.arange(8_000) / 5).astype("float32")
    items = {"image": photo, "text": "black tea and coffee in a tin", "audio": clip}
    for damage in DAMAGES:
        assert 3 <= len(damage.strengths) <= 4
        for strength in damage.strengths:
            one, other = (damage.spoil(items[damage.modality], strength, rng()) for _ in range(2))
            assert np.array_equal(np.asarray(one), np.asarray(other))


class Adding(FusionHead):
    """Adds the inputs' features as logits; the inputs count as `weights` say."""

    weights = {"audio": 1.0, "image": 2.0, "text": 1.5}

    def fuse(self, embeddings: dict[str, Tensor], present: dict[str, Tensor]) -> dict[str, Tensor]:
        return {"kind": sum(self.weights[name] * rows for name, rows in embeddings.items())}  # type: ignore[dict-item]


VOCABULARY = {"kind": Vocabulary(("a", "b", "c"))}


def known_batch(rows: int) -> tuple[EmbeddingBatch, np.ndarray]:
    """Every input names the class without a fault."""
    target = np.arange(rows) % 3
    one_hot = torch.eye(3)[torch.from_numpy(target)]
    present = {name: torch.ones(rows, dtype=torch.bool) for name in MODALITIES}
    ids = tuple(str(row) for row in range(rows))
    return EmbeddingBatch(ids, {name: one_hot.clone() for name in MODALITIES}, present, {}), target


def test_a_swapped_input_is_believed_as_much_as_its_weight_says():
    batch, target = known_batch(30)
    recognizer = Recognizer({}, Adding(dict.fromkeys(MODALITIES, 3), {"kind": 3}).eval(), "adding", VOCABULARY)
    groups = np.array(batch.ids, dtype=object)
    rows = {(r.given, r.swapped): r for r in swapped(recognizer, batch, {"kind": target}, groups)}
    assert set(rows) == {
        (("audio", "image"), "audio"),
        (("audio", "text"), "audio"),
        (("image", "text"), "image"),
        *((MODALITIES, name) for name in MODALITIES),
    }
    photo_wins = rows[("image", "text"), "image"]
    assert (photo_wins.follows_swapped, photo_wins.follows_others, photo_wins.n) == (1.0, 0.0, 30)
    assert rows[("audio", "image"), "audio"].follows_others == 1.0
    assert rows[MODALITIES, "image"].follows_others == 1.0  # sound and text together outweigh it
    assert photo_wins.follows_swapped_low < 1.0 == photo_wins.follows_swapped_high
    figures = dict.fromkeys(("accuracy", "change", "use"), 1.0)
    figures |= {f"{name}_{end}": 1.0 for name in figures for end in ("low", "high")}
    curve = DamagedScore(task="kind", input="image", damage="none", strength=None, given="all", n=30, **figures)
    lists = {"curves": (curve,), "swapped": tuple(rows.values()), "remarks": (), "notes": ()}
    said = sentences(Robustness(seed=0, n=30, inputs=MODALITIES, strategy="adding", bundle={}, **lists))
    assert any(
        "photo and description contradict each other, the model follows the photo for 100.0 %" in s for s in said
    )


def test_an_answer_of_neither_product_is_counted_and_unknown_classes_are_left_out():
    batch, target = known_batch(30)
    head = Adding(dict.fromkeys(MODALITIES, 3), {"kind": 3}).eval()
    head.weights = {"audio": -1.0, "image": -1.0, "text": 0.0}  # answers what neither says
    recognizer = Recognizer({}, head, "adding", VOCABULARY)
    target[0], target[1] = 10**6, -1
    rows = swapped(recognizer, batch, {"kind": target}, np.array(batch.ids, dtype=object))
    row = next(row for row in rows if row.given == ("audio", "image"))
    assert row.follows_neither == 1.0 and row.n == 28


class MeanColour:
    """A photo's mean red, green and blue; deaf to everything else."""

    modality, dim, name, fingerprint, absent_note = "image", 3, "mean", "mean-colour", ""

    def prepare(self, item):
        return item

    def embed(self, items):
        return torch.tensor(np.stack([np.asarray(item, dtype=np.float32).mean((0, 1)) / 255 for item in items]))

    embed_prepared = embed

    def expect(self, items):
        """No graph to make."""


class FirstWord:
    """One-hot of the first word; absent when it is none of the three."""

    modality, dim, name, fingerprint, absent_note = "text", 3, "first", "first-word", "no known word"

    def prepare(self, item):
        return item

    def embed(self, items):
        rows = [[float(item.split()[0] == word) for word in ("red", "green", "blue")] for item in items]
        return torch.tensor(rows)

    embed_prepared = embed

    def expect(self, items):
        """No graph to make."""


@pytest.fixture
def coloured(tmp_path) -> list[Product]:
    products = []
    for place in range(45):
        kind = place % 3
        pixels = np.zeros((32, 32, 3), dtype=np.uint8)
        pixels[..., kind] = 160
        path = tmp_path / f"{place}.png"
        Image.fromarray(pixels).save(path)
        words = f"{('red', 'green', 'blue')[kind]} thing"
        products.append(Product(str(place), (path,), words, None, {"kind": "abc"[kind]}, "test"))
    return products


def recognizer_of_two() -> Recognizer:
    head = Adding({"image": 3, "text": 3}, {"kind": 3}).eval()
    head.weights = {"image": 3.0, "text": 1.0}
    return Recognizer({"image": MeanColour(), "text": FirstWord()}, head, "adding", VOCABULARY)  # type: ignore[dict-item]


def turned(photo: Image.Image, strength: float, _: np.random.Generator) -> Image.Image:
    """Beyond one half every colour becomes the next: the photo lies."""
    return photo if strength < 0.5 else Image.fromarray(np.roll(np.asarray(photo), 1, axis=2))


def test_curves_tell_damage_from_absence(coloured):
    lie = Damage("turned", "image", "more than half", (0.1, 0.9), turned)
    german = next(damage for damage in DAMAGES if damage.name == "German words")
    results = robustness(recognizer_of_two(), coloured, ["kind", "else"], damages=(lie, german))
    rows = {(r.input, r.damage, r.strength, r.given): r for r in results.curves}
    assert rows["image", "none", None, "all"].accuracy == rows["image", "none", None, "alone"].accuracy == 1.0
    assert rows["image", "left out", None, "all"].accuracy == 1.0
    assert rows["image", "turned", 0.1, "alone"].accuracy == 1.0
    for given in ("all", "alone"):  # the photo counts for more, so its lie wins
        row = rows["image", "turned", 0.9, given]
        assert (row.accuracy, row.change, row.use, row.n) == (0.0, -1.0, -1.0, 45) and row.accuracy_high < 0.1
    # German words are unknown to the encoder: absent, so alone always wrong, and together the photo answers.
    assert rows["text", "German words", 1.0, "alone"].accuracy == 0.0
    assert rows["text", "German words", 1.0, "all"].accuracy == 1.0
    assert 0.4 < rows["text", "German words", 0.5, "alone"].accuracy < 0.7
    text = robustness_text(results)
    assert "kind: leave the photo out (100.0 %) rather than give it with turned 0.9 (0.0 %)." in text
    assert "kind: no damage to the description is clearly worse than leaving it out." in text
    assert "not a translation" in text and "knows 50 % of the words" in text
    assert [table.name for table in robustness_tables(results)] == ["robustness", "swapped"]


def test_equal_seeds_give_equal_figures(coloured):
    noise = next(damage for damage in DAMAGES if damage.name == "noise" and damage.modality == "image")
    first, again = (robustness(recognizer_of_two(), coloured, ["kind"], damages=(noise,)).curves for _ in range(2))
    assert first == again


def test_a_label_that_the_model_never_saw_is_never_right(coloured):
    strange = [Product(p.id, p.images, p.text, None, {"kind": "z"}, "test") for p in coloured]
    row = robustness(recognizer_of_two(), strange, ["kind"], damages=()).curves
    assert row == ()
    noise = DAMAGES[1]
    rows = robustness(recognizer_of_two(), strange, ["kind"], damages=(noise,)).curves
    assert all(row.accuracy == 0.0 and row.n == 45 for row in rows)


def test_rows_without_labels_are_refused_and_some_rows_are_drawn(coloured):
    with pytest.raises(UserError, match="no labels for the bundle's tasks"):
        robustness(recognizer_of_two(), coloured, ["colour"])
    few = some_of(coloured, 10)
    assert len(few) == 10 and few == some_of(coloured, 10) and some_of(coloured, 0) == coloured


def test_the_command_writes_figures_and_tables(bundle, small_data, tmp_path):  # noqa: F811
    out = tmp_path / "robustness.json"
    options = ["--rows", "6", "--out", str(out), "--csv", str(tmp_path / "csv")]
    result = CliRunner().invoke(app, ["robustness", str(bundle), str(small_data), *options])
    assert result.exit_code == 0, result.output
    results = Robustness.read(out)
    assert (results.format, results.n, results.data.n) == ("retail-robustness/1", 6, 6)
    wanted = {(d.modality, d.name, s) for d in DAMAGES for s in d.strengths}
    assert wanted <= {(r.input, r.damage, r.strength) for r in results.curves}
    assert {row.swapped for row in results.swapped} == set(MODALITIES)
    assert "Accuracy under damage" in result.output and "which does the model follow?" in result.output
    assert (tmp_path / "csv" / "robustness.csv").exists() and (tmp_path / "csv" / "swapped.csv").exists()
