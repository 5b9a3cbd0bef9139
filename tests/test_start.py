"""The commands to start with: where the demo lies, and the dashboard from any folder."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from typer.testing import CliRunner

from retail.__main__ import app
from retail.comparison.results import read_results
from retail.dataset.reader import read_manifest
from retail.dataset.source import open_source
from retail.files import DEMO_DIR, DEMO_RESULTS, SHIPPED_DATA, or_shipped
from retail.recognizer.bundle import load_bundle
from retail.schema import UserError

START_SECONDS = 120


def test_demo_says_where_everything_lies_and_what_to_try():
    lines = CliRunner().invoke(app, ["demo"]).output.splitlines()
    assert [Path(line.split(maxsplit=2)[-1].removeprefix("set ")).exists() for line in lines[:3]] == [True] * 3
    photos = [line.partition('--image "')[2].partition('"')[0] for line in lines[-2:]]
    assert "predict demo" in lines[-2] and "predict groceries" in lines[-1]
    assert Path(photos[0]).stem in {product.id for product in read_manifest(DEMO_DIR).in_split("test")}
    answer = CliRunner().invoke(app, ["predict", "groceries", "--image", photos[1]]).output
    assert "product: Banana" in answer and "category: Banana" in answer


def test_the_word_demo_means_what_ships_unless_something_is_called_so(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert open_source("demo").tables[0] == DEMO_DIR / "metadata.csv"
    assert read_results(Path("demo")) == read_results(DEMO_RESULTS)
    assert load_bundle("demo").info.data.name == "demo" and load_bundle("groceries").info.data.name == "grocery"
    assert or_shipped("demos", SHIPPED_DATA) == Path("demos")
    (tmp_path / "demo").mkdir()
    with pytest.raises(UserError, match="demo is no bundle"):
        load_bundle("demo")


def test_the_dashboard_starts_from_any_folder(tmp_path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    paths = {"PYTHONPATH": str(DEMO_DIR.parents[1]), "HOME": str(tmp_path), "STREAMLIT_SERVER_HEADLESS": "true"}
    command = [sys.executable, "-m", "retail", "dashboard", "--port", str(port)]
    with (tmp_path / "log").open("wb") as log:
        server = subprocess.Popen(command, cwd=tmp_path, env=os.environ | paths, stdout=log, stderr=log)
    try:
        page, deadline = "", time.monotonic() + START_SECONDS
        while not page and time.monotonic() < deadline:
            assert server.poll() is None, (tmp_path / "log").read_text()
            with contextlib.suppress(OSError):
                page = urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5).read().decode()
            time.sleep(0.1)
        assert "<title>" in page
        assert f"URL: http://127.0.0.1:{port}\n" in (tmp_path / "log").read_text()  # this machine's, and no other
    finally:
        server.terminate()
        server.wait(timeout=20)
