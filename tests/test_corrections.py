"""Corrections: kept before anything else, shown in the catalogue at once, taken back as a whole."""

import multiprocessing
import os
import shutil
from pathlib import Path

import pytest

from retail.catalogue.database import Catalogue
from retail.catalogue.record import CatalogueProduct
from retail.catalogue.writing import LOCK
from retail.recognizer.bundle import save_bundle
from retail.review import corrections as corrections_module
from retail.review import showing
from retail.review.corrections import Corrections
from retail.review.examples import kept_folder, shown
from retail.schema import Answer, Match, Prediction, Product, UserError
from tests.conftest import photo
from tests.tiny_recognizer import tiny_recognizer

pytestmark = pytest.mark.usefixtures("empty_home")

ANSWER = Prediction(
    "upload",
    {"fruit": {"apple": 0.7, "fig": 0.3}},
    ("image",),
    answers={"fruit": Answer("apple", 0.7, ("apple", "fig"), "review")},
)


@pytest.fixture
def bundle(tmp_path) -> Path:
    return save_bundle(tiny_recognizer(), tmp_path / "bundle")


@pytest.fixture
def upload(tmp_path) -> Product:
    photo(tmp_path / "upload" / "Front.PNG", "green")
    return Product("upload", images=(tmp_path / "upload" / "Front.PNG",), text="a fig")


@pytest.fixture
def catalogue() -> Catalogue:
    return Catalogue.open("shop")


@pytest.fixture
def record(bundle, upload, catalogue):
    def recorded(verdict, product=upload, answer=ANSWER, **said):
        return Corrections().record(
            product, answer, verdict, recognizer=tiny_recognizer(), bundle=bundle, catalogue=catalogue, **said
        )

    return recorded


def test_another_class_is_kept_with_what_was_said_and_shown_as_an_example_with_labels_alone(
    record, bundle, catalogue, upload
):
    made = record("class", labels={"fruit": "fig"}, origin="bulk")
    kept = Corrections().get(made.id)
    assert kept == made
    assert (kept.origin, kept.verdict, kept.labels, kept.was_wrong) == ("bulk", "class", {"fruit": "fig"}, True)
    assert (kept.said["fruit"].label, kept.said["fruit"].probability) == ("apple", 0.7)
    assert kept.bundle == str(bundle)
    product = catalogue.get(made.product_id)
    assert (product.name, product.labels) == ("", {"fruit": "fig"})
    assert [view.origin for view in product.views] == ["correction", "correction"]
    assert sorted(view.id for view in product.views) == sorted(showing.view_ids(made))
    upload.images[0].unlink()
    again = shown(kept.example)
    assert again.text == "a fig" and again.images[0].read_bytes()[:4] == b"\x89PNG"
    assert again.images[0].parent == kept_folder() and again.images[0].suffix == ".png"


def test_right_keeps_the_answer_as_the_label(record, catalogue):
    made = record("right")
    assert (made.labels, made.was_wrong) == ({"fruit": "apple"}, False)
    assert catalogue.get(made.product_id).labels == {"fruit": "apple"}


def test_right_about_a_recognised_product_is_a_further_view_of_it(record, catalogue, upload):
    known = catalogue.add([(CatalogueProduct("42", "Granny Smith", {"fruit": "apple"}), Product("", text="green"))])[0]
    answer = Prediction("u", {}, ("image",), recognised=Match("42", "Granny Smith", {}, 0.9, {}))
    made = record("right", answer=answer)
    assert (made.product_id, made.name, made.labels) == ("42", "Granny Smith", {"fruit": "apple"})
    assert len(catalogue.get("42").views) == len(known.views) + 2


def test_a_product_of_the_catalogue_gets_the_example_and_undo_leaves_the_product(record, catalogue):
    catalogue.add([(CatalogueProduct("42", "Granny Smith"), Product("", text="green"))])
    made = record("product", product_id="42")
    assert made.name == "Granny Smith"
    Corrections().undo(made.id)
    assert [view.source for view in catalogue.get("42").views] == ["green"]
    assert Corrections().all() == []
    assert Corrections().get(made.id) == made, "what was said and taken back stays on record"


def test_undo_of_a_new_product_takes_it_out_unless_something_else_shows_it(record, catalogue):
    made, other = record("new", name=" Kaki "), record("new", name="Date")
    assert catalogue.get(made.product_id).name == "Kaki"
    catalogue.add_views(other.product_id, Product("", text="sweet"), "enrolled")
    for correction in (made, other):
        Corrections().undo(correction.id, catalogue)
    assert catalogue.get(made.product_id) is None
    assert [view.source for view in catalogue.get(other.product_id).views] == ["sweet"]
    Corrections().undo(made.id, catalogue)
    Corrections().undo("nobody", catalogue)


