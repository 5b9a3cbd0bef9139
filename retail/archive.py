"""Unpack an untrusted ZIP: no path out of the folder, no links, no bombs.

In: a ZIP file. Out: a folder under the app's home, found again next time, and one sentence per refused member.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import stat
import tempfile
import zipfile
from pathlib import Path, PurePosixPath

from retail.config import home
from retail.schema import UserError

MAX_MEMBERS = 50_000
MAX_TOTAL_BYTES = 2 * 2**30
# Photos and sounds hardly compress: a member beyond this ratio, once large, is a bomb.
MAX_RATIO, RATIO_FROM_BYTES = 200, 10 * 2**20
CHUNK_BYTES = 2**20


def unpack(path: Path) -> tuple[Path, list[str]]:
    """The folder that holds the ZIP's files, and a sentence for each member left out. Raises UserError."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()[:24]
    target = home() / "unpacked" / digest
    if not target.is_dir():
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=target.parent, prefix="part-"))
        try:
            refused = extract(path, temporary / "files")
            (temporary / "refused.json").write_text(json.dumps(refused), encoding="utf-8")
            temporary.rename(target)
        except OSError as error:
            if not target.is_dir():  # else another process was quicker
                raise UserError(f"{path.name} could not be unpacked ({error}); check the disk and the ZIP.") from None
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    return target / "files", json.loads((target / "refused.json").read_text(encoding="utf-8"))


def extract(path: Path, folder: Path) -> list[str]:
    """Unpacks into a new folder; returns a sentence for each member left out. Raises UserError."""
    folder.mkdir(parents=True)
    refused, total = [], 0
    try:
        with zipfile.ZipFile(path) as archive:
            members = [member for member in archive.infolist() if not member.is_dir()]
            if len(members) > MAX_MEMBERS:
                raise UserError(f"{path.name} holds {len(members)} files, but at most {MAX_MEMBERS} are allowed.")
            for member in members:
                if reason := _refusal(member, folder):
                    refused.append(f"{path.name}: {member.filename!r} {reason}, so it was left out.")
                    continue
                total += _copy(archive, member, folder / member.filename, MAX_TOTAL_BYTES - total, path.name)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, ValueError) as error:
        if isinstance(error, UserError):
            raise
        raise UserError(f"{path.name} is not a usable ZIP ({error}); pack the folder again.") from None
    return refused


def _refusal(member: zipfile.ZipInfo, folder: Path) -> str:
    inner = PurePosixPath(member.filename.replace("\\", "/"))
    if inner.is_absolute() or ".." in inner.parts or ":" in inner.parts[0]:
        return "points out of the folder"
    if not (folder / member.filename).resolve().is_relative_to(folder.resolve()):
        return "points out of the folder"
    if stat.S_ISLNK(member.external_attr >> 16):
        return "is a link"
    if member.file_size > RATIO_FROM_BYTES and member.file_size > MAX_RATIO * max(member.compress_size, 1):
        return f"unpacks to over {MAX_RATIO} times its size"
    return ""


def _copy(archive: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path, left: int, name: str) -> int:
    """Copies one member in pieces and counts what really comes out, whatever the header says."""
    target.parent.mkdir(parents=True, exist_ok=True)
    written = 0
    with archive.open(member) as source, target.open("wb") as file:
        while piece := source.read(CHUNK_BYTES):
            written += len(piece)
            if written > left or written > member.file_size:
                raise UserError(f"{name} unpacks to more than it says or than 2 GB; pack fewer or smaller files.")
            file.write(piece)
    return written
