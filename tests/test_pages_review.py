"""Review without a browser: rows one at a time, decided, skipped, taken back, named; two people never share one."""

from __future__ import annotations

import pytest

from retail.catalogue.choice import OWN
from retail.catalogue.database import Catalogue
from retail.pages import _catalogue_shelf
from retail.review.corrections import Corrections
from retail.workspace import reviews
from tests.conftest import share
from tests.pages_driving import element, open_page, press, said
from tests.review_sample import write_bulk_run

pytestmark = pytest.mark.usefixtures("empty_home")


@pytest.fixture
def job(tmp_path, monkeypatch, session_home):
    from retail.files import home

    share(home(), session_home)
    # Embedding the demo's training rows would take a minute; without them the shelf is made in no time.
    monkeypatch.setattr(_catalogue_shelf, "_learned", lambda *_: [])  # not what it calls, whose answer it would keep
    return write_bulk_run(tmp_path / "data")


def at_work(app):
    """The same page once the shelf is made."""
    for _ in range(60):
        if any(button.key == "review_accept" for button in app.button):
            return app
        app.run()
        assert not app.exception, app.exception
    raise AssertionError(said(app))


def shown_text(app) -> str:
    return next(item.value for item in app.markdown if item.value.startswith("“"))


def decide_all_questions(app):
    """Accepts every question of the row."""
    before = shown_text(app)
    while any(button.key == "review_accept" for button in app.button) and shown_text(app) == before:
        app = press(app, "Accept")
    return app


def test_without_a_run_the_page_says_what_to_do():
    assert "Nothing to review." in said(open_page("review"))


def test_a_row_shows_what_was_sent_the_guesses_with_their_keys_and_what_comes_next(job):
    app = at_work(open_page("review"))
    count = len(reviews.open_review(job).wanted)
    assert f"{count} to look at" in element(app, "selectbox", "Run").options[0]
    assert f"0 of {count} done." in said(app) and "**Then**" in said(app)
    keys = {button.label.split(" · ")[0]: button.proto.shortcut for button in app.button if button.proto.shortcut}
    assert sorted(keys.values()) == sorted(["1", "2", "3", "4", "5", "enter", "n", "s", "u"])
    guesses = [button for button in app.button if (button.key or "").startswith("guess_")]
    assert len(guesses) == 5 and guesses[0].label.endswith("%")


def test_accepting_every_question_confirms_the_answer_and_the_next_row_comes(job):
    app = at_work(open_page("review"))
    first = shown_text(app)
    app = decide_all_questions(app)
    assert shown_text(app) != first and "is right." in said(app)
    (kept,) = Corrections().all()
    assert (kept.verdict, kept.origin) == ("right", "review")
    assert f"“{kept.example.text}”" == first.replace("\\", "")


def test_another_guess_is_a_correction_and_undo_brings_the_row_back(job):
    app = at_work(open_page("review"))
    first = shown_text(app)
    guess = next(button for button in app.button if button.key == "guess_2")
    label = guess.label.rpartition(" · ")[0]
    app = guess.click().run()
    if shown_text(app) == first:
        app = decide_all_questions(app)
    (kept,) = Corrections().all()
    assert kept.verdict == "class" and label in kept.labels.values()
    app = press(app, "Undo")
    assert shown_text(app) == first and not Corrections().all() and "Taken back." in said(app)
    assert "There is nothing to undo" in said(press(app, "Undo"))


def test_a_new_product_is_named_and_counts_in_the_catalogue(job):
    app = at_work(open_page("review"))
    first = shown_text(app)
    app = press(app, "New product")
    element(app, "text_input", "Name of the new product").set_value("Medlar")
    app = press(app, "Save")
    assert shown_text(app) != first and "Added: “Medlar”" in said(app)
    assert [product.name for product in Catalogue.open(OWN).products()] == ["Medlar"]


def test_anything_else_is_found_by_typing(job):
    app = at_work(open_page("review"))
    first = shown_text(app)
    element(app, "text_input", "Something else").set_value("coffee").run()
    found = [button for button in app.button if "take_" in (button.key or "")]
    assert found and all("coffee" in button.label.lower() for button in found)
    label = found[0].label
    app = found[0].click().run()
    if shown_text(app) == first:
        app = decide_all_questions(app)
    (kept,) = Corrections().all()
    assert kept.verdict == "class" and label in kept.labels.values()


def test_skipped_rows_come_last_and_two_people_never_have_the_same_row(job):
    mine = at_work(open_page("review"))
    first = shown_text(mine)
    yours = at_work(open_page("review"))
    assert shown_text(yours) != first
    mine = press(mine, "Skip")
    assert shown_text(mine) not in (first, shown_text(yours)) and "it comes again at the end" in said(mine)


def test_when_every_row_is_decided_the_page_says_so_and_offers_the_table(job):
    app = at_work(open_page("review"))
    count = len(reviews.open_review(job).wanted)
    for _ in range(count):
        app = decide_all_questions(app)
    assert "Every row is reviewed." in said(app) and len(Corrections().all()) == count
    assert "Export table" in [item.label for item in app.get("download_button")]
    assert element(app, "button", "Undo")
