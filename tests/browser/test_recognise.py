"""Recognise in a real browser: every mix of inputs, microphone and camera, refused files, a bulk run and its CSV."""

from __future__ import annotations

import csv
import io
import zipfile
from urllib.parse import quote

import pytest
import soundfile
from PIL import Image

from retail.files import DEMO_DIR, GROCERIES_NAME
from retail.media import SAMPLE_RATE_HZ, decode_audio
from tests.browser.conftest import CHROMIUM, FLAGS
from tests.browser.driving import RUN_MS, answered, answers, reload, settled, try_example, upload

pytestmark = pytest.mark.browser

WORDS, NAMES = ("photo", "description", "sound"), ("image", "text", "audio")
BROKEN, ROWS = 3, 50


def test_all_seven_mixes_of_inputs_answer_and_none_is_the_empty_state(open_page):
    page = open_page()
    try_example(page)
    on, seen = set(WORDS), set()
    for word in ("", "sound", "description", "sound", "photo", "sound", "description", "sound"):  # each mix once
        if word:
            page.get_by_test_id("stCheckbox").filter(has_text=word.capitalize()).locator("label").click()
            on ^= {word}
        used = [word for word in WORDS if word in on]
        page.get_by_text(f"Used: {' + '.join(used)}." if used else "All inputs are switched off.").first.wait_for()
        settled(page)
        assert answered(page) is bool(used), used
        seen.add(tuple(used))
    assert len(seen) == 8


def switches(page) -> dict[str, bool]:
    boxes = {
        word.capitalize(): page.locator(f".st-key-use_{name} input") for word, name in zip(WORDS, NAMES, strict=True)
    }
    return {word: box.is_checked() for word, box in boxes.items() if box.count()}


def describe(page, words: str) -> None:
    box = page.get_by_role("textbox", name="Description")
    box.fill(words)
    box.blur()
    page.get_by_text("Used: description.").wait_for()
    settled(page)


def test_switches_tell_the_truth_after_an_example_was_cleared(open_page):
    page = open_page()
    try_example(page)
    assert switches(page) == {"Photo": True, "Description": True, "Sound": True}
    page.get_by_role("button", name="Clear", exact=True).click()
    page.get_by_text("Any one input is enough").first.wait_for()
    settled(page)
    describe(page, "ground coffee in a tin")
    assert switches(page) == {"Description": True}


def test_the_answer_is_read_out_and_stands_right_under_the_form_on_a_phone(open_page):
    page = open_page(width=390)
    settled(page)
    describe(page, "ground coffee in a tin")
    title = page.locator(".st-key-answer").get_by_role("heading", level=2).inner_text()
    region = page.locator("#said-aloud")
    assert region.get_attribute("role") == "status"
    page.wait_for_function("title => document.querySelector('#said-aloud').innerText.includes(title)", arg=title)
    region.evaluate("region => { region.kept = true; }")
    page.get_by_role("button", name="Clear", exact=True).click()
    describe(page, "oat drink, 1 l carton")
    assert region.evaluate("region => region.kept"), "a region that is new with its text is often silent"
    form = page.get_by_text("Camera, sound file, barcodes").bounding_box()
    answer = page.locator(".st-key-answer").bounding_box()
    assert answer["y"] - form["y"] - form["height"] < 100


def test_the_recogniser_survives_a_reload_and_comes_with_a_link(open_page):
    page = open_page(f"?recogniser={quote(GROCERIES_NAME)}")
    page.get_by_text("Classes: product (81)").wait_for()
    reload(page)
    page.get_by_text("Classes: product (81)").wait_for()
    try_example(page)
    assert answers(page)["Product"][0] == "Banana"


def test_focus_stays_near_what_a_rerun_takes_away(open_page):
    page = open_page()
    try_example(page)
    page.get_by_role("button", name="Right", exact=True).focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Undo").wait_for()
    page.wait_for_function("document.activeElement.innerText === 'Undo'")


@pytest.fixture(scope="module")
def speech(tmp_path_factory):
    """A spoken clip of the demo data as the microphone of a browser."""
    path = tmp_path_factory.mktemp("speech") / "speech.wav"
    clip = decode_audio(sorted((DEMO_DIR / "audio").glob("lark_tea_original*"))[0])
    soundfile.write(path, clip, SAMPLE_RATE_HZ, subtype="PCM_16")
    return path


@pytest.fixture(scope="module")
def chromium(playwright_of, speech):
    """A browser with a microphone that plays the clip over and over, and a camera with a test picture."""
    devices = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
    devices += [f"--use-file-for-fake-audio-capture={speech}"]
    browser = playwright_of.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, *devices])
    yield browser
    browser.close()


@pytest.fixture
def with_devices(open_page):
    page = open_page()
    page.context.grant_permissions(["microphone", "camera"])
    page.get_by_text("Any one input is enough").first.wait_for()
    settled(page)  # a click while the page is still being drawn is lost
    return page


