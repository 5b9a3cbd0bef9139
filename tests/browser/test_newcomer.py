"""A newcomer in a browser: from an empty home to a recogniser of their own data that recognises a photo.

Eight clicks at most and nothing typed: the test counts what it presses and chooses, and notes any key.
"""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from retail.best.record import report_of
from retail.files import DEMO_DIR
from retail.workspace import datasets, jobs
from retail.workspace.recognizers import RUN_BUNDLES
from tests.browser.driving import (
    RUN_MS,
    answered,
    answers,
    overflow,
    primaries,
    run_of,
    settled,
    upload,
    violations,
)
from tests.conftest import zipped

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("home_of_own")]

CLICKS, CLASSES, OF_A_CLASS = 8, 2, 12


class Newcomer:
    """Presses and chooses files, and counts both."""

    def __init__(self, page) -> None:
        self.page, self.clicks = page, 0
        page.evaluate("addEventListener('keydown', () => { window.typed = true }, true)")

    def click(self, element) -> None:
        """One click, and what follows from it."""
        self.clicks += 1
        element.click()
        settled(self.page)

    def choose_file(self, box, name: str, content: bytes) -> None:
        """The click on an uploader; the file is then chosen in the system's own window."""
        self.clicks += 1
        upload(self.page, box, name, {"name": name, "mimeType": "application/octet-stream", "buffer": content})


@pytest.fixture(scope="module")
def photos() -> dict[str, list[Path]]:
    """Class -> photos of the demo; the last of each is kept back."""
    with (DEMO_DIR / "metadata.csv").open(newline="", encoding="utf-8") as stream:
        rows = [row for row in csv.DictReader(stream) if row["image_file_name"]]
    names = list(dict.fromkeys(row["category"] for row in rows))[:CLASSES]
    of = {name: [row["image_file_name"].partition(";")[0] for row in rows if row["category"] == name] for name in names}
    return {name: [DEMO_DIR / file for file in files[: OF_A_CLASS + 1]] for name, files in of.items()}


def test_own_class_folders_are_a_recogniser_and_an_answer_after_eight_clicks(open_at, server, photos):
    folders = {
        f"{name}/{path.name}": path.read_bytes() for name, paths in photos.items() for path in paths[:OF_A_CLASS]
    }
    page = open_at(server)
    settled(page)
    newcomer = Newcomer(page)
    newcomer.click(page.get_by_role("link", name="1. Add your data"))
    newcomer.choose_file(page.locator("input[type=file]").first, "Spring range.zip", zipped(folders))
    newcomer.click(page.get_by_role("button", name="Add", exact=True))
    page.get_by_text(f"{CLASSES * OF_A_CLASS} usable products, 0 problems.").wait_for()
    settled(page)
    assert "Spring range" in {known.name for known in datasets.list_datasets()}, "named by its file"
    newcomer.click(page.get_by_role("button", name="Make a recogniser"))
    page.get_by_role("heading", level=1, name="Train").wait_for()
    settled(page)
    assert "dataset=spring-range" in page.url
    assert page.get_by_role("radio", name="2 minutes").get_attribute("aria-checked") == "true", "the data are small"
    newcomer.click(page.get_by_role("button", name="Make a recogniser"))
    job = run_of(page)
    page.get_by_text("Done. Tried").wait_for(timeout=RUN_MS)
    settled(page)
    found = report_of(job.folder / RUN_BUNDLES / "best")
    assert found is not None and found.test
    page.get_by_text(f"kept {found.winner.title}").first.wait_for()
    assert jobs.status(job).title.startswith(f"{found.winner.title} · Spring range · ")
    assert violations(page) == [] and overflow(page) == [] and primaries(page) == ["Open your recogniser →"]
    newcomer.click(page.get_by_role("link", name="Open your recogniser"))
    page.get_by_role("heading", level=1, name="Recognise").wait_for()
    settled(page)
    assert "recogniser=" in page.url
    paths = next(iter(photos.values()))
    newcomer.choose_file(
        page.locator("[class*=st-key-photos_] input[type=file]"), paths[-1].name, paths[-1].read_bytes()
    )
    page.get_by_text("Used: photo.").wait_for()
    settled(page)
    assert answered(page) and set(answers(page)) <= {"Label"}
    assert newcomer.clicks <= CLICKS
    assert not page.evaluate("window.typed") and page.elsewhere == []
