"""The commands to start with: where the demo lies, and the dashboard from any folder."""

from __future__ import annotations

import base64
import contextlib
import http.client
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


@pytest.fixture(scope="module")
def started(tmp_path_factory):
    """A dashboard that was started in an empty folder: its port, its first page and its log."""
    folder = tmp_path_factory.mktemp("anywhere")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    paths = {"PYTHONPATH": str(DEMO_DIR.parents[1]), "HOME": str(folder), "STREAMLIT_SERVER_HEADLESS": "true"}
    command = [sys.executable, "-m", "retail", "dashboard", "--port", str(port)]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(command, cwd=folder, env=os.environ | paths, stdout=log, stderr=log)
    try:
        page, deadline = "", time.monotonic() + START_SECONDS
        while not page and time.monotonic() < deadline:
            assert server.poll() is None, (folder / "log").read_text()
            with contextlib.suppress(OSError):
                page = urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5).read().decode()
            time.sleep(0.1)
        yield port, page, folder / "log"
    finally:
        server.terminate()
        server.wait(timeout=20)


def test_the_dashboard_starts_from_any_folder(started):
    port, page, log = started
    assert "<title>" in page
    assert f"URL: http://127.0.0.1:{port}\n" in log.read_text()  # this machine's, and no other


def asked(port: int, path: str, method: str = "GET", **headers: str) -> http.client.HTTPResponse:
    """What somebody gets who asks in this way."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    with contextlib.closing(connection):
        connection.putrequest(method, path, skip_host="Host" in headers)
        for name, value in headers.items():
            connection.putheader(name.replace("_", "-"), value)
        connection.endheaders()
        answer = connection.getresponse()
        answer.begin_of_body = answer.read(200) if answer.status != 101 else b""
        return answer


UPGRADE = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec_WebSocket_Version": "13"}
UPGRADE["Sec_WebSocket_Key"] = base64.b64encode(bytes(16)).decode()


def upgraded(port: int, **headers: str) -> int:
    """The same of the connection that every page works over; 101 lets it in."""
    return asked(port, "/_stcore/stream", **UPGRADE, **headers).status


def test_only_pages_of_the_dashboard_itself_get_a_connection(started):
    port, _, _ = started
    here, rebound = f"127.0.0.1:{port}", f"evil.example:{port}"
    assert upgraded(port, Host=here, Origin=f"http://{here}") == 101
    assert upgraded(port, Host=f"localhost:{port}", Origin=f"http://localhost:{port}") == 101
    assert upgraded(port, Host=here, Origin="http://evil.example") == 403
    assert upgraded(port, Host=here, Origin="null") == 403
    assert upgraded(port, Host=rebound, Origin=f"http://{rebound}") == 403, "a name that was made to lead here"


def test_uploads_are_taken_by_nobody_without_a_session_and_given_to_nobody(started):
    port, page, _ = started
    for path in ("/_stcore/upload_file/guessed/1", "/media/0000000000.png", "/media/../log", "/media/%2e%2e/log"):
        found = asked(port, path)
        assert found.status >= 400 or page.encode().startswith(found.begin_of_body), path  # else the page itself
    assert asked(port, "/_stcore/upload_file/guessed/1", "PUT", Content_Length="0").status in (400, 403)
    assert asked(port, "/_stcore/agent/interact", "POST", Content_Length="0").status in (403, 404)
