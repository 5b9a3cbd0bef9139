"""The control under an answer, without a browser: right, another class, another product, a new one, and back."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from retail.catalogue.database import Catalogue
from retail.catalogue.record import CatalogueProduct
from retail.components.correct import search_words
from retail.recognizer.bundle import save_bundle
from retail.review.corrections import Corrections
from retail.schema import Product, Vocabulary
from tests.pages_driving import element, press, said
from tests.tiny_recognizer import tiny_recognizer

pytestmark = pytest.mark.usefixtures("empty_home")


def page(folder: str, tasks: list[str]) -> None:
    """What a page of the dashboard would draw: one answer to a description, with the control below."""
    from pathlib import Path

    from retail.catalogue.database import Catalogue
    from retail.components.correct import draw_correct
    from retail.schema import Answer, Prediction, Product
    from tests.tiny_recognizer import tiny_recognizer

    recognizer = tiny_recognizer()
    recognizer.vocabularies = {task: recognizer.vocabularies[task] for task in tasks}
    probs = {"fruit": {"apple": 0.7, "fig": 0.2, "pear": 0.1}, "colour": {"a": 0.9, "b": 0.1}}
    answer = Prediction(
        "upload",
        {task: probs[task] for task in tasks},
        ("text",),
        answers={task: Answer(next(iter(probs[task])), 0.7, (), "review") for task in tasks},
    )
    product = Product("upload", text="small and sweet")
    draw_correct("one", product, answer, recognizer, Path(folder), Catalogue.open("Shop"))


@pytest.fixture
def open_control(tmp_path):
    bundle = save_bundle(tiny_recognizer(), tmp_path / "bundle")

    def opened(*tasks: str) -> AppTest:
        tasks = tasks or ("fruit",)
        app = AppTest.from_function(page, kwargs={"folder": str(bundle), "tasks": list(tasks)}, default_timeout=60)
        app.run()
        assert not app.exception, app.exception
        return app

    return opened


def search(app: AppTest, words: str) -> list[str]:
    """Types into the search; the candidates' labels."""
    element(app, "text_input", "What is it?").set_value(words).run()
    assert not app.exception, app.exception
    return [button.label for button in app.button if "take_" in (button.key or "")]


def test_right_keeps_the_answer_and_undo_takes_it_back(open_control):
    app = press(open_control(), "Right")
    assert "Noted: “apple” is right. It counts from the next upload on" in said(app)
    (kept,) = Corrections().all()
    assert (kept.verdict, kept.labels, kept.origin) == ("right", {"fruit": "apple"}, "recognise")
    app = press(app, "Undo")
    assert "Taken back." in said(app) and not Corrections().all()
    assert element(app, "button", "Right")


def test_another_class_is_found_by_its_letters_and_said_with_one_click(open_control):
    app = press(open_control(), "It is …")
    assert search(app, "") == ["apple", "fig", "pear"]
    assert search(app, "FI") == ["fig"]
    app = press(app, "fig")
    assert "Corrected: it is “fig”." in said(app)
    (kept,) = Corrections().all()
    assert (kept.verdict, kept.labels) == ("class", {"fruit": "fig"})


def test_of_several_questions_the_answers_are_collected_and_saved_together(open_control):
    app = press(open_control("fruit", "colour"), "It is …")
    assert search(app, "pear") == ["pear · *fruit*"]
    app = press(app, "pear")
    assert not Corrections().all() and "So fruit is “pear”." in said(app)
    search(app, "b")
    app = press(app, "b · ")
    assert "So fruit is “pear”, colour is “b”." in said(app)
    press(app, "Save")
    (kept,) = Corrections().all()
    assert kept.labels == {"fruit": "pear", "colour": "b"}


def test_a_product_of_the_catalogue_is_found_and_gets_the_example(open_control):
    shop = Catalogue.open("Shop")
    shop.add([(CatalogueProduct("7", "Figgy *pudding*"), Product.of(text="a pudding"))])
    app = press(open_control(), "It is …")
    assert search(app, "pud") == ["Figgy \\*pudding\\* · *in the catalogue*"]
    app = press(app, "Figgy")
    assert "it is “Figgy \\*pudding\\*”" in said(app)
    assert [view.origin for view in shop.get("7").views] == ["enrolled", "correction"]


def test_a_new_product_needs_a_name_and_is_in_the_catalogue_at_once(open_control):
    app = press(open_control(), "None of these")
    app = press(app, "Save")
    assert "A new product needs a name." in said(app) and not Corrections().all()
    element(app, "text_input", "Name of the new product").set_value("Medlar")
    app = press(app, "Save")
    assert "Added: “Medlar” is now a product of “Shop”." in said(app)
    assert [product.name for product in Catalogue.open("Shop").products()] == ["Medlar"]


def test_what_cannot_be_kept_says_why_and_the_control_stays(open_control, monkeypatch):
    from retail.schema import UserError

    def refuse(*_, **__):
        raise UserError("The disk is full; free some room.")

    monkeypatch.setattr(Corrections, "record", refuse)
    app = press(open_control(), "Right")
    assert "The disk is full" in said(app) and element(app, "button", "Right")


def test_a_search_that_finds_nothing_says_what_to_do(open_control):
    app = press(open_control(), "It is …")
    assert search(app, "zzz") == [] and "Nothing is called so." in said(app)


def test_the_search_says_how_much_it_looks_through():
    tasks = {"fruit": Vocabulary(("apple", "fig"))}
    assert search_words(tasks, None) == "Type to search 2 classes"
    shop = Catalogue.open("Shop")
    assert search_words(tasks, shop) == "Type to search 2 classes"
    shop.add([(CatalogueProduct("7", "Tea"), Product.of(text="tea"))])
    assert search_words(tasks, shop) == "Type to search 2 classes and 1 product"
    assert search_words({}, shop) == "Type to search 1 product"
