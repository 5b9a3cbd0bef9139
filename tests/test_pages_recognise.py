"""Recognise without a browser: the choice of recogniser, refused files, why, other strategies, known products, bulk."""

from __future__ import annotations

import io
import json
import shutil
import time
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
import soundfile
from PIL import Image
from streamlit.testing.v1 import AppTest

from retail.catalogue.choice import OWN
from retail.catalogue.database import Catalogue
from retail.catalogue.record import CatalogueProduct
from retail.components.media import thumbnail
from retail.escaping import plain
from retail.files import DEMO_BUNDLE, DEMO_DIR, DEMO_TASKS, GROCERIES_NAME, home
from retail.media import SAMPLE_RATE_HZ, apart, decode_audio, decode_image
from retail.pages._strategies import FOLDED
from retail.recognizer import Recognizer
from retail.recognizer.bundle import load_bundle, save_bundle
from retail.review.corrections import Corrections
from retail.schema import Product, UserError
from retail.workspace import bulk, demo, jobs, reviews, shelves
from retail.workspace.datasets import DEMO_NAME
from retail.workspace.demo import demo_strategies
from retail.workspace.recognizers import imported_folder
from retail.workspace.requests import PredictRequest, write_request
from retail.workspace.uploads import MAX_UPLOAD_MB
from tests.conftest import share
from tests.test_pages import TIMEOUT_SECONDS, button, cards, photo, said


@pytest.fixture
def start(tmp_path, monkeypatch):
    """Opens the page with a home folder of its own, but the embeddings of all tests."""
    monkeypatch.setenv("RETAIL_HOME", str(share(tmp_path, home())))

    def open_page() -> AppTest:
        app = AppTest.from_file("../streamlit_app.py", default_timeout=TIMEOUT_SECONDS).run()
        assert not app.exception, app.exception
        return app

    return open_page


def choose(app: AppTest, part: str) -> AppTest:
    box = next(item for item in app.selectbox if item.label == "Recogniser")
    return box.set_value(next(title for title in box.options if part in title)).run()


def uploader(app: AppTest, words: str):
    return next(item for item in app.file_uploader if words in item.label)


def unfolded(app: AppTest) -> AppTest:
    """With the answers of other recognisers shown."""
    app.session_state[FOLDED] = True
    return app


def import_demo_as(name: str) -> None:
    """The demo's recogniser under another name."""
    save_bundle(load_bundle(DEMO_BUNDLE), imported_folder() / name)


def test_the_chosen_recogniser_says_what_it_knows_and_how_good_it_is(start):
    app = start()
    assert "Classes: product (24), category (6), packaging (5), brand (7)." in said(app)
    assert "Accuracy on the test products of its comparison" in said(app) and "n = 120" in said(app)
    assert [item.options for item in app.selectbox if item.label == "Recogniser"] == [[DEMO_NAME, GROCERIES_NAME]]


def test_the_groceries_say_what_they_know_and_that_they_are_real(start):
    app = choose(start(), GROCERIES_NAME)
    assert "Classes: product (81), category (43)." in said(app) and "made up" not in said(app)
    assert "official test photos of the Grocery Store Dataset: product 89.2 %" in said(app) and "n = 2,485" in said(app)


def test_an_example_is_of_the_chosen_recognisers_own_products(start):
    app = button(choose(start(), GROCERIES_NAME), "Try an example").click().run()
    assert not app.exception, app.exception
    assert app.text_area[0].value == "banana" and "The example's label is Banana: right" in said(app)
    app = button(app, "Try an example").click().run()
    app = button(app, "Try an example").click().run()
    assert app.text_area[0].value == "oat milk" and not app.session_state.photos  # nothing of the one before stays


def test_a_recogniser_whose_data_is_not_here_says_that_there_is_no_example(start):
    record = json.loads((DEMO_BUNDLE / "bundle.json").read_text(encoding="utf-8"))
    record["info"]["data"]["checksum"] = "elsewhere"
    import_demo_as("theirs")
    (imported_folder() / "theirs" / "bundle.json").write_text(json.dumps(record), encoding="utf-8")
    app = choose(start(), "Imported: theirs")
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while not button(app, "Try an example").disabled:  # the data is read in the background
        assert not app.exception and time.monotonic() < deadline
        app.run()
    assert "There is no example: the data that" in said(app)


