"""Unpack an untrusted ZIP: no path out of the folder, no links, no bombs.

In: a ZIP file. Out: a folder under the app's home, found again next time, and one sentence per refused member.
"""

from __future__ import annotations

import errno
import shutil
import zipfile
from pathlib import Path

from pydantic import TypeAdapter

from retail.dataset.places.members import OUTSIDE, files_in, require_small_directory, why_no_zip
from retail.files import home, note_use
from retail.files.whole import clear, partial_of
from retail.media import content_hash
from retail.outside import reading
from retail.outside.limits import MAX_UNPACKED_BYTES
from retail.schema import UserError

CHUNK_BYTES = 2**20
# Counts up when the same ZIP unpacks to other files, so that those of an older version are not found again.
LAYOUT = 2
REFUSED, SENTENCES = "refused.json", TypeAdapter(list[str])
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
    if target.is_dir() and _refused(target) is None:  # it comes into being with both, so this one is damaged
        shutil.rmtree(target, ignore_errors=True)
    if not target.is_dir():
        _unpack(path, target)
    note_use(target)
    return target / "files", _refused(target) or []


def _unpack(path: Path, target: Path) -> None:
    """All at once: a folder with its files and what was refused, or nothing."""
    clear(target.parent)
    temporary = partial_of(target)
    try:
        temporary.mkdir(parents=True)
        refused = extract(path, temporary / "files")
        (temporary / REFUSED).write_bytes(SENTENCES.dump_json(refused))
        temporary.rename(target)
    except OSError as error:
        if not target.is_dir():  # else another process was quicker
            raise UserError(f"{path.name} could not be unpacked ({error}); check the disk and the ZIP.") from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _refused(target: Path) -> list[str] | None:
    """A sentence for each member left out when it was unpacked; None where nobody can read that."""
    try:
        return SENTENCES.validate_json((target / REFUSED).read_bytes())
    except (OSError, ValueError):
        return None


def unpacked_copies(path: Path) -> list[Path]:
    """The folders that hold what was unpacked of a file."""
    return sorted((home() / "unpacked").glob(f"{_digest(path)}-*"))


def extract(path: Path, folder: Path) -> list[str]:
    """Unpacks into a new folder; returns a sentence for each member left out. Raises UserError."""
    try:
        folder.mkdir(parents=True)
        with reading(path.name, "ZIP", "pack the folder again", why=why_no_zip, passes=OSError):
            require_small_directory(path)
            with zipfile.ZipFile(path) as archive:
                return _extract(archive, folder, path.name)
    except OSError as error:
        reason = error.strerror or str(error)
        raise UserError(f"{path.name} could not be unpacked ({reason}); check the disk and the ZIP.") from None


def _digest(path: Path) -> str:
    return content_hash(path)[:24]


def _extract(archive: zipfile.ZipFile, folder: Path, zip_name: str) -> list[str]:
    refused, left, folders = [], MAX_UNPACKED_BYTES, _Folders(folder)
    for member, name, reason in files_in(archive, zip_name):
        try:
            reason = reason or folders.refusal(name)
            left -= 0 if reason else _copy(archive, member, folder / name, left, zip_name)
        except OSError as error:
            if error.errno not in NAME_ERRORS:
                raise
            reason = NAME_ERRORS[error.errno]
        if reason:
            refused.append(f"{zip_name}: {name!r} {reason}, so it was left out.")
    return refused


class _Folders:
    """The folders that members lie in, each looked at and made once."""

    def __init__(self, root: Path) -> None:
        self._root, self._resolved = root, root.resolve()
        self._refusals: dict[str, str] = {}

    def refusal(self, name: str) -> str:
        """Why a member may not lie in its folder, "" once that is there; raises OSError."""
        parent = name.rpartition("/")[0]
        if parent not in self._refusals:
            folder = self._root / parent
            inside = folder.resolve().is_relative_to(self._resolved)
            if inside:
                folder.mkdir(parents=True, exist_ok=True)
            self._refusals[parent] = "" if inside else OUTSIDE
        return self._refusals[parent]


def _copy(archive: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path, left: int, name: str) -> int:
    """Copies one member in pieces and counts what really comes out, whatever the header says."""
    written = 0
    with archive.open(member) as source, target.open("wb") as file:
        while piece := source.read(CHUNK_BYTES):
            written += len(piece)
            if written > left or written > member.file_size:
                raise UserError(f"{name} unpacks to more than it declares; pack the folder again.")
            file.write(piece)
    return written
