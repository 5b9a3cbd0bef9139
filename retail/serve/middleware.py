"""The middleware of the server: who may come in, how many at once and for how long; each request is counted and logged.

In: an ASGI app and `ServeSettings`. Out: the same app behind it. The key is checked before a body is read.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import time
from urllib.parse import urlsplit

from fastapi.responses import Response
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from retail.files.faults import is_full
from retail.serve.refusals import refusal, too_large
from retail.serve.settings import ServeSettings
from retail.serve.traffic import FREE, Traffic
from retail.workspace.exposure import is_local

PUBLIC = (*FREE, "/docs", "/openapi.json")  # without a key
METHODS = ("GET", "HEAD", "POST", "DELETE", "OPTIONS")  # that are counted by name; a client may make up more
RETRY_SECONDS = "1"
DISCARD_SECONDS = 5.0  # in which a client that was refused may still send, so that it reads why


class Visit:
    """One request: what came in, up to a size, and whether an answer has begun."""

    def __init__(self, receive: Receive, send: Send, most_bytes: int) -> None:
        self._receive, self._send, self._most = receive, send, most_bytes
        self.size, self.arrived, self.status = 0, False, 0

    async def receive(self) -> Message:
        """A part of the body; raises HTTPException once it is too large."""
        message = await self._part()
        if self.size > self._most:
            await self.discard()
            raise HTTPException(413, too_large(self._most))
        return message

    async def send(self, message: Message) -> None:
        """A part of the answer."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
        await self._send(message)

    async def discard(self) -> None:
        """Reads on for a while and forgets it: who is cut off while sending seldom reads the answer."""
        until = self.size + self._most
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DISCARD_SECONDS):
                while not self.arrived and self.size <= until:
                    await self._part()

    async def _part(self) -> Message:
        message = await self._receive()
        self.size += len(message.get("body", b""))
        self.arrived = not message.get("more_body", False)
        return message


class AccessMiddleware:
    """Stands before the app; see above."""

    def __init__(self, app: ASGIApp, settings: ServeSettings, traffic: Traffic) -> None:
        self.app, self.settings, self.traffic = app, settings, traffic
        self.inside = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Lets a request in, or says why not."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        visit, started = Visit(receive, send, self.settings.most_bytes), time.perf_counter()
        try:
            if refused := self._refused(scope, Headers(scope=scope)):
                await visit.discard()
            else:
                refused = await self._attended(scope, visit)
            if refused is not None and not visit.status:
                await refused(scope, receive, visit.send)
        finally:
            path = getattr(scope.get("route"), "path", "other")  # as declared: an address may hold an id
            facts = {"bytes": visit.size, **scope.get("state", {}).get("facts", {})}
            method = scope["method"] if scope["method"] in METHODS else "other"
            self.traffic.ended(path, method, visit.status, time.perf_counter() - started, facts)

    def _refused(self, scope: Scope, headers: Headers) -> Response | None:
        """Before anything of the body is read."""
        path = scope["path"]
        if path in FREE:
            return None
        if not self.settings.key and self._from_a_web_page(headers):
            return refusal(403, "Without a key this server answers programs of this machine, not pages of other sites.")
        if path not in PUBLIC and not self._has_key(headers):
            sentence = "The key is missing or wrong; send it as 'Authorization: Bearer KEY'."
            return refusal(401, sentence, {"WWW-Authenticate": "Bearer"})
        length = headers.get("content-length", "")
        if length.isdecimal() and int(length) > self.settings.most_bytes:
            return refusal(413, too_large(self.settings.most_bytes))
        if _is_work(scope) and self.inside >= self.settings.most_waiting:
            return refusal(503, "Too many requests are under way; try again soon.", {"Retry-After": RETRY_SECONDS})
        return None

    def _has_key(self, headers: Headers) -> bool:
        kind, _, given = headers.get("authorization", "").partition(" ")
        same = hmac.compare_digest(given.strip().encode(), self.settings.key.encode())  # as long, however much is right
        return not self.settings.key or (same and kind.lower() == "bearer")

    def _from_a_web_page(self, headers: Headers) -> bool:
        """Whether a browser was made to ask by somebody else's page, or finds this machine under another's name."""
        host, origin = headers.get("host", ""), headers.get("origin")
        try:
            foreign = origin is not None and urlsplit(origin).netloc != host
            return foreign or (self.settings.local and not is_local(urlsplit(f"//{host}").hostname or ""))
        except ValueError:  # no address at all
            return True

    async def _attended(self, scope: Scope, visit: Visit) -> Response | None:
        """Lets the app answer; what to say where it did not."""
        self._count(scope, 1)
        try:
            async with asyncio.timeout(self.settings.seconds):
                await self.app(scope, visit.receive, visit.send)
            return None
        except TimeoutError:
            if visit.arrived:
                return refusal(504, f"There was no answer within {self.settings.seconds:g} s; try again later.")
            return refusal(408, f"The request did not arrive within {self.settings.seconds:g} s; send it anew.")
        except Exception as error:
            self.traffic.failed(error)
            if is_full(error):
                return refusal(507, "The disk of the server is full; nothing of this request was kept.")
            return refusal(500, "Something went wrong in the server; its log says where.")
        finally:
            self._count(scope, -1)

    def _count(self, scope: Scope, more: int) -> None:
        self.inside += more if _is_work(scope) else 0
        self.traffic.under_way.set(self.inside)


def _is_work(scope: Scope) -> bool:
    """Whether it asks for more than what is at hand."""
    return scope["method"] not in ("GET", "HEAD")
