"""A newcomer's way: own ZIP with mistakes in it, training, comparison, and the recogniser taken to another process."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from retail import jobs
from retail.config import DEMO_DIR
from tests.browser.conftest import PROJECT, dashboard, free_port
from tests.browser.driving import choose, keep_it_small, problem_cells, settled
from tests.browser.test_long_runs import start

pytestmark = pytest.mark.browser

FASHION = PROJECT.parent / "shared" / "datasets" / "fashion"
# Photographed goods where they are at hand; CI has only the demo.
SOURCE, TASKS = (FASHION, ("gender", "season")) if FASHION.is_dir() else (DEMO_DIR, ("category", "packaging"))
PRODUCTS, BROKEN = 200, 10


def own_zip() -> bytes:
    """200 products in a folder of the ZIP; photos of six are missing, two are no photos, two have an odd split."""
    with (SOURCE / "metadata.csv").open(newline="", encoding="utf-8") as stream:
        rows = [row for row in csv.DictReader(stream) if row["image_file_name"] and row["text"]]
    rows = rows[:: len(rows) // PRODUCTS][:PRODUCTS]
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for place, row in enumerate(rows):
            row["image_file_name"] = row["image_file_name"].partition(";")[0]  # one photo a product is enough
            photo = (SOURCE / row["image_file_name"]).read_bytes()
            if place < 6:
                row["image_file_name"] = f"images/lost{place}.jpg"
            elif place < 8:
                archive.writestr(f"shop/{row['image_file_name']}", b"not a photo")
            else:
                archive.writestr(f"shop/{row['image_file_name']}", photo)
            row["split"] = "whenever" if place in (8, 9) else row["split"]
            if row["audio_file_name"]:
                archive.write(SOURCE / row["audio_file_name"], f"shop/{row['audio_file_name']}")
        table = io.StringIO()
        writer = csv.DictWriter(
            table, ["image_file_name", "audio_file_name", "text", *TASKS, "split"], extrasaction="ignore"
        )
        writer.writeheader()
        writer.writerows(rows)
        archive.writestr("shop/metadata.csv", table.getvalue())
    return stream.getvalue()


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("RETAIL_HOME", str(tmp_path))
    yield tmp_path
    for job in jobs.list_jobs():
        jobs.cancel(job)


def test_own_products_from_a_zip_to_a_recogniser_that_answers_elsewhere(installed, open_at, home):
    with dashboard(home, free_port()) as url:
        page = open_at(url, "data")
        add_data(page)
        page.get_by_role("link", name="Train on this data").click()
        page.get_by_role("heading", level=1, name="Train").wait_for()
        job = train(page)
        page.get_by_role("link", name="See the comparison").click()
        page.get_by_role("heading", level=1, name="Compare").wait_for()
        page.get_by_text("Gated fusion").first.wait_for()
        assert page.elsewhere == []
        bundle = take_recogniser(open_at(url, f"runs?run={job.id}"), home)
    assert_answers_are_those_that_were_scored(job, bundle)


def add_data(page) -> None:
    page.get_by_text("Use my data").click()
    page.get_by_role("textbox", name="Name", exact=True).fill("My shop")
    sent = {"name": "shop.zip", "mimeType": "application/zip", "buffer": own_zip()}
    page.locator("input[type=file]").first.set_input_files(sent)
    page.get_by_text("shop.zip").first.wait_for()
    settled(page)
    page.get_by_role("button", name="Add", exact=True).click()
    page.get_by_role("tab", name=f"Problems ({BROKEN})").click()
    page.get_by_text(f"The {PRODUCTS - 2} usable products stay usable").wait_for()
    cells = problem_cells(page)
    assert [cells[place] for place in range(0, len(cells), 3)] == [str(line) for line in range(2, 2 + BROKEN)]


def train(page) -> jobs.Job:
    page.get_by_text(f"{PRODUCTS - 2} usable products").first.wait_for()
    keep_it_small(page, ["Gated fusion", "Averaged decisions"])
    job = start(page)
    page.get_by_text("Done: Recognise offers").first.wait_for()
    return job


def take_recogniser(page, folder: Path) -> Path:
    page.get_by_text("Report (HTML)").wait_for()
    choose(page, "Recogniser", "gated")
    with page.expect_download() as download:
        page.get_by_role("button", name="Recogniser (ZIP)").click()
    with zipfile.ZipFile(download.value.path()) as archive:
        archive.extractall(folder / "elsewhere")
    return folder / "elsewhere"


def assert_answers_are_those_that_were_scored(job: jobs.Job, bundle: Path) -> None:
    """A fresh process with another home gives each test product the class that the comparison counted."""
    results = json.loads(job.results.read_text())
    out = bundle / "predictions.csv"
    data = job.facts["command"][4]
    environment = os.environ | {"RETAIL_HOME": str(bundle / "home"), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "retail", "predict", str(bundle), "--data", data, "--out", str(out)]
    subprocess.run(command, cwd=PROJECT, env=environment, check=True, capture_output=True)
    with out.open(newline="", encoding="utf-8") as stream:
        answers = {row["id"]: row for row in csv.DictReader(stream)}
    for task in TASKS:
        scored = results["predictions"]["models"]["gated"]["0"][task]["preds"]
        classes = results["tasks"][task]
        expected = {name: classes[place] for name, place in zip(results["predictions"]["ids"], scored, strict=True)}
        assert {name: answers[name][task] for name in expected} == expected
