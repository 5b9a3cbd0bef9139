"""Recognise and Compare in a real browser: what a visitor sees and what leaves the machine."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from retail.files import DEMO_TASKS
from retail.report.verdict import verdict
from retail.wording import percent
from tests.browser.driving import answered, answers, settled, try_example
from tests.results_sample import MODELS, sample_results

pytestmark = pytest.mark.browser


def test_an_example_gives_one_card_per_task_and_asks_nobody_else(open_page):
    page = open_page()
    page.get_by_text("Any one input is enough").first.wait_for()
    try_example(page)
    assert answered(page)
    assert page.elsewhere == []


def test_switches_mute_an_input_and_move_the_answer_at_once(open_page):
    page = open_page()
    try_example(page)
    left, seen = ["photo", "description", "sound"], [answers(page)]
    assert len(seen[0]) == len(DEMO_TASKS)
    for word in list(left):
        page.get_by_test_id("stCheckbox").filter(has_text=word.capitalize()).locator("label").click()
        left.remove(word)
        page.get_by_text(f"Used: {' + '.join(left)}." if left else "All inputs are switched off.").first.wait_for()
        settled(page)
        seen.append(answers(page))
    assert not answered(page)
    assert len(set(map(str, seen))) >= 3  # several answers, and at last none


def test_a_wrong_file_type_shows_a_reason(open_page):
    page = open_page()
    sent = {"name": "notes.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.4"}
    page.locator("input[type=file]").first.set_input_files(sent)
    page.get_by_role("alert").filter(has_text="'notes.pdf' is not a usable photo").first.wait_for()


def test_a_damaged_photo_shows_its_name_and_reason(open_page):
    page = open_page()
    sent = {"name": "broken.png", "mimeType": "image/png", "buffer": b"this is not a photo"}
    page.locator("input[type=file]").first.set_input_files(sent)
    page.get_by_role("alert").filter(has_text="broken.png").first.wait_for()


def upload_own(page, name: str, words: str) -> None:
    """A photo and a description of one's own."""
    stream = io.BytesIO()
    Image.new("RGB", (80, 80), "red").save(stream, "PNG")
    sent = {"name": name, "mimeType": "image/png", "buffer": stream.getvalue()}
    page.locator("[class*=st-key-photos_] input[type=file]").set_input_files(sent)
    page.get_by_role("img", name=f"Photo {name}").wait_for()
    settled(page)
    page.get_by_role("textbox", name="Description").fill(words)
    page.get_by_role("textbox", name="Description").blur()
    page.get_by_text("Used: photo + description.").wait_for()


def test_photos_and_words_survive_changing_page(open_page):
    page = open_page()
    upload_own(page, "mine.png", "ground coffee in a tin")
    page.get_by_role("link", name="Compare", exact=True).click()
    page.get_by_role("heading", level=1, name="Which inputs should you use?").wait_for()
    page.get_by_role("link", name="Recognise", exact=True).click()
    page.get_by_role("img", name="Photo mine.png").wait_for()
    page.get_by_text("Used: photo + description.").wait_for()
    settled(page)
    assert page.get_by_role("textbox", name="Description").input_value() == "ground coffee in a tin"
    assert answered(page)


def test_visitors_never_see_each_others_uploads_and_no_log_does(open_page, shared_home):
    pages = [open_page() for _ in range(3)]
    for number, page in enumerate(pages[:2]):
        upload_own(page, f"mine{number}.png", f"coffee of visitor {number}")
    late = open_page()
    for page in (pages[2], late):
        page.get_by_text("Any one input is enough").first.wait_for()
        settled(page)
        assert not answered(page) and page.get_by_role("img", name="Photo mine").count() == 0
    for number, page in enumerate(pages[:2]):
        button = page.get_by_test_id("stCheckbox").filter(has_text="Photo").locator("label")
        button.click()  # drawn again, with whatever the server holds now
        page.get_by_text("Used: description.").wait_for()
        assert page.get_by_role("img", name="Photo mine").count() == 1
        assert page.get_by_role("img", name=f"Photo mine{number}.png").count() == 1
        assert page.get_by_role("textbox", name="Description").input_value() == f"coffee of visitor {number}"
    log = (shared_home / "server.log").read_text()
    assert "mine0" not in log and "visitor" not in log
    settled(pages[0])
    pages[0].get_by_role("button", name="Your uploads").click()
    pages[0].get_by_text("1 photo and a description").wait_for()
    pages[0].get_by_role("button", name="Delete all of it").click()
    pages[0].get_by_text("Any one input is enough").first.wait_for()
    assert pages[0].get_by_role("img", name="Photo mine").count() == 0
    settled(pages[1])
    assert pages[1].get_by_role("img", name="Photo mine1.png").count() == 1


def test_compare_shows_the_stored_verdict_and_every_model_and_asks_nobody_else(open_page):
    page = open_page("compare")
    page.get_by_role("heading", level=2, name=verdict(sample_results(), "product").decision).wait_for()
    chart = page.locator("[aria-label*='is right most often for product']").first
    chart.wait_for()
    words = chart.get_attribute("aria-label")
    for _, _, _, title, accuracy in MODELS:
        assert f"{title} {percent(accuracy['product'])}" in words
    settled(page)
    assert page.elsewhere == []


def test_a_run_started_on_train_is_followed_and_cancelled_on_compare(open_page):
    page = open_page("train")
    settled(page)
    page.get_by_role("button", name="Make a recogniser").click()
    page.get_by_role("button", name="Cancel").first.wait_for()
    page.get_by_role("link", name="Compare", exact=True).click()
    page.get_by_role("heading", level=1, name="Which inputs should you use?").wait_for()
    settled(page)
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Cancel").wait_for(state="detached")
    page.goto(page.url.split("/compare")[0] + "/runs")
    page.get_by_test_id("stAlert").get_by_text("Cancelled.", exact=True).wait_for()
