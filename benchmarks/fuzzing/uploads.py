"""Bodies of requests to the server, as a client sends them that is broken or hostile.

In: nothing. Out: `TARGETS` that ask a server of a tiny recogniser in this process, which decodes what was sent apart.
"""

from __future__ import annotations

from contextlib import ExitStack
from functools import cache
from typing import Any

from benchmarks.fuzzing.mutation import Mutated

FORM = "multipart/form-data; boundary=x"
WORDS = (
    *(b"\r\n--x\r\n", b"--x--", b"Content-Disposition: form-data; ", b'name="image"', b'name="text"', b'name="audio"'),
    *(
        b'filename="a.jpg"',
        b'filename="../a"',
        b"filename*=UTF-8''%ff",
        b"\r\n\r\n",
        b"Content-Type: ",
        b"\0",
        b"%00",
        b"=",
        b"&",
    ),
)
_open = ExitStack()


def part(name: str, content: bytes, file: str = "") -> bytes:
    """One field of a form."""
    named = f'name="{name}"' + (f'; filename="{file}"' if file else "")
    return f"--x\r\nContent-Disposition: form-data; {named}\r\n\r\n".encode() + content + b"\r\n"


def forms() -> list[bytes]:
    """A photo, a description, a clip, and all of them."""
    from tests.serve_sample import clip_bytes, photo_bytes

    fields = [
        part("image", photo_bytes(), "a.png"),
        part("text", b"oat drink"),
        part("audio", clip_bytes()[:900], "a.wav"),
    ]
    return [field + b"--x--\r\n" for field in (*fields, b"".join(fields), fields[0] * 3)]


def batches() -> list[bytes]:
    """Bodies of JSON with several products."""
    return [
        b'{"products": [{"id": "1", "text": "oat"}, {"text": "tea", "image": ["aGk="]}]}',
        b'{"products": []}',
        b"[]",
    ]


@cache
def _client() -> Any:
    from tests.serve_sample import served

    return _open.enter_context(served())


def ask(content: bytes) -> None:
    """One request; the server may refuse it, and never fails."""
    kind = FORM if b"--x" in content[:9] else "application/json" if content[:1] in (b"{", b"[") else FORM
    place = "/recognise" if kind == FORM else "/recognise/batch"
    response = _client().post(place, content=content, headers={"content-type": kind})
    assert response.status_code < 500, f"{response.status_code}: {response.text[:300]}"
    response.json()


TARGETS = {
    "upload": Mutated(ask, forms, WORDS),
    "upload-json": Mutated(ask, batches, (b'"', b"{", b"[", b"null", b"1e999")),
}
