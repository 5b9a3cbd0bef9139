"""A catalogue that learns in a real browser: enrolled, corrected, reviewed by two people, and trained again.

A home and a server of their own; the recogniser of the loop has one example of each class, so that corrections help.
"""

from __future__ import annotations

import csv
import io
import re
import time
from pathlib import Path

import pytest
from PIL import Image, ImageEnhance, ImageOps

from retail.config import TrainConfig
from retail.files import DEMO_BUNDLE, DEMO_DIR, GROCERIES_EXAMPLES
from retail.recognizer.bundle import load_bundle
from retail.review.corrections import Corrections
from retail.review.queue import ReviewQueue
from retail.schema import Product
from retail.workspace import bulk, corrected, jobs
from retail.workspace.recognizers import RUN_BUNDLES
from retail.workspace.requests import TrainRequest
from tests.browser.driving import RUN_MS, choose, settled, upload

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("home_of_own")]

TASK, KIND, MANY, REVIEWED, SHARED = "product", "category", 200, 30, 4
TRIES, HEARD_SECONDS = 4, 20
Row = dict[str, str]


def demo_rows(split: str) -> list[Row]:
    with (DEMO_DIR / "metadata.csv").open(newline="", encoding="utf-8") as stream:
        return [row for row in csv.DictReader(stream) if row["split"] == split and row["image_file_name"]]


def write_table(path: Path, rows: list[Row], names: tuple[str, ...]) -> Path:
    """A table beside nothing: its photos are named where they lie."""
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, names)
        writer.writeheader()
        for row in rows:
            photo = str(DEMO_DIR / row["image_file_name"].partition(";")[0])
            writer.writerow({name: photo if name == "image_file_name" else row[name] for name in names})
    return path


def finished(job: jobs.Job) -> jobs.Job:
    deadline = time.monotonic() + RUN_MS / 1000
    while jobs.status(job).state in jobs.UNFINISHED:
        assert time.monotonic() < deadline
        time.sleep(0.3)
    assert jobs.status(job).state == "done", job.log_tail()
    return job


