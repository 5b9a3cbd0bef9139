"""Names alone: photos and words of one checkpoint share a space, on tiny CLIP and SigLIP checkpoints made here."""

from __future__ import annotations

import io
import json
import math

import pytest
import torch
from typer.testing import CliRunner

from retail.__main__ import app
from retail.catalogue.database import Catalogue
from retail.catalogue.record import CatalogueProduct
from retail.catalogue.zero_shot import TEMPLATES, ZeroShot
from retail.encoders import PRESETS, families, load_encoder, load_preset, share_space
from retail.encoders.shared import SharedImageEncoder, SharedTextEncoder
from retail.schema import Product, UserError
from retail.store import EmbeddingStore
from tests.tiny_encoders import tiny_photo_encoder, tiny_text_encoder
from tests.tiny_pairs import COLOURS, patch, tiny_clip, tiny_siglip


@pytest.fixture(scope="module", params=[tiny_clip, tiny_siglip], ids=["clip", "siglip"])
def folder(request, tmp_path_factory):
    return request.param(tmp_path_factory.mktemp("pair") / "checkpoint")


@pytest.fixture
def pair(folder):
    return load_encoder(f"shared-image:{folder}"), load_encoder(f"shared-text:{folder}")


def shown(colour: str, seed: int = 999) -> Product:
    stream = io.BytesIO()
    patch(colour, seed).save(stream, "PNG")
    return Product(colour, (stream.getvalue(),))


def test_the_two_encoders_of_a_checkpoint_share_a_space_and_its_weights(pair):
    image, text = pair
    assert isinstance(image, SharedImageEncoder) and isinstance(text, SharedTextEncoder)
    assert image.dim == text.dim and share_space(image, text) and image.pair is text.pair
    assert image.fingerprint != text.fingerprint


def test_other_weights_are_another_space_and_fingerprint(pair, tmp_path):
    other = tiny_clip(tmp_path / "other", steps=0)
    image = load_encoder(f"shared-image:{other}")
    assert not share_space(image, pair[1])
    assert image.fingerprint != pair[0].fingerprint


def test_one_more_copy_of_a_checkpoint_is_the_same_space(pair, folder, tmp_path):
    copy = tmp_path / "copy"
    copy.mkdir()
    for file in folder.iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    again = load_encoder(f"shared-text:{copy}")
    assert share_space(pair[0], again) and again.fingerprint == pair[1].fingerprint


def test_an_item_gets_the_same_vector_of_unit_length_alone_and_in_a_batch(pair):
    image, text = pair
    texts = ["red", "a photo of the blue product, close-up.", "a photo of green."]
    photos = [patch(colour) for colour in COLOURS]
    for encoder, items in ((image, photos), (text, texts)):
        together = encoder.embed(items)
        assert torch.allclose(together, torch.cat([encoder.embed([item]) for item in items]), atol=1e-5)
        assert torch.allclose(together.norm(dim=1), torch.ones(len(items)), atol=1e-5)


def test_a_long_description_is_read_in_sentences(pair):
    _, text = pair
    sentence = "a photo of the red product."
    assert len(text.pieces(" ".join([sentence] * 12))) == 12 and text.pieces(sentence) == [sentence]
    assert torch.allclose(text.embed([" ".join([sentence] * 12)]), text.embed([sentence]), atol=1e-5)


def test_names_alone_answer_photos_that_nobody_labelled(pair):
    guesses = ZeroShot(*pair, list(COLOURS)).answer_many([shown(colour) for colour in COLOURS])
    assert [guess.best[0] for guess in guesses] == list(COLOURS)
    for guess in guesses:
        assert guess.used == ("image",) and list(guess.probs.values()) == sorted(guess.probs.values(), reverse=True)
        assert sum(guess.probs.values()) == pytest.approx(1)


def test_names_answer_a_description_too_and_a_sound_is_said_not_to_count(pair):
    guess = ZeroShot(*pair, list(COLOURS)).answer(Product("p", text="a photo of green.", audio=b"clip"))
    assert guess.best[0] == "green" and guess.used == ("text",)
    assert guess.notes == ("The sound does not count: this space holds photos and words.",)


def test_probabilities_are_the_checkpoints_own_softmax(pair):
    image, text = pair
    with torch.inference_mode():
        tokens = text._tokens([f"a photo of {colour}." for colour in COLOURS])
        pixels = torch.stack([image.prepare(patch("blue"))])
        expected = image.pair.model(**tokens, pixel_values=pixels).logits_per_image.softmax(1)[0]
    guess = ZeroShot(image, text, list(COLOURS), ("a photo of {}.",)).answer(shown("blue", 0))
    assert [guess.probs[colour] for colour in COLOURS] == pytest.approx(expected.tolist(), abs=1e-4)


def test_only_siglip_says_how_well_a_name_fits_at_all(pair):
    image, text = pair
    guess = ZeroShot(image, text, list(COLOURS)).answer(shown("red"))
    if not image.pair.independent:
        assert guess.fits == {} and image.pair.bias == 0
        return
    cosine = (math.log(guess.fits["red"] / (1 - guess.fits["red"])) - image.pair.bias) / image.pair.scale
    assert -1 <= cosine <= 1 and guess.fits["red"] > 0.5 > guess.fits["green"]


def test_templates_are_averaged(pair):
    image, text = pair
    both = ZeroShot(image, text, ["red", "blue"], TEMPLATES[:2]).answer(shown("red"))
    one = ZeroShot(image, text, ["red", "blue"], TEMPLATES[:1]).answer(shown("red"))
    assert both.probs["red"] != one.probs["red"]


