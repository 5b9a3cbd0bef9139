"""Every page in its states, empty, result, running and error: readable by all in both themes, one next step, one alert.

The states are prepared once; each is opened once, and its theme is changed as it stands.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time

import pytest
from playwright.sync_api import expect

from retail.workspace import datasets, jobs, processes
from retail.workspace.records import JobRecord
from tests.browser.conftest import dashboard, free_port
from tests.browser.driving import misordered, overflow, primaries, settled, violations_by_scheme
from tests.conftest import share, write_small_data
from tests.results_sample import write_finished_run
from tests.review_sample import write_bulk_run

pytestmark = pytest.mark.browser

DONE = "20260101-000000-done"
NOW = {"stage": "training", "done": 11, "total": 31, "stage_started": 100.0, "updated": 200.0, "stage_first": 1}
STATE_MS = 60_000
ENDED = {"failed": "No room.", "cancelled": "Cancelled.", "running": ""}
# address -> words that show the state
EMPTY = {
    "": "Any one input is enough",
    "data": "Template as ZIP",
    "train": "Make a recogniser",
    "review": "Recognise many products",
    "runs": "No runs yet",
}
FILLED = {
    "data?dataset=small": "What will be learned",
    "data?dataset=small&tab=Columns": "Product number",
    "data?dataset=broken": "add the data again",
    "train?dataset=broken": "Fix it on the Data page",
    "train?dataset=small&run=failed": "No room.",
    "train?dataset=small&run=cancelled": "Cancelled",
    "train?dataset=small&run=running": "Training: 11 of 31",
    f"train?dataset=small&run={DONE}": "See the comparison",
    f"compare?run={DONE}": "Which inputs should you use?",
    f"runs?run={DONE}": "Report (HTML)",
    "runs?run=failed": "No room.",
    "review": "Accept",
    "?bulk=BULK": "Download CSV",
}


@pytest.fixture(scope="module")
def empty(installed, session_home, tmp_path_factory):
    """A home with nothing in it but the embeddings of the demo."""
    home = tmp_path_factory.mktemp("empty")
    share(home, session_home)
    with dashboard(home, free_port()) as url:
        yield url


@pytest.fixture(scope="module")
def filled(installed, session_home, tmp_path_factory):
    """A home with runs in each state, a bulk run, sound data and broken ones; its address and the bulk run's name."""
    home = tmp_path_factory.mktemp("filled")
    share(home, session_home)
    sleeper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RETAIL_HOME", str(home))
        write_finished_run(home, DONE)
        bulk = write_bulk_run(home / "bulk")
        datasets.add_folder("Small", write_small_data(home / "small"))
        datasets.add_files("Broken", [("broken.csv", b"id,text,kind\n")])
        for state, message in ENDED.items():
            write_run(state, message, sleeper.pid)
    with dashboard(home, free_port()) as url:
        yield url, bulk.id
    sleeper.kill()
    sleeper.wait()


def write_run(state: str, message: str, pid: int) -> None:
    """A run as its process would have left it."""
    process = processes.recorded(pid)
    folder = jobs.runs_folder() / state
    folder.mkdir(parents=True)
    JobRecord(title=f"A run that {state}", process=process, started=time.time() - 60).write(folder / jobs.RECORD)
    (folder / jobs.STATUS).write_text(json.dumps(NOW | {"state": state, "message": message}))
    (folder / "log.txt").write_text("the last words\n")


def shuts_nobody_out(page) -> None:
    """What holds for every state, in both themes."""
    assert page.get_by_test_id("stException").count() == 0
    assert page.elsewhere == [] and overflow(page) == [] and misordered(page) == []
    assert len(primaries(page)) <= 1, "one next step"
    assert page.locator("[data-testid=stAlert]:visible").count() <= 1
    assert violations_by_scheme(page) == {}


@pytest.mark.parametrize("path", EMPTY)
def test_an_empty_home_says_what_comes_next_and_shuts_nobody_out(open_at, empty, path):
    page = open_at(empty, path)
    page.get_by_text(EMPTY[path]).locator("visible=true").first.wait_for(timeout=STATE_MS)
    settled(page)
    shuts_nobody_out(page)


@pytest.mark.parametrize("path", FILLED)
def test_a_state_has_one_next_step_and_shuts_nobody_out(open_at, filled, path):
    address, bulk = filled
    page = open_at(address, path.replace("BULK", bulk), width=390)
    page.get_by_text(FILLED[path]).locator("visible=true").first.wait_for(timeout=STATE_MS)
    settled(page)
    shuts_nobody_out(page)


def test_a_choice_by_keyboard_keeps_the_focus(open_at, empty):
    page = open_at(empty, "train")
    settled(page)
    choice = page.get_by_role("radio", name="10 minutes")
    choice.focus()
    page.keyboard.press("Space")
    expect(choice).to_be_checked(timeout=STATE_MS)
    settled(page)
    assert page.evaluate("document.activeElement.innerText") == "10 minutes"