def test_a_recording_counts_as_used(with_devices):
    page = with_devices
    page.get_by_role("button", name="Record").click()
    page.get_by_test_id("stAudioInputWaveformTimeCode").filter(has_text="00:04").wait_for()
    page.get_by_role("button", name="Stop recording").click()
    page.get_by_text("Used: sound.").wait_for()
    settled(page)
    assert answered(page)


def test_a_photo_taken_with_the_camera_counts_as_used(with_devices):
    page = with_devices
    page.get_by_text("Camera, sound file, barcodes").click()
    page.get_by_test_id("stCheckbox").filter(has_text="Use the camera").locator("label").click()
    settled(page)
    page.wait_for_function("document.querySelector('video')?.videoWidth > 0")  # before, there is nothing to take
    page.get_by_role("button", name="Take Photo").click()
    page.get_by_text("Used: photo.").wait_for()
    settled(page)
    assert answered(page)


def test_wrong_types_and_sizes_show_a_visible_reason_in_both_uploaders(open_page, tmp_path):
    page = open_page()
    wrong, huge = tmp_path / "notes.pdf", tmp_path / "huge.png"
    wrong.write_bytes(b"%PDF-1.4")
    huge.write_bytes(bytes(101 * 2**20))
    page.locator("[class*=st-key-photos_] input[type=file]").set_input_files([wrong, huge])
    page.get_by_role("alert").filter(has_text="'notes.pdf' is not a usable photo").wait_for()
    page.get_by_role("alert").filter(has_text="'huge.png' is 101 MB, but the limit is 100 MB").wait_for()
    settled(page)
    page.locator("[class*=st-key-sound_] input[type=file]").set_input_files(wrong)
    page.get_by_role("alert").filter(has_text="'notes.pdf' is not a usable sound clip").wait_for()


def test_after_an_upload_clear_empties_the_page_and_the_next_upload_counts_again(open_page):
    page = open_page()
    stream = io.BytesIO()
    Image.new("RGB", (80, 80), "red").save(stream, "PNG")
    for name in ("one.png", "two.png"):
        sent = {"name": name, "mimeType": "image/png", "buffer": stream.getvalue()}
        page.locator("[class*=st-key-photos_] input[type=file]").set_input_files(sent)
        page.get_by_role("button", name=f"✕ {name}").wait_for()
        page.get_by_text("Used: photo.").wait_for()
        settled(page)
        page.get_by_role("button", name="Clear", exact=True).click()
        page.get_by_text("Any one input is enough").first.wait_for()
        settled(page)
        assert not answered(page)


def bulk_zip() -> bytes:
    """50 products, of which three have nothing that can be used: no file, a damaged file, nothing at all."""
    photo = io.BytesIO()
    Image.new("RGB", (80, 80), "red").save(photo, "PNG")
    stream, table = io.BytesIO(), io.StringIO()
    rows = [["broken 0", "missing.png", ""], ["broken 1", "damaged.png", ""], ["broken 2", "", ""]]
    rows += [[f"good {place}", "red.png" if place == 0 else "", f"ground coffee {place}"] for place in range(ROWS - 3)]
    csv.writer(table).writerows([["id", "image_file_name", "text"], *rows])
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("metadata.csv", table.getvalue())
        archive.writestr("red.png", photo.getvalue())
        archive.writestr("damaged.png", b"not a photo")
    return stream.getvalue()


def test_a_bulk_run_with_broken_rows_survives_a_refresh_and_downloads_as_csv(open_page):
    page = open_page()
    page.get_by_role("tab", name="Many products").click()
    sent = {"name": "many.zip", "mimeType": "application/zip", "buffer": bulk_zip()}
    upload(page, page.locator("[class*=st-key-bulk_] input[type=file]"), "many.zip", sent)
    page.get_by_text("Ready: many.zip").wait_for()
    settled(page)
    page.get_by_role("button", name="Recognise all").click()
    page.get_by_text("Recognise many.zip").first.wait_for()
    assert "bulk=" in page.url
    reload(page)
    summary = f"{ROWS} rows: {ROWS - BROKEN} answered"
    page.get_by_text(summary).wait_for(timeout=RUN_MS)
    assert f"{BROKEN} without an answer" in page.get_by_text(summary).inner_text()
    page.get_by_role("radio", name="No answer").or_(page.get_by_role("button", name="No answer")).first.click()
    page.get_by_text(f"{BROKEN} of {ROWS} rows").wait_for()
    settled(page)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download CSV").click()
    rows = list(csv.DictReader(io.StringIO(download.value.path().read_text(encoding="utf-8"))))
    reasons = {row["id"]: row["notes"] for row in rows if not row["used"]}
    assert len(rows) == ROWS and set(reasons) == {"broken 0", "broken 1", "broken 2"}
    assert all(reasons.values()) and "does not exist" in reasons["broken 0"]
    assert page.elsewhere == []