def test_an_imported_recogniser_can_be_chosen_and_stays_chosen(start):
    import_demo_as("copy")
    app = choose(start(), "Imported: copy")
    assert not app.exception and "Accuracy on the test products" not in said(app)  # it comes from no comparison
    app.switch_page("retail/pages/compare.py").run()
    app.switch_page("retail/pages/recognise.py").run()
    assert app.session_state.recogniser == "Imported: copy"


@pytest.mark.parametrize("damage", ["bundle.json", "head.safetensors"])
def test_a_damaged_recogniser_is_one_sentence_and_the_demo_stays(start, damage):
    import_demo_as("broken")
    folder = imported_folder() / "broken"
    text = '{"format": "retail-bundle/1", "encoders": {}}' if damage == "bundle.json" else "x"
    (folder / damage).write_text(text, encoding="utf-8")
    app = choose(start(), "Imported: broken")
    assert not app.exception, app.exception
    assert any("“Imported: broken” cannot be used, so the demo is used instead." in item.value for item in app.error)
    app = app.text_area[0].set_value("ground coffee in a tin").run()
    assert len(cards(app)) == 4


def test_refused_files_are_named_and_the_good_one_among_them_counts(start):
    app = start()
    files = [("front.png", photo(), "image/png"), ("notes.pdf", b"%PDF-1.4", "application/pdf")]
    files.append(("huge.png", bytes((MAX_UPLOAD_MB + 1) * 2**20), "image/png"))
    uploader(app, "Photos").set_value(files)
    app.run()
    assert not app.exception, app.exception
    errors = [item.value for item in app.error]
    assert any("'notes.pdf' is not a usable photo" in error for error in errors)
    assert any(f"'huge.png' is {MAX_UPLOAD_MB + 1} MB" in error for error in errors)
    assert "Used: photo." in said(app)
    uploader(app, "sound").set_value([("words.txt", b"hello", "text/plain")])
    app.run()
    assert any("'words.txt' is not a usable sound clip" in item.value for item in app.error)


def test_photos_add_up_and_can_be_taken_away_one_by_one(start):
    app = start()
    for name in ("one.png", "two.png"):
        uploader(app, "Photos").set_value([(name, photo(), "image/png")])
        app.run()
    assert [photo.name for photo in app.session_state.photos] == ["one.png", "two.png"]
    app = button(app, "✕ one.png").click().run()
    assert [photo.name for photo in app.session_state.photos] == ["two.png"]


def test_an_upload_is_decoded_once_from_the_door_to_the_answer_and_never_again(start):
    """What is sent is decoded in another process, which is asked for each picture and each sound."""
    app, stream = start(), io.BytesIO()
    spoken = decode_audio(sorted((DEMO_DIR / "audio").glob("lark_tea*"))[0])
    soundfile.write(stream, spoken, SAMPLE_RATE_HZ, format="WAV")
    image, clip = photo(size=(83, 47)), stream.getvalue()
    with mock.patch("retail.media.apart._asked", wraps=apart._asked) as asked:

        def decodes() -> tuple[int, int]:
            wanted = [call.kwargs["wanted"] for call in asked.call_args_list if call.args[2] in (image, clip)]
            return wanted.count("picture"), wanted.count("sound")

        uploader(app, "Photos").set_value([("front.png", image, "image/png")])
        uploader(app, "sound").set_value([("name.wav", clip, "audio/wav")])
        app.run()
        assert not app.exception and "Used: photo + sound." in said(app)
        assert decodes() == (1, 1)
        next(item for item in app.toggle if item.label == "Sound").set_value(False)
        app.run()
        assert not app.exception and "Used: photo." in said(app)
        app.switch_page("retail/pages/compare.py").run()
        app.switch_page("retail/pages/recognise.py").run()
        assert not app.exception and "✕ front.png" in {item.label for item in app.button}
        assert decodes() == (1, 1)


