"""One press from data to recogniser in a real browser, and the list of runs that a click opens."""

from __future__ import annotations

import re

import pytest

from retail.best.record import report_of
from retail.workspace import datasets, jobs
from retail.workspace.recognizers import RUN_BUNDLES
from tests.browser.conftest import free_port
from tests.browser.driving import RUN_MS, overflow, settled, violations
from tests.conftest import write_small_data
from tests.results_sample import write_finished_run

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("home_of_own")]

OLDER = "20250101-000000-aaaa"


@pytest.fixture(scope="module")
def own(installed, session_home, tmp_path_factory):
    """A home with a small data set of its own and an older run, and its port."""
    home = tmp_path_factory.mktemp("train")
    (home / "embeddings").symlink_to(session_home / "embeddings")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RETAIL_HOME", str(home))
        datasets.add_folder("Small", write_small_data(tmp_path_factory.mktemp("small") / "data"))
    write_finished_run(home, OLDER)
    return home, free_port()


def choose_small(page) -> None:
    page.get_by_role("combobox", name="Data set").click()
    page.get_by_role("option", name="Small", exact=True).click()
    settled(page)


def test_one_press_makes_a_recogniser_that_the_page_leads_to(open_at, server):
    page = open_at(server, "train")
    settled(page)
    choose_small(page)
    page.get_by_role("button", name="Make a recogniser").click()
    page.wait_for_url("**run=*")
    job = jobs.find(page.url.rpartition("run=")[2])
    assert job is not None
    page.get_by_text("Done. Tried").wait_for(timeout=RUN_MS)
    found = report_of(job.folder / RUN_BUNDLES / "best")
    assert found is not None and found.test
    page.get_by_text(f"kept {found.winner.title}").first.wait_for()
    assert jobs.status(job).title.startswith(f"{found.winner.title} · Small · ")
    settled(page)
    assert violations(page) == [] and overflow(page) == []
    page.get_by_role("link", name="Open your recogniser").click()
    page.get_by_role("heading", level=1, name="Recognise").wait_for()
    assert "recogniser=" in page.url
    assert page.elsewhere == []


@pytest.mark.parametrize("look", [("light", 1280), ("dark", 390)])
def test_a_click_on_a_row_opens_the_run(open_at, server, look):
    scheme, width = look
    page = open_at(server, "runs", scheme=scheme, width=width)
    settled(page)
    table = page.get_by_test_id("stDataFrame").first
    rows = len(jobs.list_jobs())
    assert rows >= 1
    box = table.bounding_box()
    row_height = box["height"] / (rows + 1)
    # The oldest run stands last; the canvas has no elements to click on.
    page.mouse.click(box["x"] + 60, box["y"] + row_height * (rows + 0.5))
    page.get_by_role("combobox", name="Run").and_(page.locator(f"[value*='{OLDER}']")).wait_for()
    page.get_by_text("Report (HTML)").wait_for()
    settled(page)
    assert violations(page) == [] and overflow(page) == []


def test_files_bear_the_name_of_the_run_and_its_day(open_at, server):
    page = open_at(server, f"runs?run={OLDER}")
    with page.expect_download() as download:
        page.get_by_role("button", name="Tables (CSV)").click()
    assert re.fullmatch(r"sample_comparison_tables_\d{4}-\d\d-\d\d\.zip", download.value.suggested_filename)
