"""The groceries' catalogue: filled at first use, and answering what was never enrolled."""

from __future__ import annotations

from dataclasses import replace

import pytest

from retail.catalogue.database import Catalogue, names
from retail.catalogue.shelf import Shelf
from retail.files import GROCERIES_BUNDLE, GROCERIES_NAME
from retail.recognizer.bundle import load_bundle, read_record
from retail.schema import Product
from retail.store import EmbeddingStore
from retail.workspace.examples import examples_of


@pytest.fixture(scope="module")
def shelf(tmp_path_factory) -> Shelf:
    with pytest.MonkeyPatch.context() as patch:
        store = EmbeddingStore()
        patch.setenv("RETAIL_HOME", str(tmp_path_factory.mktemp("home")))
        return Shelf.of(load_bundle(GROCERIES_BUNDLE), Catalogue.open(GROCERIES_NAME), store=store)


def test_it_is_there_before_anybody_opens_it_and_holds_81_products_with_their_words_and_voices(tmp_path, monkeypatch):
    monkeypatch.setenv("RETAIL_HOME", str(tmp_path))
    assert GROCERIES_NAME in names()
    catalogue = Catalogue.open(GROCERIES_NAME)
    products = catalogue.products()
    assert {product.labels["product"] for product in products} == set(read_record(GROCERIES_BUNDLE).tasks["product"])
    assert all(product.name == product.labels["product"] and product.labels["department"] for product in products)
    (apple,) = catalogue.products(words="granny smith")
    said = [view.source for view in apple.views if view.modality == "text"]
    assert {"Granny Smith", "granny smith apple", "apple"} < set(said)
    clips = [view.source for view in apple.views if view.modality == "audio"]
    assert len(clips) == 5 and all(clip.is_file() for clip in clips)


def test_what_somebody_removes_does_not_come_back_and_other_catalogues_begin_empty(tmp_path, monkeypatch):
    monkeypatch.setenv("RETAIL_HOME", str(tmp_path))
    catalogue = Catalogue.open(GROCERIES_NAME)
    catalogue.remove([product.id for product in catalogue.products()[1:]])
    assert len(Catalogue.open(GROCERIES_NAME)) == 1
    assert len(Catalogue.open("Mine")) == 0 and names() == [GROCERIES_NAME, "Mine"]


@pytest.mark.parametrize("kind", ["audio", "text", "image"])
def test_an_example_is_answered_by_each_of_its_inputs_alone(shelf, kind):
    """The clips are of a voice that was not enrolled, the photos of no data set."""
    asked = [row for row in examples_of(GROCERIES_BUNDLE) if kind in row.modalities]
    alone = [
        replace(
            row,
            images=row.images if kind == "image" else (),
            text=row.text if kind == "text" else "",
            audio=row.audio if kind == "audio" else None,
        )
        for row in asked
    ]
    answers = shelf.answer(*shelf.embed(alone))
    assert len(asked) >= 3
    for row, answer in zip(asked, answers, strict=True):
        assert answer.best("product")[0] == row.labels["product"] and not answer.unknown
        assert answer.best("category")[0] == row.labels["category"]


def test_a_typed_name_is_answered_although_the_recogniser_knows_photos_alone(shelf):
    assert shelf.recognizer.modalities == ("image",)
    words = {"banana": "Banana", "granny smith": "Granny Smith", "oat milk": "Oatly Oat Milk", "courgette": "Zucchini"}
    batch, notes = shelf.embed([Product(text, text=text) for text in words])
    assert [answer.best("product")[0] for answer in shelf.answer(batch, notes)] == list(words.values())
    (answer,) = shelf.answer(*shelf.embed([Product("upload", text="apple")]))
    assert answer.best("category")[0] == "Apple"
