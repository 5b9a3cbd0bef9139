"""The dashboard's own server and a headless Chromium for all browser tests.

In: Debian's chromium; without one the tests skip, in CI they fail. Out: `address` and `open_page`.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from retail.workspace import jobs
from tests.browser.driving import NOTES
from tests.conftest import share
from tests.results_sample import write_finished_run

PROJECT = Path(__file__).parents[2]
CHROMIUM = shutil.which("chromium")
# A browser that asks nobody anything, so that any request seen is the dashboard's own.
FLAGS = (
    "--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()
START_SECONDS = 120
GOODBYE_SECONDS = 3
WAIT_MS = 120_000
SHOWN_MS = 5_000


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def dashboard(home: Path, port: int, app: str = "streamlit_app.py"):
    """A server of its own over a home folder; yields its address."""
    command = [sys.executable, "-m", "streamlit", "run", app]
    command += [f"--server.port={port}", "--server.headless=true"]
    environment = os.environ | {"RETAIL_HOME": str(home), "OMP_NUM_THREADS": "1", "PYTHONPATH": str(PROJECT)}
    with (home / "server.log").open("wb") as log:
        server = subprocess.Popen(command, cwd=PROJECT, env=environment, stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"{url}/_stcore/health", timeout=5)
                break
            assert server.poll() is None, (home / "server.log").read_text()
            time.sleep(0.2)
        yield url
    finally:
        server.terminate()
        try:
            server.wait(timeout=GOODBYE_SECONDS)
        except subprocess.TimeoutExpired:  # it waits for browsers that are still open
            server.kill()
            server.wait(timeout=20)


@pytest.fixture(scope="session")
def installed():
    """Without Chromium the browser tests skip; in CI they fail."""
    if CHROMIUM is None:
        reason = "the browser tests need Debian's chromium: apt-get install chromium"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)


@pytest.fixture(scope="session")
def shared_home(tmp_path_factory):
    """The home folder of the server that most tests share."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="session")
def address(installed, session_home, shared_home):
    """A server of its own with one finished run."""
    home = shared_home
    share(home, session_home)
    write_finished_run(home)
    with dashboard(home, free_port()) as url:
        yield url
    with pytest.MonkeyPatch.context() as patch:  # what a failed test has left at work
        patch.setenv("RETAIL_HOME", str(home))
        for job in jobs.list_jobs():
            jobs.cancel(job)


@pytest.fixture(scope="session")
def playwright_of(installed):
    """Playwright itself, for a test that needs a browser of its own."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="session")
def chromium(playwright_of):
    browser = playwright_of.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
    yield browser
    browser.close()


@pytest.fixture
def open_at(chromium):
    """Opens a path of any server in a context of its own; notes every request that goes elsewhere."""
    contexts = []

    def open_one(address: str, path: str = "", scheme: str = "light", width: int = 1280):
        context = chromium.new_context(color_scheme=scheme, viewport={"width": width, "height": 900})
        contexts.append(context)
        context.add_init_script(NOTES)
        page = context.new_page()
        page.set_default_timeout(WAIT_MS)
        page.elsewhere, page.complaints, page.awaited = [], [], set()
        page.on("request", lambda request: _note(page, request))
        page.on("requestfinished", lambda request: page.awaited.discard(request))
        page.on("requestfailed", lambda request: _complain(page, request))
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        page.on("crash", lambda _: page.complaints.append("The page crashed."))
        page.goto(f"{address}/{path}")
        page.get_by_role("heading", level=1).wait_for()
        return page

    yield open_one
    for context in contexts:
        context.close()


@pytest.fixture
def open_page(open_at, address):
    """Opens a path of the shared server."""
    return lambda path="", **options: open_at(address, path, **options)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """A test that fails says what its pages showed and complained of: a time-out alone explains nothing."""
    report = yield
    if report.when == "call" and report.failed and (browser := item.funcargs.get("chromium")):
        for page in (page for context in browser.contexts for page in context.pages):
            with contextlib.suppress(Exception):  # a page that is gone shows nothing
                report.sections.append((f"shown at {page.url}", page.locator("body").inner_text(timeout=SHOWN_MS)))
                awaited = [f"still waiting for {request.url}" for request in page.awaited]
                report.sections.append((f"complaints at {page.url}", "\n".join(page.complaints + awaited)))
    return report


def _note(page, request) -> None:
    page.awaited.add(request)
    parts = urlsplit(request.url)
    if parts.scheme not in ("data", "blob") and parts.hostname not in ("127.0.0.1", "localhost"):
        page.elsewhere.append(request.url)


def _complain(page, request) -> None:
    page.awaited.discard(request)
    page.complaints.append(f"{request.failure}: {request.url}")


@pytest.fixture(scope="module")
def own(installed, session_home, tmp_path_factory):
    """A home of a module's own, and its port."""
    home = tmp_path_factory.mktemp("own")
    share(home, session_home)
    return home, free_port()


@pytest.fixture(scope="module")
def server(own):
    """Its dashboard."""
    with dashboard(*own) as url:
        yield url


@pytest.fixture
def home_of_own(own, monkeypatch):
    """What the test reads is what the server writes; nothing keeps working afterwards."""
    monkeypatch.setenv("RETAIL_HOME", str(own[0]))
    yield
    for job in jobs.list_jobs():
        jobs.cancel(job)
