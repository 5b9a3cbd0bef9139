"""Names are text in every page and state: no link, picture, formula, icon, request or alert, and read as they are."""

from __future__ import annotations

import io
import json
import subprocess
import sys

import pytest
from PIL import Image

from tests.browser.conftest import dashboard, free_port
from tests.browser.driving import NOTES
from tests.browser.hostile_walk import at_work, misread, pointed_at, recognise, walk, watched
from tests.conftest import share
from tests.hostile_home import RUNNING, build, write_run
from tests.hostile_names import EVIL, HOSTILE, NAMES, NAMES_FILE, made_up

pytestmark = pytest.mark.browser

STATES = 28  # at least; addresses and tabs


@pytest.fixture
def page(chromium):
    """One page as narrow as a phone, which notes what it asks of others."""
    context = chromium.new_context(viewport={"width": 390, "height": 900})
    context.add_init_script(NOTES)
    page = context.new_page()
    page.set_default_timeout(120_000)
    page.seen = watched(page)
    yield page
    context.close()


def test_names_read_as_they_are_wherever_streamlit_formats(page, tmp_path):
    names = [name for name in (*NAMES, *made_up(40)) if name.strip()]
    (tmp_path / NAMES_FILE).write_text(json.dumps(names))
    with dashboard(tmp_path, free_port(), "tests/browser/names_app.py") as address:
        assert misread(page, address, names) == []
    assert page.seen == []


def test_a_hostile_name_acts_on_no_page(page, session_home, tmp_path, monkeypatch):
    share(tmp_path, session_home)
    monkeypatch.setenv("RETAIL_HOME", str(tmp_path))
    home = build(tmp_path)
    photo = io.BytesIO()
    Image.new("RGB", (64, 64), (200, 30, 40)).save(photo, "PNG")
    sleeper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    try:
        with dashboard(tmp_path, free_port()) as address:
            walked = dict(walk(page, address, home))
            assert len(walked) >= STATES and {state: wrong for state, wrong in walked.items() if wrong} == {}
            assert recognise(page, address, home, photo.getvalue()) == []
            told, acts = pointed_at(page, address)
            assert EVIL in told and acts == []
            write_run(RUNNING, "running", HOSTILE, pid=sleeper.pid)
            assert [wrong for _, wrong in at_work(page, address) if wrong] == []
    finally:
        sleeper.kill()
        sleeper.wait()
    assert page.seen == []
