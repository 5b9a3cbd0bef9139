"""A model hub on this machine: as much of the hub's HTTP as an upload and a download of a repository need."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

WRITER, READER = "hf_writer", "hf_reader"
Answer = tuple[int, bytes, dict[str, str]]


@dataclass
class Repository:
    private: bool
    files: dict[str, bytes] = field(default_factory=dict)

    @property
    def sha(self) -> str:
        return hashlib.sha1(b"".join(name.encode() + content for name, content in self.files.items())).hexdigest()


@dataclass
class Hub:
    """`requests` are what was asked, for tests that want to know."""

    endpoint: str = ""
    repositories: dict[str, Repository] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    down: bool = False

    def answer(self, method: str, path: str, body: bytes, token: str) -> Answer:
        if self.down:
            return _json(503, {})
        if path == "/api/repos/create":
            return self._create(json.loads(body), token)
        if path == "/api/validate-yaml":  # the card's metadata
            return _json(200, {"errors": [], "warnings": []})
        found = re.fullmatch(
            r"(?:/api/models)?/([^/]+/[^/]+)(?:/(revision|tree|preupload|commit|resolve)/([^/]+)/?(.*))?", path
        )
        repository = self.repositories.get(found[1]) if found else None
        if repository is None or not found or (repository.private and not token):
            return _json(401, {}, {"X-Error-Code": "RepoNotFound"})
        match found[2]:
            case None | "revision":
                if found[3] not in (None, "main", repository.sha):
                    return _json(404, {}, {"X-Error-Code": "RevisionNotFound"})
                facts = {
                    "id": found[1],
                    "sha": repository.sha,
                    "private": repository.private,
                    "tags": [],
                    "siblings": [],
                }
                return _json(200, facts)
            case "tree":
                return _json(200, [_entry(name, content) for name, content in repository.files.items()])
            case "preupload":
                asked = [own["path"] for own in json.loads(body)["files"]]
                modes = [{"path": name, "uploadMode": "regular", "shouldIgnore": False} for name in asked]
                return _json(200, {"files": modes}) if token == WRITER else _json(403, {})
            case "commit":
                for line in map(json.loads, body.splitlines()):
                    if line["key"] == "file":
                        repository.files[line["value"]["path"]] = base64.b64decode(line["value"]["content"])
                return _json(200, {"commitUrl": f"{self.endpoint}/{found[1]}/commit/1", "commitOid": repository.sha})
        content = repository.files[found[4]]
        return 200, content, {"ETag": f'"{hashlib.sha1(content).hexdigest()}"', "X-Repo-Commit": repository.sha}

    def _create(self, asked: dict, token: str) -> Answer:
        name = "/".join(filter(None, (asked.get("organization"), asked["name"])))
        if token != WRITER:
            return _json(403 if token else 401, {})
        there, private = name in self.repositories, asked.get("visibility", asked.get("private")) in (True, "private")
        self.repositories.setdefault(name, Repository(private))
        return _json(409 if there else 200, {"url": f"{self.endpoint}/{name}", "id": name})


def _entry(name: str, content: bytes) -> dict:
    return {"type": "file", "path": name, "size": len(content), "oid": hashlib.sha1(content).hexdigest()}


def _json(status: int, values: object, headers: dict[str, str] | None = None) -> Answer:
    return status, json.dumps(values).encode(), {"Content-Type": "application/json", **(headers or {})}


@contextlib.contextmanager
def served() -> Iterator[Hub]:
    """The hub on a free port of the loopback."""
    hub = Hub()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
            hub.requests.append(f"{self.command} {self.path}")
            status, content, headers = hub.answer(self.command, urlsplit(self.path).path, body, token)
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        do_GET = do_HEAD = do_POST = _serve

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.endpoint = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