def test_a_clip_of_which_the_end_is_not_read_says_so(start):
    app, stream = start(), io.BytesIO()
    spoken = decode_audio(sorted((DEMO_DIR / "audio").glob("lark_tea*"))[0])
    silence = np.zeros(75 * SAMPLE_RATE_HZ - len(spoken), np.float32)
    soundfile.write(stream, np.concatenate([spoken, silence]), SAMPLE_RATE_HZ, format="FLAC")
    uploader(app, "sound").set_value([("long.flac", stream.getvalue(), "audio/flac")])
    app.run()
    assert not app.exception and "Used: sound." in said(app)
    assert any("lasts 75 s, of which only the first 60 are read" in item.value for item in app.caption)
    app = button(app, "✕ long.flac").click().run()
    assert not any("lasts 75 s" in item.value for item in app.caption)


def test_camera_and_microphone_count_as_used(start):
    app = start()
    next(item for item in app.toggle if item.label == "Use the camera").set_value(True)
    app.run()
    assert app.get("camera_input")
    clip = sorted((DEMO_DIR / "audio").glob("lark_tea*"))[0]
    uploader(app, "sound").set_value([(clip.name, clip.read_bytes(), "audio/ogg")])
    app.run()
    assert not app.exception and "Used: sound." in said(app)
    app = next(item for item in app.button if item.key == "drop_sound").click().run()
    assert "Any one input is enough" in said(app)


def test_why_names_what_each_input_added_for_the_inputs_that_are_on(start):
    app = button(start(), "Try an example").click().run()
    sentence = next(item.value for item in app.markdown if item.value.startswith("Evidence for"))
    assert all(f"the {word} " in sentence for word in ("photo", "description", "sound"))
    next(item for item in app.toggle if item.label == "Sound").set_value(False)
    app.run()
    sentence = next(item.value for item in app.markdown if item.value.startswith("Evidence for"))
    assert "the sound" not in sentence and "the photo" in sentence


def switches(app: AppTest) -> dict[str, bool]:
    """What the browser is told to draw, which is not what the server believes."""
    words = ("Photo", "Description", "Sound")
    return {item.label: item.proto.value or item.proto.default for item in app.toggle if item.label in words}


def test_a_switch_that_comes_back_is_drawn_as_what_counts(start):
    app = button(start(), "Try an example").click().run()
    app = button(app, "Clear").click().run()
    app = app.text_area[0].set_value("ground coffee in a tin").run()
    assert "Used: description." in said(app) and switches(app) == {"Description": True}
    next(item for item in app.toggle if item.label == "Description").set_value(False)
    app.run()
    assert "All inputs are switched off" in said(app) and switches(app) == {"Description": False}
    app = app.text_area[0].set_value("").run()
    app = app.text_area[0].set_value("oat drink").run()
    assert "All inputs are switched off" in said(app) and switches(app) == {"Description": False}


def test_the_choice_of_recogniser_is_in_the_address_and_comes_from_there(start):
    app = choose(start(), GROCERIES_NAME)
    assert app.query_params["recogniser"] in (GROCERIES_NAME, [GROCERIES_NAME])
    again = AppTest.from_file("../streamlit_app.py", default_timeout=TIMEOUT_SECONDS)
    again.query_params["recogniser"] = GROCERIES_NAME
    assert "81" in said(again.run()) and again.session_state.recogniser == GROCERIES_NAME
    assert choose(again, DEMO_NAME).query_params["recogniser"] in (DEMO_NAME, [DEMO_NAME])
    again.query_params["recogniser"] = "nobody's"
    assert again.run().session_state.recogniser == DEMO_NAME and not again.exception


def test_other_recognisers_answer_the_same_upload_side_by_side(start):
    shutil.copytree(DEMO_BUNDLE, demo_strategies() / "gated")  # under another strategy's name: the same answers
    app = button(unfolded(start()), "Try an example").click().run()
    table = next(item.value for item in app.dataframe if "fusion method" in item.value)
    assert len(table) == 2 and "(chosen)" in table["fusion method"][0]
    assert list(table.loc[0][1:]) == list(table.loc[1][1:])
    assert set(table.columns) == {"fusion method", *DEMO_TASKS}


def test_strategies_that_cannot_be_trained_say_why_once_and_wait_for_another_try(start, monkeypatch):
    tries = []

    def train(progress):
        tries.append(progress)
        raise UserError("No room on this machine.")

    monkeypatch.setattr(demo, "train_demo_strategies", train)
    app = button(unfolded(start()), "Try an example").click().run()
    again = "Train the other fusion methods on the demo data (about 40 s)"
    app = button(app, again).click().run()
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while "No room on this machine." not in said(app):
        assert not app.exception and time.monotonic() < deadline
        app.run()
    next(item for item in app.toggle if item.label == "Sound").set_value(False)
    app.run()
    assert "The other fusion methods could not be trained. No room on this machine." in said(app) and len(tries) == 1
    button(app, again).click().run()
    assert len(tries) == 2


