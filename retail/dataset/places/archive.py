"""Unpack an untrusted ZIP: no path out of the folder, no links, no bombs.

In: a ZIP file. Out: a folder under the app's home, found again next time, and one sentence per refused member.
"""

from __future__ import annotations

import errno
import hashlib
import json
import lzma
import shutil
import stat
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from retail.files import home, note_use
from retail.files.whole import clear, partial_of
from retail.outside.limits import MAX_MEMBERS, MAX_RATIO, MAX_UNPACKED_BYTES, RATIO_FROM_BYTES
from retail.schema import UserError

CHUNK_BYTES = 2**20
# Counts up when the same ZIP unpacks to other files, so that those of an older version are not found again.
LAYOUT = 2
ENCRYPTED_FLAG, UTF8_FLAG = 0x1, 0x800
DAMAGE = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, NotImplementedError, RuntimeError, EOFError, ValueError)
# What only concerns the name of one member; every other error of the disk ends the unpacking.
NAME_ERRORS = {
    errno.ENAMETOOLONG: "has too long a name",
    errno.EEXIST: "is a file and a folder at once",
    errno.ENOTDIR: "is a file and a folder at once",
    errno.EISDIR: "is a file and a folder at once",
}


def unpack(path: Path) -> tuple[Path, list[str]]:
    """The folder that holds the ZIP's files, and a sentence for each member left out. Raises UserError."""
    target = home() / "unpacked" / f"{_digest(path)}-{LAYOUT}"
    if not target.is_dir():
        clear(target.parent)
        temporary = partial_of(target)
        try:
            temporary.mkdir(parents=True)
            refused = extract(path, temporary / "files")
            (temporary / "refused.json").write_text(json.dumps(refused), encoding="utf-8")
            temporary.rename(target)
        except OSError as error:
            if not target.is_dir():  # else another process was quicker
                raise UserError(f"{path.name} could not be unpacked ({error}); check the disk and the ZIP.") from None
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    note_use(target)
    return target / "files", json.loads((target / "refused.json").read_text(encoding="utf-8"))


def unpacked_copies(path: Path) -> list[Path]:
    """The folders that hold what was unpacked of a file."""
    return sorted((home() / "unpacked").glob(f"{_digest(path)}-*"))


def extract(path: Path, folder: Path) -> list[str]:
    """Unpacks into a new folder; returns a sentence for each member left out. Raises UserError."""
    try:
        folder.mkdir(parents=True)
        with zipfile.ZipFile(path) as archive:
            return _extract(archive, folder, path.name)
    except OSError as error:
        reason = error.strerror or str(error)
        raise UserError(f"{path.name} could not be unpacked ({reason}); check the disk and the ZIP.") from None
    except DAMAGE as error:
        if isinstance(error, UserError):
            raise
        raise UserError(f"{path.name} is not a usable ZIP ({error}); pack the folder again.") from None


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:24]


def _extract(archive: zipfile.ZipFile, folder: Path, zip_name: str) -> list[str]:
    named = [(member, _name(member)) for member in archive.infolist()]
    members = [(member, name) for member, name in named if not name.endswith("/")]
    if any(member.flag_bits & ENCRYPTED_FLAG for member, _ in members):
        raise UserError(f"{zip_name} is protected by a password; pack the folder again without one.")
    if len(members) > MAX_MEMBERS:
        raise UserError(f"{zip_name} holds {len(members)} files, but the limit is {MAX_MEMBERS}; pack fewer files.")
    refused, total = [], 0
    for member, name in members:
        reason = _refusal(member, name, folder)
        try:
            total += 0 if reason else _copy(archive, member, folder / name, MAX_UNPACKED_BYTES - total, zip_name)
        except OSError as error:
            if error.errno not in NAME_ERRORS:
                raise
            reason = NAME_ERRORS[error.errno]
        if reason:
            refused.append(f"{zip_name}: {name!r} {reason}, so it was left out.")
    return refused


def _name(member: zipfile.ZipInfo) -> str:
    """The name that was meant: Windows tools write back-slashes, macOS leaves out the flag that says UTF-8."""
    name = member.filename
    if not member.flag_bits & UTF8_FLAG:
        try:
            name = name.encode("cp437").decode("utf-8")  # zipfile took it for cp437
        except UnicodeError:
            pass
    return name.replace("\\", "/")


def _refusal(member: zipfile.ZipInfo, name: str, folder: Path) -> str:
    inner = PurePosixPath(name)
    if not inner.parts:
        return "names no file"
    if inner.is_absolute() or ".." in inner.parts or ":" in inner.parts[0]:
        return "points outside the folder"
    if not (folder / name).resolve().is_relative_to(folder.resolve()):
        return "points outside the folder"
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
                raise UserError(
                    f"{name} unpacks to more than it declares, or to more than 2 GB; pack fewer or smaller files."
                )
            file.write(piece)
    return written