def test_undo_does_not_bring_a_deleted_catalogue_back(record, catalogue):
    made = record("class", labels={"fruit": "fig"})
    shutil.rmtree(catalogue.folder)
    Corrections().undo(made.id)
    assert not catalogue.folder.exists() and Corrections().all() == []


def test_what_was_said_twice_stays_when_one_of_the_two_is_taken_back(record, catalogue):
    catalogue.add([(CatalogueProduct("42", "Granny Smith"), Product("", text="green"))])
    first, second = record("product", product_id="42"), record("product", product_id="42")
    Corrections().undo(first.id)
    assert len(catalogue.get("42").views) == 3
    Corrections().undo(second.id)
    assert len(catalogue.get("42").views) == 1


@pytest.mark.parametrize(
    ("verdict", "said", "sentence"),
    [
        ("class", {}, "right answer to at least one question"),
        ("class", {"labels": {"fruit": ""}}, "right answer to at least one question"),
        ("new", {"name": "  "}, "needs a name"),
        ("product", {}, "needs the product"),
        ("product", {"product_id": "7"}, "no product '7' any more"),
    ],
)
def test_a_verdict_that_says_nothing_is_refused_and_leaves_no_trace(record, catalogue, verdict, said, sentence):
    with pytest.raises(UserError, match=sentence):
        record(verdict, **said)
    assert Corrections().all() == [] and len(catalogue) == 0


def test_an_example_without_input_or_whose_file_has_gone_is_refused(record, tmp_path):
    with pytest.raises(UserError, match="needs the example"):
        record("right", product=Product("u"))
    with pytest.raises(UserError, match=r"'gone\.png' cannot be read any more"):
        record("right", product=Product("u", images=(tmp_path / "gone.png",)))


def _record_and_die(bundle, upload, moment):
    def die(*_):
        os._exit(9)

    if moment == "before":
        showing.show = die
    else:
        real = showing.show
        showing.show = lambda *them: (real(*them), die())
    Corrections().record(
        upload,
        ANSWER,
        "class",
        labels={"fruit": "fig"},
        recognizer=tiny_recognizer(),
        bundle=bundle,
        catalogue=Catalogue.open("shop"),
    )


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.usefixtures("spawning")
def test_a_kill_before_or_after_the_catalogue_is_written_loses_nothing(bundle, upload, moment):
    process = multiprocessing.get_context("spawn").Process(target=_record_and_die, args=(bundle, upload, moment))
    process.start()
    process.join(120)
    assert process.exitcode == 9
    catalogue, kept = Catalogue.open("shop"), Corrections().all()
    assert [correction.labels for correction in kept] == [{"fruit": "fig"}]
    assert (catalogue.get(kept[0].product_id) is None) == (moment == "before")
    assert Corrections().settle(catalogue) == 0
    assert len(catalogue) == 1 and len(catalogue.get(kept[0].product_id).views) == 2


def test_a_busy_catalogue_makes_a_correction_wait_and_the_next_one_settles_both(record, catalogue, monkeypatch):
    from filelock import FileLock

    monkeypatch.setattr(corrections_module, "TURN_SECONDS", 0.05)
    with FileLock(catalogue.folder / LOCK):
        waiting = record("class", labels={"fruit": "fig"})
    assert Corrections().all() == [waiting] and catalogue.get(waiting.product_id) is None
    record("class", labels={"fruit": "pear"})
    assert catalogue.get(waiting.product_id) is not None


def test_an_interrupted_undo_is_finished_by_whoever_comes_next(record, catalogue, monkeypatch):
    def fail(*_):
        raise OSError("disk full")

    made = record("class", labels={"fruit": "fig"})
    with monkeypatch.context() as broken:
        broken.setattr(showing, "withdraw", fail)
        Corrections().undo(made.id, catalogue)
    assert Corrections().all() == [] and catalogue.get(made.product_id) is not None
    assert Corrections().settle(catalogue) == 0
    assert catalogue.get(made.product_id) is None


def test_those_since_training_are_about_what_the_recogniser_knows(record, bundle, tmp_path):
    first, second = record("right"), record("class", labels={"fruit": "fig"})
    assert Corrections().since_training(bundle) == [first, second]
    Corrections().undo(first.id)
    assert Corrections().since_training(bundle) == [second]
    another = tiny_recognizer()
    another.width = 9
    other = save_bundle(another, tmp_path / "other")
    assert Corrections().since_training(other) == []


def test_a_damaged_file_of_corrections_says_so(tmp_path):
    folder = tmp_path / "home" / "corrections"
    folder.mkdir(parents=True)
    (folder / "corrections.sqlite").write_bytes(b"no database" * 200)
    with pytest.raises(UserError, match="cannot be opened"):
        Corrections()