def test_names_must_be_several_and_the_product_must_show_something(pair):
    for names in (["red"], ["red", " red "], ["red", ""], []):
        with pytest.raises(UserError, match="give at least two different ones, and none empty"):
            ZeroShot(*pair, names)
    with pytest.raises(UserError, match="p has neither a photo nor a description; give one"):
        ZeroShot(*pair, ["red", "blue"]).answer(Product("p"))
    with pytest.raises(UserError, match="not a usable photo"):
        ZeroShot(*pair, ["red", "blue"]).answer(Product("p", (b"no photo",)))


def test_encoders_without_a_common_space_are_refused(tmp_path, pair):
    photo, text = load_encoder(tiny_photo_encoder(tmp_path)), load_encoder(tiny_text_encoder(tmp_path / "text"))
    assert not share_space(photo, text)
    for image, words in ((photo, text), (pair[0], text), (photo, pair[1])):
        with pytest.raises(UserError, match="have no space in common. Choose the preset clip or siglip"):
            ZeroShot(image, words, ["red", "blue"])


def test_a_checkpoint_of_one_kind_alone_is_refused(tmp_path):
    _, _, folder = tiny_text_encoder(tmp_path / "text").partition(":")
    with pytest.raises(
        UserError, match="holds no pair of a photo and a text encoder; name a CLIP or SigLIP checkpoint"
    ):
        load_encoder(f"shared-text:{folder}")


def test_a_name_that_is_no_folder_and_no_hub_name_is_refused():
    with pytest.raises(UserError, match="neither an existing folder nor a hub name; write 'shared-image:ORG/NAME'"):
        load_encoder("shared-image:/no/such/folder")


@pytest.mark.parametrize("preset", ["clip", "siglip"])
def test_presets_name_one_checkpoint_and_say_when_it_cannot_be_had(preset, monkeypatch):
    names = PRESETS[preset]
    assert names["image"].partition(":")[2] == names["text"].partition(":")[2]
    assert {name.partition(":")[0] for name in names.values()} <= families().keys()
    monkeypatch.setattr("retail.encoders.weights._reachable", lambda hub: False)
    with pytest.raises(UserError, match="Could not reach the model hub for 'shared-image:.*connect to the internet"):
        load_preset(preset, ["image"])


@pytest.fixture
def shelf(pair, tmp_path, monkeypatch):
    """Four products whose photos alone say what they are; their names say nothing."""
    monkeypatch.setenv("RETAIL_HOME", str(tmp_path))
    catalogue = Catalogue.open("shelf")
    rows = [(CatalogueProduct(f"p{place}", f"item {place}"), shown(name)) for place, name in enumerate(COLOURS)]
    catalogue.add(rows)
    catalogue.embed({"image": pair[0], "text": pair[1]}, EmbeddingStore(tmp_path / "store"))
    return catalogue


def test_words_find_photos_where_they_share_a_space(pair, shelf):
    both = {"image": pair[0], "text": pair[1]}
    for place, colour in enumerate(COLOURS):
        best = shelf.search(f"a photo of {colour}.", encoders=both)[0]
        assert best.product.id == f"p{place}" and best.similarity["image"] > 0
    assert shelf.search("a photo of green.", encoders={"text": pair[1]}) == []


def test_a_photo_finds_a_description_where_they_share_a_space(pair, shelf):
    both = {"image": pair[0], "text": pair[1]}
    shelf.add([(CatalogueProduct("words", "item 9"), Product("w", text="a photo of blue."))])
    shelf.embed({"text": pair[1]})
    found = shelf.search(product=shown("blue", 5), encoders=both, count=2)
    assert {one.product.id for one in found} == {"p2", "words"}


def test_the_command_takes_names_from_a_catalogue(pair, folder, tmp_path, monkeypatch):
    monkeypatch.setenv("RETAIL_HOME", str(tmp_path))
    named = [(CatalogueProduct(colour, colour), Product(colour, text=colour)) for colour in COLOURS]
    Catalogue.open("colours").add(named)
    file = tmp_path / "pack.png"
    patch("yellow").save(file)
    encoders = f"image=shared-image:{folder},text=shared-text:{folder}"
    said = CliRunner().invoke(app, ["guess", "--catalogue", "colours", "--image", str(file), "--encoders", encoders])
    assert said.exit_code == 0 and said.output.splitlines()[1].startswith("yellow "), said.output
    said = CliRunner().invoke(app, ["guess", "--image", str(file)])
    assert said.exit_code == 1 and "Name what it may be: --names apple,banana, or --catalogue NAME" in said.output


def test_the_command_answers_from_names(folder, tmp_path):
    file = tmp_path / "pack.png"
    patch("green").save(file)
    encoders = f"image=shared-image:{folder},text=shared-text:{folder}"
    words = ["guess", "--names", "red, green, blue", "--image", str(file), "--encoders", encoders]
    said = CliRunner().invoke(app, words)
    assert said.exit_code == 0, said.output
    assert said.output.splitlines()[1].startswith("green ")
    values = json.loads(CliRunner().invoke(app, [*words, "--json"]).output)
    assert next(iter(values["probs"])) == "green" and values["used"] == ["image"]


def test_the_command_says_which_encoders_it_needs():
    said = CliRunner().invoke(app, ["guess", "--names", "a,b", "--text", "tea", "--encoders", "bundled"])
    assert said.exit_code == 1 and "Choose the preset clip or siglip" in said.output
