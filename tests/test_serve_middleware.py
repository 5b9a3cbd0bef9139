"""Who may come in: keys, pages of other sites, size, time, and how many at once."""

from __future__ import annotations

import asyncio
import dataclasses
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from retail.serve.middleware import AccessMiddleware
from retail.serve.service import Service
from retail.serve.traffic import Traffic
from tests.serve_sample import TINY, recognizer, served

KEY = "a key of some length"
WORDS = {"data": {"text": "a red apple"}}


class Held(Service):
    """Answers once it may."""

    def __init__(self) -> None:
        super().__init__(recognizer())
        self.go, self.begun, self.sizes = threading.Event(), threading.Event(), []

    def recognise(self, products, accuracies):
        self.begun.set()
        self.sizes.append(len(products))
        assert self.go.wait(30)
        return super().recognise(products, accuracies)


@pytest.fixture(scope="module")
def locked(session_home):
    with served(dataclasses.replace(TINY, key=KEY)) as client:
        yield client


@pytest.mark.parametrize(
    "headers",
    [{}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {KEY}"}, {"Authorization": f"Bearer {KEY}x"}],
)
def test_without_the_key_nothing_is_answered(locked, headers):
    for answer in (locked.post("/recognise", **WORDS, headers=headers), locked.get("/metrics", headers=headers)):
        assert answer.status_code == 401 and answer.headers["WWW-Authenticate"] == "Bearer"
        assert answer.json() == {"error": "The key is missing or wrong; send it as 'Authorization: Bearer KEY'."}


def test_with_the_key_all_is_answered_and_health_needs_none(locked):
    headers = {"Authorization": f"Bearer {KEY}"}
    assert locked.post("/recognise", **WORDS, headers=headers).status_code == 200
    assert locked.get("/metrics", headers=headers).status_code == 200
    for path in ("/health", "/ready", "/docs", "/openapi.json"):
        assert locked.get(path).status_code == 200
    document = locked.get("/openapi.json").json()
    assert document["components"]["securitySchemes"]["HTTPBearer"]["scheme"] == "bearer"
    assert KEY not in repr(dataclasses.replace(TINY, key=KEY))


@pytest.mark.parametrize("headers", [{"Host": "evil.example"}, {"Origin": "https://evil.example"}, {"Host": "[x"}])
def test_pages_of_other_sites_are_not_answered_without_a_key(session_home, locked, headers):
    with served() as client:
        assert client.post("/recognise", **WORDS, headers=headers).status_code == 403
        assert client.get("/health", headers=headers).status_code == 200
        own = {"Origin": "http://localhost:8000", "Host": "localhost:8000"}
        assert client.post("/recognise", **WORDS, headers=own).status_code == 200
    assert locked.post("/recognise", **WORDS, headers={**headers, "Authorization": f"Bearer {KEY}"}).status_code == 200


def test_what_is_too_large_is_refused_whether_its_size_is_said_or_not(session_home):
    def parts():
        yield b'--x\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n'
        for _ in range(20):
            yield b"0" * 1000
        yield b"\r\n--x--\r\n"

    with served(dataclasses.replace(TINY, most_bytes=10_000)) as client:
        said = client.post("/recognise", files={"image": ("a", b"0" * 20_000)})
        unsaid = client.post("/recognise", content=parts(), headers={"content-type": "multipart/form-data; boundary=x"})
        many = client.post("/recognise/batch", json={"products": [{"text": "0" * 20_000}]})
        assert client.post("/recognise", **WORDS).status_code == 200
    for answer in (said, unsaid, many):
        assert answer.status_code == 413 and "larger than 0.00953674 MiB" in answer.json()["error"]


def test_who_waits_too_long_is_told_and_the_product_is_left_out(session_home):
    service = Held()
    with served(dataclasses.replace(TINY, seconds=1.0), lambda: service) as client, ThreadPoolExecutor(2) as pool:
        first = pool.submit(client.post, "/recognise", **WORDS)
        assert service.begun.wait(30)
        second = pool.submit(client.post, "/recognise", **WORDS)
        for answer in (first.result(), second.result()):
            assert answer.status_code == 504 and "no answer within 1 s" in answer.json()["error"]
        service.go.set()
        assert client.post("/recognise", **WORDS).status_code == 200
        assert service.sizes == [1, 1], "the second gave up before its turn"


def test_who_comes_when_too_many_wait_may_try_again(session_home):
    service = Held()
    with served(dataclasses.replace(TINY, most_waiting=2), lambda: service) as client, ThreadPoolExecutor(2) as pool:
        under_way = [pool.submit(client.post, "/recognise", **WORDS) for _ in range(2)]
        while "retail_requests_under_way 2.0" not in client.get("/metrics").text:
            time.sleep(0.01)
        refused = client.post("/recognise", **WORDS)
        assert refused.status_code == 503 and refused.headers["Retry-After"] == "1"
        assert client.get("/health").status_code == 200
        service.go.set()
        assert [answer.result().status_code for answer in under_way] == [200, 200]
        assert client.post("/recognise", **WORDS).status_code == 200


def test_who_sends_too_slowly_is_told(no_event_loop):
    said = []

    async def nothing_more():
        await asyncio.Event().wait()

    async def keep(message):
        said.append(message)

    async def app(scope, receive, send):
        await receive()

    scope = {"type": "http", "method": "POST", "path": "/recognise", "headers": [(b"host", b"localhost")]}
    middleware = AccessMiddleware(app, dataclasses.replace(TINY, seconds=0.05), Traffic())
    asyncio.run(middleware(scope, nothing_more, keep))
    assert said[0]["status"] == 408 and b"did not arrive within 0.05 s" in said[1]["body"]
