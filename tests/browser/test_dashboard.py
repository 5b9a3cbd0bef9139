"""The dashboard in a real browser: what a visitor sees, what leaves the machine, and who can use it."""

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

from retail.config import DEMO_TASKS
from retail.evaluation.verdict import verdict
from tests.results_sample import MODELS, sample_results, write_finished_run

pytestmark = pytest.mark.browser

PROJECT = Path(__file__).parents[2]
CHROMIUM = shutil.which("chromium")
# A browser that asks nobody anything, so that any request seen is the dashboard's own.
FLAGS = (
    "--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()
START_SECONDS = 120
WAIT_MS = 120_000
WIDTHS = (1280, 390)
SCHEMES = ("light", "dark")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """A server of its own with one finished run."""
    if CHROMIUM is None:
        reason = "the browser tests need Debian's chromium: apt-get install chromium"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    home, port = tmp_path_factory.mktemp("home"), free_port()
    write_finished_run(home)
    command = [sys.executable, "-m", "streamlit", "run", "streamlit_app.py"]
    command += [f"--server.port={port}", "--server.headless=true"]
    environment = os.environ | {"RETAIL_HOME": str(home), "OMP_NUM_THREADS": "1"}
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
        server.wait(timeout=20)


@pytest.fixture(scope="module")
def chromium(address):
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium, address):
    """Opens a path in a context of its own; notes every request that goes elsewhere."""
    contexts = []

    def open_one(path: str = "", scheme: str = "light", width: int = 1280):
        context = chromium.new_context(color_scheme=scheme, viewport={"width": width, "height": 900})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(WAIT_MS)
        page.elsewhere = []
        page.on("request", lambda request: _note(page, request.url))
        page.goto(f"{address}/{path}")
        page.get_by_role("heading", level=1).wait_for()
        return page

    yield open_one
    for context in contexts:
        context.close()


def _note(page, url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme not in ("data", "blob") and parts.hostname not in ("127.0.0.1", "localhost"):
        page.elsewhere.append(url)


def settled(page) -> None:
    """Waits until the server has no more to say."""
    page.wait_for_timeout(500)
    page.wait_for_function("!document.querySelector('[data-testid=stStatusWidget]')")
    page.wait_for_function("!document.querySelector('[data-stale=true]')")


def try_example(page) -> None:
    page.get_by_role("button", name="Try an example").click()
    page.get_by_text("The example's label is").first.wait_for()
    settled(page)


def cards(page) -> int:
    names = [task.capitalize() for task in DEMO_TASKS]
    return sum(page.get_by_role("heading", name=name, exact=True, level=3).count() for name in names)


def test_an_example_gives_one_card_per_task_and_asks_nobody_else(open_page):
    page = open_page()
    page.get_by_text("Any one input is enough").first.wait_for()
    try_example(page)
    assert cards(page) == len(DEMO_TASKS)
    assert page.elsewhere == []


def test_switches_change_what_was_used_down_to_none(open_page):
    page = open_page()
    try_example(page)
    left = ["photo", "description", "sound"]
    for word in list(left):
        page.get_by_test_id("stCheckbox").filter(has_text=word.capitalize()).locator("label").click()
        left.remove(word)
        page.get_by_text(f"Used: {' + '.join(left)}." if left else "All inputs are switched off.").first.wait_for()
    settled(page)
    assert cards(page) == 0


def test_a_wrong_file_type_shows_a_reason(open_page):
    page = open_page()
    sent = {"name": "notes.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.4"}
    page.locator("input[type=file]").first.set_input_files(sent)
    page.get_by_text("application/pdf files are not allowed").first.wait_for()


def test_a_damaged_photo_shows_its_name_and_reason(open_page):
    page = open_page()
    sent = {"name": "broken.png", "mimeType": "image/png", "buffer": b"this is not a photo"}
    page.locator("input[type=file]").first.set_input_files(sent)
    page.get_by_role("alert").filter(has_text="broken.png").first.wait_for()


def test_inputs_survive_changing_page(open_page):
    page = open_page()
    try_example(page)
    words = page.get_by_role("textbox", name="Description").input_value()
    page.get_by_role("link", name="Compare").click()
    page.get_by_role("heading", level=1, name="Compare").wait_for()
    page.get_by_role("link", name="Recognise").click()
    page.get_by_text("The example's label is").first.wait_for()
    settled(page)
    assert page.get_by_role("textbox", name="Description").input_value() == words
    assert cards(page) == len(DEMO_TASKS)


def test_two_visitors_never_see_each_other(open_page):
    try_example(open_page())
    other = open_page()
    other.get_by_text("Any one input is enough").first.wait_for()
    assert cards(other) == 0


def test_compare_shows_the_stored_verdict_and_every_model_and_asks_nobody_else(open_page):
    page = open_page("compare")
    page.get_by_text(verdict(sample_results(), "product").sentence).first.wait_for()
    chart = page.locator("[aria-label*='Accuracy for product']").first
    chart.wait_for()
    words = chart.get_attribute("aria-label")
    for _, _, _, title, accuracy in MODELS:
        assert f"{title} {accuracy['product']:.1%}" in words
    settled(page)
    assert page.elsewhere == []


def test_a_comparison_runs_in_its_own_process_survives_a_refresh_and_can_be_cancelled(open_page):
    page = open_page("compare")
    page.get_by_role("button", name="Start", exact=True).click()
    page.get_by_role("button", name="Cancel").wait_for()
    page.reload()
    page.get_by_role("button", name="Cancel").click()
    page.get_by_text("Cancelled.").wait_for()


@pytest.mark.parametrize("path", ["", "compare"])
@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_scrolls_sideways(open_page, path, width):
    page = open_page(path, width=width)
    settled(page) if path else try_example(page)
    sizes = page.evaluate(
        "() => ['[data-testid=stMain]', 'html'].map(q => document.querySelector(q))"
        ".map(e => [e.scrollWidth, e.clientWidth])"
    )
    assert all(inner <= outer for inner, outer in sizes), sizes


@pytest.mark.parametrize("path", ["", "compare"])
@pytest.mark.parametrize("scheme", SCHEMES)
def test_axe_finds_nothing_serious(open_page, path, scheme):
    from axe_playwright_python.sync_playwright import Axe

    page = open_page(path, scheme=scheme)
    settled(page) if path else try_example(page)
    found = [
        (violation["id"], violation["help"], [node["html"][:160] for node in violation["nodes"][:3]])
        for violation in Axe().run(page).response["violations"]
        if violation["impact"] in ("serious", "critical")
    ]
    assert found == []