def headings(app: AppTest) -> list[str]:
    return [item.value for item in app.header]


def with_training_products(app: AppTest) -> AppTest:
    """Waits until they are embedded."""
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while "The nearest of 312 training products" not in said(app):
        assert not app.exception and time.monotonic() < deadline, said(app)
        time.sleep(0.5)
        app.run()
    return app


def enrol(app: AppTest, name: str) -> AppTest:
    next(item for item in app.text_input if item.label == "Product name").set_value(name)
    app.run()
    assert "recognised" in said(app), "how well it will be recognised stands there before it is kept"
    app = button(app, "Add to the catalogue").click().run()
    assert not app.exception, app.exception
    return app


def forget_all() -> None:
    own = Catalogue.open(OWN)
    own.remove([product.id for product in own.products()])


def test_known_products_appear_and_an_own_one_is_found_again(start):
    app = with_training_products(button(start(), "Try an example").click().run())
    assert "312 training products and 0 of the catalogue “Products you added”" in said(app)
    app = enrol(app, "My own jam")
    assert headings(app)[0] == "My own jam" and "A product of the catalogue “Products you added”." in said(app)
    assert "312 training products and 1 of the catalogue" in said(with_training_products(app))
    assert "**My own jam** · *catalogue*" in said(app) and "similarity 1.00" in said(app)
    forget_all()
    assert "My own jam" not in said(app.run())


def test_what_nobody_taught_is_unknown_until_it_is_added_to_the_catalogue(start):
    app = start().text_area[0].set_value("32-piece screwdriver set, chrome vanadium steel").run()
    app = with_training_products(app)
    assert headings(app)[0] == "Not one of the 24 known products"
    assert "A guess: " in said(app) and "**" not in said(app).split("A guess: ")[1].split("\n")[0]
    app = enrol(app, "Screwdriver set")
    assert headings(app)[0] == "Screwdriver set"
    app = app.text_area[0].set_value("ground coffee in a tin").run()
    assert "coffee" in headings(app)[0].lower() and "Answers like this, from description alone, were right" in said(app)
    app = app.text_area[0].set_value("32-piece screwdriver set, chrome vanadium steel").run()
    assert headings(app)[0] == "Screwdriver set"
    forget_all()
    assert headings(app.run())[0] == "Not one of the 24 known products"


def test_what_somebody_says_of_an_answer_counts_at_once_and_can_be_taken_back(start):
    app = start().text_area[0].set_value("32-piece screwdriver set, chrome vanadium steel").run()
    assert headings(app)[0] == "Not one of the 24 known products"
    app = button(app, "None of these: new product").click().run()
    next(item for item in app.text_input if item.label == "Name of the new product").set_value("Screwdriver set")
    app = next(item for item in app.button if item.label == "Save").click().run()
    assert not app.exception and "Added: “Screwdriver set” is now a product of “Products you added”." in said(app)
    assert headings(app)[0] == "Screwdriver set" and [kept.name for kept in Corrections().all()] == ["Screwdriver set"]
    app = button(app, "Undo").click().run()
    assert headings(app)[0] == "Not one of the 24 known products" and not Corrections().all()


def test_another_catalogue_can_answer_and_stays_chosen(start):
    Catalogue.open("Spring").add([(CatalogueProduct("", "Screwdriver set"), Product.of(text="screwdriver set, steel"))])
    app = start().text_area[0].set_value("screwdriver set, steel").run()
    assert headings(app)[0] != "Screwdriver set"
    next(item for item in app.selectbox if item.label == "Catalogue that answers too").set_value("Spring")
    assert headings(app.run())[0] == "Screwdriver set"
    again = start().text_area[0].set_value("screwdriver set, steel").run()
    assert headings(again)[0] == "Screwdriver set"


