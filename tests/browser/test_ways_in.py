"""Any shop's data as it comes, in a real browser: from the files on somebody's disk to Train, or to answers.

Each way starts with files as they are dropped and touches none of them: class folders in a ZIP, an Excel table with its
photos beside it, a competition's ZIP, and loose photos to recognise.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from retail.files import DEMO_DIR
from retail.workspace import datasets
from tests.browser.driving import RUN_MS, choose_yourself, open_add, settled
from tests.browser.test_long_runs import start
from tests.conftest import zipped
from tests.workbook_sample import rows_of, write_xlsx

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("home_of_own")]

CLASSES, OF_A_CLASS, LOOSE = 3, 16, 60
Photo = tuple[Path, str, str]  # file, category, description


@pytest.fixture(scope="module")
def photos() -> list[Photo]:
    """As many demo photos of each of three categories, one after the other."""
    with (DEMO_DIR / "metadata.csv").open(newline="", encoding="utf-8") as stream:
        rows = [row for row in csv.DictReader(stream) if row["image_file_name"] and row["text"]]
    names = list(dict.fromkeys(row["category"] for row in rows))[:CLASSES]
    found = {name: [row for row in rows if row["category"] == name][:OF_A_CLASS] for name in names}
    return [
        (DEMO_DIR / row["image_file_name"].partition(";")[0], name, row["text"])
        for place in range(OF_A_CLASS)
        for name in names
        for row in (found[name][place],)
    ]


def table(*rows: tuple[str, ...]) -> bytes:
    stream = io.StringIO()
    csv.writer(stream).writerows(rows)
    return stream.getvalue().encode()


def add(page, name: str, files) -> None:
    """Drops files on Data and waits for the plan."""
    open_add(page)
    page.get_by_role("textbox", name="Name", exact=True).fill(name)
    page.locator("input[type=file]").first.set_input_files(files)
    page.get_by_role("button", name="Remove ").first.wait_for()
    settled(page)
    page.get_by_role("button", name="Add", exact=True).click()
    page.get_by_text(f"{CLASSES * OF_A_CLASS} usable products, 0 problems.").wait_for()
    settled(page)
    assert {known.name for known in datasets.list_datasets()} >= {name}


def plan_of(page) -> dict[str, str]:
    plan = page.locator(".plan")
    headings, texts = (plan.locator(kind).all_inner_texts() for kind in ("dt", "dd"))
    return dict(zip(headings, texts, strict=True))


def go_to_train(page, questions: tuple[str, ...]) -> None:
    """What is to be learned stands there, and the search may begin."""
    page.get_by_role("button", name="Make a recogniser").click()
    page.get_by_role("heading", level=1, name="Train").wait_for()
    settled(page)
    chosen = page.get_by_test_id("stMultiSelect").filter(has_text="What to learn")
    assert all(chosen.get_by_text(question, exact=True).count() for question in questions)
    assert page.get_by_role("button", name="Make a recogniser").is_enabled()


def train(page, questions: tuple[str, ...]) -> None:
    """The quickest method, until the recogniser is offered."""
    go_to_train(page, questions)
    choose_yourself(page)
    page.get_by_text("Frozen features", exact=True).click()
    settled(page)
    job = start(page)
    page.get_by_role("link", name="Open your recogniser").first.wait_for(timeout=RUN_MS)
    assert job.request is not None and job.request.tasks == questions


def test_a_zip_of_class_folders_is_ready_to_be_learned(open_at, server, photos):
    files = {}
    for place, (path, name, _) in enumerate(photos):
        split = "test" if place % OF_A_CLASS > 11 else "train"
        files[f"shop/{split}/{name}/{place:03}.jpg"] = path.read_bytes()
    page = open_at(server, "data")
    sent = {"name": "folders.zip", "mimeType": "application/zip", "buffer": zipped(files)}
    add(page, "Class folders", sent)
    plan = plan_of(page)
    assert plan["Inputs"].startswith("photo 48 of 48") and plan["Questions"] == "label (3 classes)"
    assert "as the data says, validation taken from training" in plan["Splits"]
    go_to_train(page, ("label",))


def test_an_excel_table_with_its_photos_beside_it_becomes_a_recogniser(open_at, server, photos, tmp_path):
    rows = [[path.name, text, name] for path, name, text in photos]
    book = write_xlsx(tmp_path / "Spring.xlsx", {"Products": rows_of(["Photo", "Words", "Kind of good"], *rows)})
    page = open_at(server, "data")
    add(page, "Excel", [book, *dict.fromkeys(path for path, _, _ in photos)])
    plan = plan_of(page)
    assert "photo 48 of 48 (Photo)" in plan["Inputs"] and "Kind of good (3 classes)" in plan["Questions"]
    train(page, ("Kind of good",))


def test_a_competition_zip_with_photos_named_by_id_is_ready_to_be_learned(open_at, server, photos):
    known = [(str(1000 + place), name) for place, (_, name, _) in enumerate(photos)]
    asked = [(str(2000 + place), "") for place in range(6)]
    files = {f"images/{1000 + place}.jpg": path.read_bytes() for place, (path, _, _) in enumerate(photos)}
    files |= {f"images/{number}.jpg": photos[place][0].read_bytes() for place, (number, _) in enumerate(asked)}
    files["train.csv"] = table(("image_id", "category"), *known)
    files["test.csv"] = table(("image_id",), *((number,) for number, _ in asked))
    files["sample_submission.csv"] = table(("image_id", "category"), *((number, "tea") for number, _ in asked))
    page = open_at(server, "data")
    add(page, "Competition", {"name": "shop.zip", "mimeType": "application/zip", "buffer": zipped(files)})
    plan = plan_of(page)
    assert plan["Inputs"] == "photo 48 of 48 (image_id)" and plan["Questions"] == "category (3 classes)"
    page.get_by_text("Not used or read otherwise").click()
    page.get_by_text("sample_submission.csv").first.wait_for()
    page.get_by_text("recognise them on the page Recognise").first.wait_for()
    go_to_train(page, ("category",))


def test_loose_photos_are_recognised_under_their_own_names(open_at, server, photos, tmp_path):
    for place in range(LOOSE):
        (tmp_path / f"IMG_{place:04}.jpg").write_bytes(photos[place % len(photos)][0].read_bytes())
    page = open_at(server)
    page.get_by_role("tab", name="Many products").click()
    settled(page)
    page.locator("[class*=st-key-bulk_] input[type=file]").set_input_files(sorted(tmp_path.iterdir()))
    page.get_by_text(f"Ready: {LOOSE} files ({LOOSE} products)").wait_for()
    settled(page)
    page.get_by_role("button", name="Recognise all").click()
    page.get_by_text(f"{LOOSE} rows: {LOOSE} answered").wait_for(timeout=RUN_MS)
    settled(page)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download CSV").click()
    rows = list(csv.DictReader(io.StringIO(download.value.path().read_text(encoding="utf-8"))))
    assert {row["id"] for row in rows} == {f"IMG_{place:04}.jpg" for place in range(LOOSE)}
    assert all(row["category"] for row in rows) and page.elsewhere == []
