"""Storage and health on Runs, the uploads of a visitor, and a door that stands open: seen, asked, readable by all."""

from __future__ import annotations

import os
import time

import pytest

from retail.workspace import jobs
from retail.workspace.records import JobRecord, Status
from tests.browser.conftest import dashboard, free_port
from tests.browser.driving import misordered, overflow, primaries, settled, violations_by_scheme

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def troubled(installed, tmp_path_factory):
    """A dashboard over a home with something damaged, left over and unused, that listens to other machines."""
    home = tmp_path_factory.mktemp("troubled")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RETAIL_HOME", str(home))
        patch.setenv("STREAMLIT_SERVER_ADDRESS", "0.0.0.0")
        folder = jobs.runs_folder() / "20260101-000000-aaaa"
        folder.mkdir(parents=True)
        JobRecord(title="Abandoned", started=1.0).write(folder / jobs.RECORD)
        Status(state="running").write(folder / jobs.STATUS)
        (home / "scores").mkdir()
        (home / "scores" / "half.json.0123abcd.part").write_bytes(b"x" * 5_000_000)
        for path in (*home.rglob("*"), folder):
            os.utime(path, (time.time() - 7200,) * 2)
        with dashboard(home, free_port()) as url:
            yield url, home


def readable(page) -> None:
    """What holds for every state, in both themes."""
    assert overflow(page) == [] and misordered(page) == [] and len(primaries(page)) <= 1
    assert violations_by_scheme(page) == {}


def test_runs_shows_what_is_kept_and_mends_it_after_asking(open_at, troubled):
    address, home = troubled
    page = open_at(address, "runs", width=390)
    page.get_by_text("Storage and health").click()
    page.get_by_role("button", name="Clean up …").wait_for()
    settled(page)
    readable(page)
    page.get_by_role("button", name="Clean up …").click()
    page.get_by_role("dialog").get_by_text("half.json.0123abcd.part").wait_for()
    settled(page)
    readable(page)
    assert (home / "scores" / "half.json.0123abcd.part").exists(), "nothing goes before somebody agrees"
    page.get_by_role("button", name="Delete it").click()
    page.get_by_text("1 thing deleted, 4.8 MiB.").first.wait_for()
    assert not (home / "scores" / "half.json.0123abcd.part").exists()
    page.get_by_role("button", name="Repair …").click()
    page.get_by_role("button", name="Repair it").click()
    page.get_by_text("Nothing is damaged, nothing is left over.").wait_for()


def test_an_open_door_and_the_uploads_are_readable_by_all(open_at, troubled):
    page = open_at(troubled[0], "runs", width=1280)
    page.get_by_text("Everybody on the network").wait_for()
    page.get_by_role("button", name="What to do").click()
    page.get_by_text("until somebody has logged in").wait_for()
    readable(page)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Your uploads").click()
    page.get_by_text("You have given nothing").wait_for()
    readable(page)