def test_a_bulk_run_is_started_found_again_by_its_address_and_searched(start, tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    rows = "\n".join(f"{row},{('ground coffee', 'tomato sauce with basil')[row % 2]}," for row in range(4))
    (data / "metadata.csv").write_text(f"id,text,image_file_name\n{rows}\n4,,missing.jpg\n", encoding="utf-8")
    app = start()
    assert button(app, "Recognise all").disabled
    app = (
        next(item for item in app.radio if item.label == "Products")
        .set_value("Folder, ZIP or table on this machine")
        .run()
    )
    app = next(item for item in app.text_input if item.label == "Path").set_value(str(data)).run()
    app = button(app, "Recognise all").click().run()
    assert not app.exception, app.exception
    (job,) = bulk.bulk_jobs()
    assert app.query_params["bulk"] in (job.id, [job.id])
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while jobs.status(job).state in jobs.LIVE:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    app = AppTest.from_file("../streamlit_app.py", default_timeout=TIMEOUT_SECONDS)
    app.query_params["bulk"] = job.id
    app.run()
    assert not app.exception, app.exception
    counted = bulk.predictions(job).counted("category")
    assert f"{counted['Sure']} for category" in said(app) and "1 has no answer; the notes say why." in said(app)
    assert f"{counted['Sure']} sure" in said(app).split("**category**: ")[1].split("\n")[0]
    assert button(app, f"Review {reviews.to_look_at(bulk.predictions(job))} products").proto.type == "primary"
    app = next(item for item in app.text_input if item.label == "Search").set_value("basil nothing").run()
    assert "0 of 5 rows" in said(app)
    app = next(item for item in app.text_input if item.label == "Search").set_value("missing.jpg").run()
    assert "1 of 5 rows" in said(app)
    assert app.get("download_button")


def test_a_path_that_does_not_exist_is_one_sentence(start):
    app = start()
    app = (
        next(item for item in app.radio if item.label == "Products")
        .set_value("Folder, ZIP or table on this machine")
        .run()
    )
    app = next(item for item in app.text_input if item.label == "Path").set_value("/no/such/folder").run()
    app = button(app, "Recognise all").click().run()
    assert not app.exception and any("/no/such/folder does not exist" in item.value for item in app.error)
    assert bulk.bulk_jobs() == []


def test_many_files_are_taken_at_once_counted_and_refused_by_their_own_names(start):
    def many(app, *files):
        box = next(item for item in app.file_uploader if item.label.startswith("Photos, sounds, a table"))
        app = box.set_value([(name, content, "application/octet-stream") for name, content in files]).run()
        assert not app.exception, app.exception
        return app

    photos = [(path.name, path.read_bytes()) for path in sorted((DEMO_DIR / "images").iterdir())[:3]]
    app = many(start(), *photos)
    assert "Ready: 3 files (3 products)" in said(app) and not button(app, "Recognise all").disabled
    app = many(app, ("notes.pdf", b"%PDF"), *photos)
    assert any("'notes.pdf' is no ZIP, no table" in item.value for item in app.error)
    app = many(app, ("broken.zip", b"PK"))
    assert any(item.value.startswith("broken.zip is not a usable ZIP") for item in app.error)
    assert button(app, "Recognise all").disabled
    app = many(app, ("long.csv", ("text\n" + "tea\n" * (bulk.MAX_ROWS + 1)).encode()))
    assert any("long.csv has 10,001 rows, but the limit is 10,000" in item.value for item in app.error)


def test_a_known_product_shows_its_words_as_they_are_and_its_photo_is_decoded_once(tmp_path):
    photo = tmp_path / "a.png"
    Image.new("RGB", (40, 30), "red").save(photo)

    def page(path: str) -> None:
        from pathlib import Path

        from retail.pages._known import draw_match
        from retail.schema import Match, Product

        for file in (path, path + ".missing"):
            product = Product(id="a", images=(Path(file),), text="*no* [link](x)", labels={"product": "_tea_"})
            draw_match(Match("a", "", product.labels, 0.5, {"image": 0.5}), product)

    thumbnail.clear()
    seen = mock.patch("retail.components.media.decode_image", wraps=decode_image)
    with seen as decoded:
        app = AppTest.from_function(page, args=(str(photo),)).run()
        app.run()
    assert not app.exception and decoded.call_count == 1
    assert "\\_tea\\_" in app.markdown[0].value
    captions = [caption.value for caption in app.caption]
    assert captions[0].startswith(f"“{plain('*no* [link](x)')}”") and captions[1].startswith("No photo: ")


def import_with_classes(name: str, task: str, classes: list[str]) -> None:
    """The demo's recogniser with other class names in one task."""
    import_demo_as(name)
    path = imported_folder() / name / "bundle.json"
    facts = json.loads(path.read_text(encoding="utf-8"))
    facts["tasks"][task] = classes[: len(facts["tasks"][task])]
    path.write_text(json.dumps(facts), encoding="utf-8")


def finished_run(title: str, command: list[str]) -> jobs.Job:
    """A run of this title and command that has ended badly."""
    job = jobs.new_job()
    (job.folder / "job.json").write_text(json.dumps({"title": title, "command": command, "pid": 0, "started": 0}))
    (job.folder / "status.json").write_text(json.dumps({"state": "failed", "message": "stopped"}))
    return job


def test_the_examples_label_is_held_only_against_a_recogniser_that_knows_it(start):
    import_with_classes("copy", "category", [f"other {place}" for place in range(6)])
    app = button(choose(start(), "Imported: copy"), "Try an example").click().run()
    assert len(cards(app)) == 4 and "The example's label is" in said(app)
    assert "packaging" in said(app).split("The example's label is")[1].split("\n")[0]
    assert "category" not in said(app).split("The example's label is")[1].split("\n")[0]


def test_class_names_are_shown_as_they_are_and_load_nothing(start):
    names = [f"![{place}](https://example.org/{place}.png)" for place in range(5)]
    import_with_classes("copy", "packaging", names)
    app = button(choose(start(), "Imported: copy"), "Try an example").click().run()
    next(item for item in app.segmented_control if item.label == "Question").set_value("packaging").run()
    assert not app.exception, app.exception
    assert any(plain(name) in said(app) for name in names) and "![" not in said(app)
    rows = "".join(html.proto.body for html in app.get("html"))
    assert "](https://example.org/" in rows, "HTML knows no Markdown: it is shown as it is"


def test_a_recogniser_that_cannot_use_an_input_has_no_answer_and_the_others_stay(start, monkeypatch):
    import_demo_as("copy")
    app = start()

    def hears_nothing(self, *given):
        raise UserError("no words are heard in the clip.")

    monkeypatch.setattr(Recognizer, "answer_subsets", hears_nothing)  # the chosen one answers with its catalogue
    app = unfolded(app).text_area[0].set_value("ground coffee in a tin").run()
    assert not app.exception, app.exception
    table = next(item.value for item in app.dataframe if "fusion method" in item.value)
    assert set(table.loc[1][1:]) == {"–"} and "–" not in set(table.loc[0])


def test_a_run_whose_title_begins_like_the_demo_is_not_taken_for_it(start):
    run = finished_run("Demo products: product", [])
    shutil.copytree(DEMO_BUNDLE, run.folder / "bundles" / "gated")
    app = start()
    assert "The demo's products are made up." in said(app)
    app = button(unfolded(app), "Try an example").click().run()
    table = next(item.value for item in app.dataframe if "fusion method" in item.value)
    assert table["fusion method"][1].startswith("Demo products: product · ")
    assert "The demo's products are made up." not in said(choose(app, "Demo products: product"))


def test_known_products_that_failed_are_tried_again(start, monkeypatch, tmp_path):
    import_demo_as("copy")
    place = [(tmp_path / "gone", "text")]
    monkeypatch.setattr(shelves, "training_data", lambda bundle: place[0])
    app = choose(start(), "Imported: copy").text_area[0].set_value("ground coffee in a tin").run()
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while "The training products cannot be shown" not in said(app):
        assert not app.exception and time.monotonic() < deadline
        app.run()
    place[0] = DEMO_DIR, "text"
    app.run()
    assert not app.exception and "The training products cannot be shown" not in said(app)


def test_going_on_without_the_data_is_one_sentence(start):
    start()
    job = finished_run("Recognise many", [])
    write_request(PredictRequest(bundle=Path("b"), data=Path("/gone"), out=Path("predictions.csv")), job.folder)
    app = AppTest.from_file("../streamlit_app.py", default_timeout=TIMEOUT_SECONDS)
    app.query_params["bulk"] = job.id
    app = button(app.run(), "Retry").click().run()
    assert not app.exception, app.exception
    assert any("/gone does not exist" in item.value for item in app.error)
