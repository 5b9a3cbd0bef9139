"""Long runs in a real browser: refresh, second visitor, queue, Cancel, a killed worker, a server that restarts."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import time

import pytest
from playwright.sync_api import expect

from retail.workspace import datasets, jobs, processes
from tests.browser.conftest import WAIT_MS, dashboard, free_port
from tests.browser.driving import (
    RUN_MS,
    choose,
    choose_yourself,
    keep_it_small,
    open_add,
    problem_cells,
    reload,
    run_of,
    settled,
    upload,
)
from tests.conftest import share, write_small_data

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("home_of_own")]

COUNT = re.compile(r": \d[\d,]* of \d[\d,]*")
PATIENCE_SECONDS = 120
CANCEL_SECONDS = 60  # it takes 5 s at most, after the page has been drawn
# A run that is done once a file is there: however slow the page is, it can be seen at work.
WAITING = """
import pathlib, sys, time
status, go_on = map(pathlib.Path, sys.argv[1:])
while not go_on.exists():
    time.sleep(0.1)
status.write_text('{"state": "done"}')
"""
BROKEN = b"id,image_file_name,text,kind\n1,gone.png,a tin,tin\n2,,,jar\n3,,a jar,jar\n4,,a box,tin\n"


@pytest.fixture(scope="module")
def own(installed, session_home, tmp_path_factory):
    """A home of its own with a small data set, and its port."""
    home = share(tmp_path_factory.mktemp("runs"), session_home)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RETAIL_HOME", str(home))
        datasets.add_folder("Small", write_small_data(tmp_path_factory.mktemp("small") / "data"))
    return home, free_port()


@pytest.fixture(scope="module")
def server(own):
    with dashboard(*own) as url:
        yield url


def wait_for(condition, seconds: float = PATIENCE_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)


def start(page) -> jobs.Job:
    """Presses Start and gives the run that the address names then."""
    settled(page)
    choose_yourself(page)
    page.get_by_role("button", name="Start", exact=True).click()
    return run_of(page)


def progress(page) -> str:
    """Stage and count of the run, as the page says."""
    return page.get_by_text(COUNT).first.inner_text()


def test_a_run_goes_on_after_a_refresh_in_a_second_browser_and_ends_with_cancel(open_at, server):
    page = open_at(server, "train")
    job = start(page)
    page.get_by_text(COUNT).first.wait_for()
    reload(page)
    before = progress(page)
    other = open_at(server, f"train?run={job.id}")
    wait_for(lambda: progress(other) != before)
    process = job.record.process
    other.get_by_role("button", name="Cancel").click()
    wait_for(lambda: jobs.status(job).state == "cancelled", CANCEL_SECONDS)
    wait_for(lambda: not processes.lives(process), CANCEL_SECONDS)
    for seen in (other, page):
        seen.get_by_test_id("stAlert").get_by_text("Cancelled.", exact=True).wait_for()


def test_a_second_run_waits_and_a_killed_worker_has_failed_with_its_log(open_at, server):
    page = open_at(server, "train")
    first = start(page)
    page.get_by_text(COUNT).first.wait_for()
    second = start(open_at(server, "train"))
    assert jobs.status(second).state == "queued"
    page.get_by_text("Waiting").first.wait_for()
    page.locator(f".st-key-cancel_{second.id} button").click()
    wait_for(lambda: jobs.status(second).state == "cancelled")
    (first.folder / "log.txt").write_text("what it said last\n")
    os.kill(first.record.process.pid, signal.SIGKILL)
    page.get_by_text("was stopped by signal 9").first.wait_for()
    page.get_by_text("Failed").first.wait_for()
    page.get_by_text("what it said last").first.wait_for()
    page.get_by_role("button", name="Retry").first.wait_for()


def test_a_failed_run_that_is_tried_again_on_compare_is_followed_to_its_end(open_at, server):
    job = jobs.new_job()
    status, go_on = job.folder / "status.json", job.folder / "go_on"
    command = [sys.executable, "-c", WAITING, str(status), str(go_on)]
    status.write_text(json.dumps({"state": "failed", "message": "No room."}))
    (job.folder / "job.json").write_text(json.dumps({"title": "Tried again", "command": command}))
    page = open_at(server, f"compare?run={job.id}")
    page.get_by_role("alert").get_by_text("No room.").wait_for()
    settled(page)
    page.get_by_role("button", name="Retry").click()
    page.get_by_role("button", name="Cancel").wait_for()
    go_on.touch()
    page.get_by_text("Tried again").wait_for(state="detached")
    assert jobs.status(job).state == "done"


def test_broken_rows_are_listed_and_valid_rows_stay(open_at, server):
    page = open_at(server, "data")
    open_add(page)
    sent = {"name": "broken.csv", "mimeType": "text/csv", "buffer": BROKEN}
    upload(page, page.locator("input[type=file]").first, "broken.csv", sent)
    page.get_by_role("button", name="Add", exact=True).click()
    page.get_by_role("tab", name="Problems").wait_for()
    settled(page)
    page.get_by_role("tab", name="Problems").click()
    page.get_by_text("3 products can be used all the same").wait_for()
    cells = problem_cells(page)
    assert cells[:3] == ["2", "image_file_name", "'gone.png' does not exist; fix the path, or leave the cell empty."]


def test_the_template_comes_back_as_a_data_set_without_a_problem(open_at, server, tmp_path):
    page = open_at(server, "data")
    open_add(page)
    settled(page)
    with page.expect_download() as download:
        page.get_by_role("button", name="Template as ZIP").click()
    download.value.save_as(tmp_path / "template.zip")
    page.get_by_role("textbox", name="Name", exact=True).fill("From the template")
    upload(page, page.locator("input[type=file]").first, "template.zip", tmp_path / "template.zip")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_role("combobox", name="Data set")).to_have_value("From the template", timeout=WAIT_MS)
    page.get_by_role("tab", name="Problems").wait_for()
    settled(page)  # the page is drawn once more when the files were opened
    page.get_by_role("tab", name="Problems").click()
    page.get_by_text("No problems were found.").wait_for()
    assert "From the template" in [dataset.name for dataset in datasets.list_datasets()]


def test_leaks_are_looked_for_in_a_run_and_named_with_their_lines(open_at, server):
    page = open_at(server, "data")
    choose(page, "Data set", "Small")
    page.get_by_role("tab", name="Leaks").click()
    settled(page)
    page.get_by_role("button", name="Look for leaks").click()
    leak = page.get_by_role("alert").filter(has_text="the same recording as a product of another split")
    leak.wait_for(timeout=RUN_MS)
    assert "012 (line 14)" in leak.inner_text() and "Put such products into one split" in leak.inner_text()
    (job,) = [job for job in jobs.list_jobs() if job.request and job.request.kind == "audit"]
    assert jobs.status(job).state == "done"


def test_a_run_outlives_a_restart_of_the_server_and_is_found_done(open_at, own):
    port = free_port()
    with dashboard(own[0], port) as url:
        page = open_at(url, "train")
        choose(page, "Data set", "Small")
        keep_it_small(page, ["Gated fusion"])
        job = start(page)
        wait_for(lambda: jobs.status(job).state in jobs.LIVE)
    assert jobs.status(job).state in (*jobs.LIVE, "done")
    with dashboard(own[0], port) as url:
        page = open_at(url, f"train?run={job.id}")
        page.get_by_role("link", name="Open your recogniser").first.wait_for(timeout=RUN_MS)
        assert sorted(path.name for path in (job.folder / "bundles").iterdir())
        settled(page)
        page.get_by_role("link", name="All runs").click()
        page.get_by_text("Report (HTML)").first.wait_for()
