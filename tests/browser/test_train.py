"""Runs in a real browser: the list, which a click opens, and its files. One press on Train is in test_newcomer."""

from __future__ import annotations

import re

import pytest

from retail.workspace import jobs
from tests.browser.conftest import free_port
from tests.browser.driving import overflow, settled, violations
from tests.conftest import share
from tests.results_sample import write_finished_run

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("home_of_own")]

OLDER, NEWER = "20250101-000000-aaaa", "20250301-000000-bbbb"


@pytest.fixture(scope="module")
def own(installed, session_home, tmp_path_factory):
    """A home with two runs, and its port."""
    home = tmp_path_factory.mktemp("train")
    share(home, session_home)
    write_finished_run(home, OLDER)
    write_finished_run(home, NEWER)
    return home, free_port()


@pytest.mark.parametrize("look", [("light", 1280), ("dark", 390)])
def test_a_click_on_a_row_opens_the_run(open_at, server, look):
    scheme, width = look
    page = open_at(server, "runs", scheme=scheme, width=width)
    settled(page)
    table = page.get_by_test_id("stDataFrame").first
    rows = len(jobs.list_jobs())
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