def another_photo(path: Path) -> bytes:
    """The same product once more: turned to the other side, nearer and in other light."""
    with Image.open(path) as picture:
        width, height = picture.size
        near = ImageOps.mirror(picture.convert("RGB")).crop((width // 20, height // 20, width, height))
        stream = io.BytesIO()
        ImageEnhance.Brightness(near).enhance(1.15).save(stream, "JPEG", quality=85)
    return stream.getvalue()


def give_photo(page, name: str, content: bytes) -> None:
    settled(page)
    page.get_by_role("button", name="Clear").click()
    settled(page)
    sent = {"name": name, "mimeType": "image/jpeg", "buffer": content}
    page.locator("[class*=st-key-photos_] input[type=file]").set_input_files(sent)
    page.get_by_text("Used: photo.").wait_for()
    settled(page)


def first_heading(page) -> str:
    return page.locator(".st-key-answer").get_by_role("heading", level=2).inner_text()


def test_an_enrolled_product_is_the_answer_to_another_photo_of_it(open_at, server):
    banana = GROCERIES_EXAMPLES / "images" / "banana.jpg"
    page = open_at(server)
    give_photo(page, "banana.jpg", banana.read_bytes())
    assert first_heading(page) != "Banana"
    page.get_by_text("Add this upload to the catalogue").click()
    box = page.get_by_role("textbox", name="Product name")
    box.fill("Banana")
    box.press("Enter")
    page.get_by_text("recognised", exact=False).first.wait_for()
    settled(page)
    page.get_by_role("button", name="Add to the catalogue").click()
    page.get_by_text("Added “Banana”.").wait_for()
    give_photo(page, "another.jpg", another_photo(banana))
    assert first_heading(page) == "Banana"
    assert page.get_by_text("A product of the catalogue “Products you added”.").count() == 1
    assert page.elsewhere == []


def wrongly_answered() -> tuple[Row, str]:
    """A test product whose photo alone is answered wrongly, and what is answered."""
    recognizer = load_bundle(DEMO_BUNDLE)
    for row in demo_rows("test"):
        photo = DEMO_DIR / row["image_file_name"].partition(";")[0]
        answer = recognizer.predict(image=photo)
        if answer.best(TASK)[0] != row[TASK] and not answer.unknown:
            return row, answer.best(TASK)[0]
    raise AssertionError("every photo is answered rightly")


def test_a_wrong_answer_is_corrected_and_right_from_then_on(open_at, server):
    row, wrong = wrongly_answered()
    photo = (DEMO_DIR / row["image_file_name"].partition(";")[0]).read_bytes()
    page = open_at(server)
    give_photo(page, "wrong.jpg", photo)
    assert first_heading(page) == wrong
    page.get_by_role("button", name="It is …").click()
    box = page.get_by_role("searchbox", name="What is it?").or_(page.get_by_role("textbox", name="What is it?"))
    box.fill(row[TASK])
    page.get_by_role("button", name=re.compile(f"^{re.escape(row[TASK])}")).first.click()
    page.get_by_role("button", name="Save").click()
    page.get_by_text(f"Corrected: it is “{row[TASK]}”.").wait_for()
    settled(page)
    give_photo(page, "again.jpg", photo)
    assert first_heading(page) == row[TASK]
    assert [kept.labels for kept in Corrections().all()] == [{TASK: row[TASK]}]


def test_a_bulk_file_is_a_reviewed_table_after_six_clicks(open_at, server):
    page = open_at(server)
    settled(page)
    clicks = 0

    def click(element) -> None:
        nonlocal clicks
        clicks += 1
        element.click()

    click(page.get_by_role("tab", name="Many products"))
    sent = {"name": "spring.csv", "mimeType": "text/csv", "buffer": b"id,text\n1,winter tyre 205/55 R16\n"}
    clicks += 1
    upload(page, page.locator("[class*=st-key-bulk_] input[type=file]"), "spring.csv", sent)
    page.get_by_text("Ready: spring.csv").wait_for()
    settled(page)
    click(page.get_by_role("button", name="Recognise all"))
    page.get_by_text("1 row: 1 answered").wait_for(timeout=RUN_MS)
    settled(page)
    click(page.get_by_role("button", name="Review 1 product"))
    page.locator("[class*=st-key-shown]").wait_for()
    settled(page)
    click(page.get_by_role("button", name="Accept"))
    page.get_by_text("Every row is reviewed.").wait_for()
    settled(page)
    with page.expect_download() as download:
        click(page.get_by_role("button", name="Export table"))
    (row,) = csv.DictReader(io.StringIO(download.value.path().read_text(encoding="utf-8")))
    assert row["reviewed"] == "right" and row["product_final"] and clicks <= 6


@pytest.fixture(scope="module")
def little_taught(own):
    """A recogniser that has seen one example of each category, what is asked of it, and what is right."""
    home = own[0]
    train, rest = demo_rows("train"), demo_rows("val") + demo_rows("test")
    first = list({row[KIND]: row for row in reversed(train)}.values())
    data = home / "little"
    data.mkdir()
    names = ("id", "image_file_name", "text", KIND, "split", "group")
    write_table(data / "metadata.csv", [*first, *rest], names)
    others = [row for row in train if row not in first][:MANY]
    asked = write_table(home / "asked.csv", others, ("id", "image_file_name", "text"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RETAIL_HOME", str(home))
        config = TrainConfig(modalities=("image", "text"))
        request = TrainRequest(data=data, tasks=(KIND,), config=config, out=Path(RUN_BUNDLES) / "gated")
        job = finished(jobs.start(request, "Little taught"))
    return job.folder / RUN_BUNDLES / "gated", asked, {row["id"]: row[KIND] for row in others}


def row_id(page) -> str:
    """Which row is shown: its id stands behind its place."""
    return page.locator("[class*=st-key-shown]").get_by_text(re.compile(" · ")).last.inner_text().rpartition(" · ")[2]


def decide(page, truth: str) -> None:
    """By key where the truth is among the guesses, else by search; a key that nobody heard is pressed again."""
    before = row_id(page)
    for _ in range(TRIES):
        guesses = page.locator("[class*=st-key-guess_] button").all_inner_texts()
        place = next((place for place, guess in enumerate(guesses) if guess.startswith(truth)), None)
        if place is not None:
            page.locator("body").press(str(place + 1))
        else:
            page.get_by_label("Something else").fill(truth)
            page.get_by_role("button", name=re.compile(f"^{re.escape(truth)}")).last.click()
        deadline = time.monotonic() + HEARD_SECONDS
        while time.monotonic() < deadline:
            if not page.locator("[class*=st-key-shown]").count() or row_id(page) != before:
                settled(page)
                return
            page.wait_for_timeout(100)
    raise AssertionError(f"{before} cannot be decided")


def test_two_browsers_share_the_queue_and_the_whole_loop_ends_in_better_figures(open_at, server, little_taught):
    bundle, asked, truth = little_taught
    page = open_at(server)
    settled(page)
    choose(page, "Recogniser", "Little taught · gated")
    page.get_by_role("tab", name="Many products").click()
    page.get_by_text("Folder, ZIP or table on this machine").click()
    box = page.get_by_role("textbox", name="Path")
    box.fill(str(asked))
    box.press("Enter")
    settled(page)
    page.get_by_role("button", name="Recognise all").click()
    page.wait_for_url("**bulk=*")
    job = finished(bulk.bulk_jobs()[0])
    page.get_by_text(f"{MANY} rows: {MANY} answered").wait_for()
    page.get_by_role("button", name=re.compile("^Review ")).click()
    page.get_by_role("heading", level=1, name="Review").wait_for()
    page.locator("[class*=st-key-shown]").wait_for()
    settled(page)

    other = open_at(server, f"review?run={job.id}")
    other.locator("[class*=st-key-shown]").wait_for()
    settled(other)
    seen: dict[str, list[str]] = {"one": [], "two": []}
    for _ in range(SHARED):
        for name, browser in (("one", page), ("two", other)):
            seen[name].append(row_id(browser))
            decide(browser, truth[seen[name][-1]])
    assert len({*seen["one"], *seen["two"]}) == 2 * SHARED, "nobody gets a row that another one decided"
    other.close()
    while ReviewQueue(job.folder).counts().done < REVIEWED:
        decide(page, truth[row_id(page)])
    corrections = Corrections().since_training(bundle)
    assert len(corrections) == REVIEWED and {kept.origin for kept in corrections} == {"review"}

    page.get_by_role("button", name=re.compile(f"Train again with {REVIEWED} corrections")).click()
    page.get_by_text(f", with {REVIEWED} corrections").first.wait_for()
    again = finished(next(found for found in jobs.list_jobs() if getattr(found.request, "follows", None) == bundle))
    gain = corrected.gain_of(again)
    assert gain is not None
    said = gain.text.splitlines()[-1]
    page.get_by_text(said).locator("visible=true").first.wait_for()  # the log has it too, folded
    before, after = (accuracy_of(folder) for folder in (bundle, again.folder / RUN_BUNDLES / "gated"))
    assert after > before + 0.05
    assert page.elsewhere == []


def accuracy_of(bundle: Path) -> float:
    """On the demo's test products, which nobody reviewed."""
    recognizer, rows = load_bundle(bundle), demo_rows("test")
    products = [
        Product.of(DEMO_DIR / row["image_file_name"].partition(";")[0], row["text"], id=row["id"]) for row in rows
    ]
    answers = recognizer.predict_many(products)
    return sum(answer.best(KIND)[0] == row[KIND] for answer, row in zip(answers, rows, strict=True)) / len(rows)
