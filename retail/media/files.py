"""A file's bytes within the limits, its checksum, and the words for what cannot be used.

In: a path, the bytes of a file or an `Upload`. Out: bytes, or a `MediaError` of one sentence.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from retail.outside.limits import MAX_FILE_BYTES
from retail.schema import MediaSource, Upload, UserError


class MediaError(UserError):
    """A file that cannot be used, in one sentence."""


def content_hash(source: MediaSource | str) -> str:
    """SHA-256 of a file's bytes, wherever they are, or of a text."""
    if isinstance(source, Upload):
        return source.checksum
    if isinstance(source, Path):
        with source.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    if isinstance(source, str):
        source = b"text\0" + source.encode("utf-8", "surrogatepass")
    return hashlib.sha256(source).hexdigest()


def content_of(source: MediaSource) -> bytes:
    """The bytes of a file, or what is kept of an upload's; raises OSError."""
    if isinstance(source, Upload):
        return source.content
    return source if isinstance(source, bytes) else source.read_bytes()


def read_limited(source: Path | bytes, expected: str) -> tuple[str, bytes]:
    """The name to use in a sentence, and the file's bytes; raises MediaError."""
    if isinstance(source, bytes):
        name, content = "The upload", source[: MAX_FILE_BYTES + 1]
    else:
        name = repr(Path(source).name)
        try:
            with (source if isinstance(source, Path) else Path(source)).open("rb") as file:
                content = file.read(MAX_FILE_BYTES + 1)
        except OSError as error:
            raise MediaError(f"{name} cannot be read ({error.strerror}); give {expected} that exists.") from None
    if not content:
        raise MediaError(f"{name} is empty; give {expected}.")
    if len(content) > MAX_FILE_BYTES:
        raise MediaError(f"{name} is larger than {MAX_FILE_BYTES // 2**20} MB; make it smaller.")
    return name, content
