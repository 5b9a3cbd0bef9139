"""A newcomer's way: own ZIP with mistakes in it, training, comparison, one product and many, and the same answers
from the exported recogniser in another process."""

from __future__ import annotations

import csv
import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from retail.comparison.results import read_results
from retail.files import DEMO_DIR
from retail.report.verdict import verdict
from retail.workspace import jobs
from tests.browser.conftest import PROJECT, dashboard, free_port
from tests.browser.driving import RUN_MS, answers, choose, keep_it_small, open_add, problem_cells, settled, upload
from tests.browser.test_long_runs import start
from tests.conftest import share

pytestmark = pytest.mark.browser

FASHION = PROJECT.parent / "shared" / "datasets" / "fashion"
# Photographed goods where they are available; CI has only the demo.
SOURCE, TASKS = (FASHION, ("gender", "season")) if FASHION.is_dir() else (DEMO_DIR, ("category", "packaging"))
INPUTS = ("image_file_name", "audio_file_name", "text")
PRODUCTS, BROKEN, MANY = 80, 10, 16
STRATEGY = "gated"
Row = dict[str, str]


def products() -> list[Row]:
    """So many rows of the source that have at least a photo and words."""
    with (SOURCE / "metadata.csv").open(newline="", encoding="utf-8") as stream:
        rows = [row for row in csv.DictReader(stream) if row["image_file_name"] and row["text"]]
    rows = rows[:: len(rows) // PRODUCTS][:PRODUCTS]
    # One photo a product is enough.
    return [row | {"image_file_name": row["image_file_name"].partition(";")[0]} for row in rows]


def zipped(rows: list[Row], columns: tuple[str, ...], damage: bool = False) -> bytes:
    """These products in a folder of a ZIP; with damage, photos of six are missing, two are none, two splits are odd."""
    stream, table = io.BytesIO(), io.StringIO()
    writer = csv.DictWriter(table, columns, extrasaction="ignore")
    writer.writeheader()
    with zipfile.ZipFile(stream, "w") as archive:
        for place, row in enumerate(rows):
            content = (SOURCE / row["image_file_name"]).read_bytes()
            if damage and place < 6:
                row = row | {"image_file_name": f"images/lost{place}.jpg"}
            else:
                wrong = damage and place < 8
                archive.writestr(f"shop/{row['image_file_name']}", b"not a photo" if wrong else content)
            if row["audio_file_name"]:
                archive.write(SOURCE / row["audio_file_name"], f"shop/{row['audio_file_name']}")
            odd = damage and place in (8, 9)
            writer.writerow(row | {"split": "whenever"} if odd else row)
        archive.writestr("shop/metadata.csv", table.getvalue())
    return stream.getvalue()


@pytest.fixture
def home(tmp_path, monkeypatch, session_home):
    monkeypatch.setenv("RETAIL_HOME", str(share(tmp_path, session_home)))
    yield tmp_path
    for job in jobs.list_jobs():
        jobs.cancel(job)


def test_own_products_from_a_zip_to_a_recogniser_that_answers_elsewhere(installed, open_at, home):
    rows = products()
    one = next(row for row in rows[BROKEN:] if row["audio_file_name"])
    many = [one, *(row for row in rows[BROKEN:] if row is not one)][:MANY]
    (home / "many.zip").write_bytes(zipped(many, ("id", *INPUTS)))
    with dashboard(home, free_port()) as url:
        page = open_at(url, "data")
        add_data(page, rows)
        page.get_by_role("button", name="Make a recogniser").click()
        page.get_by_role("heading", level=1, name="Train").wait_for()
        job = train(page)
        compare(page, job)
        page.get_by_role("link", name="Recognise", exact=True).click()
        choose(page, "Recogniser", f"{jobs.status(job).title} · {STRATEGY}")
        single = recognise(page, one)
        bulk = recognise_many(page, home / "many.zip")
        assert page.elsewhere == []
        bundle = take_recogniser(open_at(url, f"runs?run={job.id}"), home)
    assert set(bulk) == {row["id"] for row in many} and all(row["used"] for row in bulk.values())
    for task, (label, percent) in single.items():
        assert bulk[one["id"]][task] == label
        assert abs(100 * float(bulk[one["id"]][f"{task}_probability"]) - percent) <= 1  # the page rounds to whole ones
    assert elsewhere(bundle, home / "many.zip") == bulk
    assert_answers_are_those_that_were_scored(job, bundle)


def add_data(page, rows: list[Row]) -> None:
    open_add(page)
    page.get_by_role("textbox", name="Name", exact=True).fill("My shop")
    content = zipped(rows, (*INPUTS, *TASKS, "split"), damage=True)
    sent = {"name": "shop.zip", "mimeType": "application/zip", "buffer": content}
    upload(page, page.locator("input[type=file]").first, "shop.zip", sent)
    page.get_by_role("button", name="Add", exact=True).click()
    page.get_by_text(f"{PRODUCTS - 2} usable products, {BROKEN} problems.").wait_for()
    settled(page)
    page.get_by_role("tab", name="Problems").click()
    page.get_by_text(f"{PRODUCTS - 2} products can be used all the same").wait_for()
    cells = problem_cells(page)
    assert [cells[place] for place in range(0, len(cells), 3)] == [str(line) for line in range(2, 2 + BROKEN)]


def train(page) -> jobs.Job:
    page.get_by_text(f"{PRODUCTS - 2} usable products").first.wait_for()
    keep_it_small(page, ["Gated fusion", "Averaged decisions"])
    job = start(page)
    page.get_by_role("link", name="Open your recogniser").first.wait_for(timeout=RUN_MS)
    return job


def compare(page, job: jobs.Job) -> None:
    settled(page)
    page.get_by_role("link", name="See the comparison").click()
    page.get_by_role("heading", level=1, name="Which inputs should you use?").wait_for()
    page.get_by_text(verdict(read_results(job.results), TASKS[0]).reason).first.wait_for()
    settled(page)


def recognise(page, row: Row) -> dict[str, tuple[str, int]]:
    """Photo, words and sound of one product -> {task: (answer, per cent)} as the page says."""
    page.locator("[class*=st-key-photos_] input[type=file]").set_input_files(SOURCE / row["image_file_name"])
    page.get_by_text("Used: photo.").wait_for()
    settled(page)
    page.locator("[class*=st-key-sound_] input[type=file]").set_input_files(SOURCE / row["audio_file_name"])
    page.get_by_text("Used: photo + sound.").wait_for()
    settled(page)
    box = page.get_by_role("textbox", name="Description")
    box.fill(row["text"])
    box.blur()
    page.get_by_text("Used: photo + description + sound.").wait_for()
    settled(page)
    found = answers(page)
    return {task: found[task.capitalize()] for task in TASKS}


def recognise_many(page, data: Path) -> dict[str, Row]:
    """A ZIP of products as a run -> the rows of the table that is downloaded, by id."""
    page.get_by_role("tab", name="Many products").click()
    upload(page, page.locator("[class*=st-key-bulk_] input[type=file]"), data.name, data)
    page.get_by_text(f"Ready: {data.name}").wait_for()
    settled(page)
    page.get_by_role("button", name="Recognise all").click()
    page.get_by_text(f"{MANY} rows: {MANY} answered").wait_for(timeout=RUN_MS)
    settled(page)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download CSV").click()
    return by_id(download.value.path())


def take_recogniser(page, folder: Path) -> Path:
    page.get_by_text("Report (HTML)").wait_for()
    choose(page, "Recogniser", STRATEGY)
    with page.expect_download() as download:
        page.get_by_role("button", name="Recogniser (ZIP)").click()
    assert download.value.suggested_filename.startswith(f"my_shop_comparison_{STRATEGY}_recogniser_")
    with zipfile.ZipFile(download.value.path()) as archive:
        archive.extractall(folder / "elsewhere")
    return folder / "elsewhere"


def by_id(table: Path) -> dict[str, Row]:
    with table.open(newline="", encoding="utf-8") as stream:
        return {row["id"]: row for row in csv.DictReader(stream)}


def elsewhere(bundle: Path, data: Path) -> dict[str, Row]:
    """What a fresh process with another home answers."""
    out = bundle / "predictions.csv"
    environment = os.environ | {"RETAIL_HOME": str(bundle / "home"), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "retail", "predict", str(bundle), "--data", str(data), "--out", str(out)]
    subprocess.run(command, cwd=PROJECT, env=environment, check=True, capture_output=True)
    return by_id(out)


def assert_answers_are_those_that_were_scored(job: jobs.Job, bundle: Path) -> None:
    """Each test product gets the class that the comparison counted."""
    results = read_results(job.results)
    answers = elsewhere(bundle, job.request.data)
    for task in TASKS:
        scored = results.predictions.models[STRATEGY]["0"][task].preds
        classes = results.tasks[task]
        expected = {name: classes[place] for name, place in zip(results.predictions.ids, scored, strict=True)}
        assert {name: answers[name][task] for name in expected} == expected
