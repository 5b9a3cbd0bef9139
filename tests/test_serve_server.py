"""The server as a process: ready, asked, ended while a request is under way, and refused beforehand."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from typer.testing import CliRunner

from retail.__main__ import app
from retail.schema import UserError
from retail.serve.server import listening
from tests.serve_sample import photo_bytes, real_recognizer

TEXT = b'--x\r\nContent-Disposition: form-data; name="text"\r\n\r\nsecret tea\r\n'
PHOTO = b'--x\r\nContent-Disposition: form-data; name="image"; filename="secret.png"\r\n\r\n'
REQUEST = (
    b"POST /recognise HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=x\r\n"
    b"Content-Length: %d\r\n\r\n"
)


def events(log: Path) -> list[dict]:
    """What is logged so far; every line must be JSON."""
    whole = log.read_text(encoding="utf-8").rpartition("\n")[0]
    return [json.loads(line) for line in whole.splitlines()]


def awaited(log: Path, name: str) -> dict:
    """The first event of this name, once there is one."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if found := [event for event in events(log) if event["event"] == name]:
            return found[0]
        time.sleep(0.05)
    raise AssertionError(f"{name} was never logged")


def wait_until_ready(address: str) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        try:
            return urllib.request.urlopen(f"{address}/ready", timeout=30).close()
        except urllib.error.HTTPError as error:
            assert error.code == 503
            time.sleep(0.05)
    raise AssertionError("it never became ready")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM that a process could hear")
def test_a_server_refuses_what_is_too_large_and_answers_what_is_under_way_when_it_is_told_to_end(tmp_path):
    bundle, log = real_recognizer(tmp_path).save(tmp_path / "bundle"), tmp_path / "log"
    command = [sys.executable, "-m", "retail", "serve", str(bundle), "--port", "0"]
    with log.open("w", encoding="utf-8") as stream:
        environment = {**os.environ, "RETAIL_API_KEY": ""}
        server = subprocess.Popen(command, stdout=stream, stderr=subprocess.DEVNULL, env=environment)
    try:
        port = awaited(log, "listening")["port"]
        wait_until_ready(f"http://127.0.0.1:{port}")
        too_much = urllib.request.Request(f"http://127.0.0.1:{port}/recognise", data=b"0" * (33 * 2**20))
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(too_much, timeout=60)
        assert refused.value.code == 413 and "larger than 32 MiB" in json.load(refused.value)["error"]
        body = TEXT + PHOTO + photo_bytes() + b"\r\n--x--\r\n"
        with socket.create_connection(("127.0.0.1", port), timeout=60) as client:
            client.sendall(REQUEST % len(body) + body[:100])
            while "retail_requests_under_way 1.0" not in _metrics(port):
                time.sleep(0.01)
            server.send_signal(signal.SIGTERM)
            awaited(log, "Shutting down")
            while not _refuses(port):
                time.sleep(0.01)
            client.sendall(body[100:])
            answer = client.makefile("rb").read()
        assert answer.startswith(b"HTTP/1.1 200"), answer
        assert json.loads(answer.partition(b"\r\n\r\n")[2])["used"] == ["image", "text"]
        assert server.wait(60) == 0
    finally:
        server.kill()
    asked = [event for event in events(log) if event.get("path") == "/recognise"]
    assert [(event["status"], event["inputs"]) for event in asked] == [(200, {"image": 1, "text": 1})]
    assert "secret" not in log.read_text(encoding="utf-8")


def _refuses(port: int) -> bool:
    """Whether nobody listens any more."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=60).close()
    except ConnectionRefusedError:
        return True
    return False


def _metrics(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
        return answer.read().decode()


def test_a_bundle_that_cannot_be_loaded_ends_the_server_with_one_sentence(tmp_path, monkeypatch, no_event_loop):
    monkeypatch.setattr("retail.serve.server.log_as_json", lambda: None)
    before = signal.getsignal(signal.SIGTERM)
    result = CliRunner().invoke(app, ["serve", str(tmp_path / "nothing"), "--port", "0"])
    assert result.exit_code == 1 and "is no bundle: it has no bundle.json" in " ".join(result.output.split())
    assert signal.getsignal(signal.SIGTERM) == before


def test_an_address_that_is_taken_is_one_sentence():
    with listening("127.0.0.1", 0) as taken, pytest.raises(UserError, match="name another --port"):
        listening("127.0.0.1", taken.getsockname()[1])


def test_answers_are_sent_without_waiting_for_the_client(no_event_loop):
    async def first_connection() -> bool:
        told = asyncio.get_running_loop().create_future()

        async def met(reader, writer):
            told.set_result(writer.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()

        async with await asyncio.start_server(met, sock=listening("127.0.0.1", 0)) as server:
            await asyncio.open_connection(*server.sockets[0].getsockname())
            return bool(await told)

    assert asyncio.run(first_connection())


def test_who_lets_others_in_without_a_key_is_told(monkeypatch):
    monkeypatch.delenv("RETAIL_API_KEY", raising=False)
    served = []
    monkeypatch.setattr("retail.serve.server.serve", lambda settings, host, port: served.append((settings, port)))
    result = CliRunner().invoke(app, ["serve", "demo", "--host", "0.0.0.0", "--limit-mib", "2"])
    assert result.exit_code == 0 and "everybody who reaches 0.0.0.0 may ask, and change the catalogue" in result.output
    assert "set RETAIL_API_KEY" in result.output and "a proxy with TLS" in result.output
    settings, port = served[0]
    assert (settings.local, settings.most_bytes, settings.key, port) == (False, 2 * 2**20, "", 8000)
    monkeypatch.setenv("RETAIL_API_KEY", " of the shop ")
    told = CliRunner().invoke(app, ["serve", "demo", "--host", "0.0.0.0"]).output
    assert "everybody" not in told and "reads the key" in told and "a proxy with TLS" in told
    assert served[1][0].key == "of the shop"
    assert CliRunner().invoke(app, ["serve", "demo"]).output == "" and served[2][0].local
