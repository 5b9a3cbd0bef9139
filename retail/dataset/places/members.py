"""What the directory of a ZIP claims, judged before anything is unpacked.

In: a `zipfile.ZipFile`. Out: the members to unpack and why others are left out, or a UserError for the whole.
"""

from __future__ import annotations

import re
import stat
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from retail.outside.limits import (
    MAX_DIRECTORY_BYTES,
    MAX_MEMBERS,
    MAX_RATIO,
    MAX_UNPACKED_BYTES,
    RATIO_FROM_BYTES,
)
from retail.schema import UserError

ENCRYPTED_FLAG, UTF8_FLAG = 0x1, 0x800
LOCAL_HEADER_BYTES = 30  # and the name, and what a program adds
# The last record says how large the directory is; of a ZIP over 4 GB another one before it does.
END, END_BYTES, LONGEST_COMMENT = b"PK\x05\x06", 22, 2**16
END_64, END_64_BYTES, IN_OTHER = b"PK\x06\x06", 56 + 20, 2**32 - 1
OUTSIDE = "points outside the folder"

_WORDS = (
    ("not a zip file", "it is cut off, or no ZIP at all"),
    ("compression|strong encryption|zip file version", "it is packed in a way that is not read here"),
    ("CRC|Error -3|[Cc]orrupt|Invalid data", "the data of a file in it are damaged"),
    ("EOF|end of|truncated|Truncated|incomplete", "it is cut off"),
)


def why_no_zip(error: BaseException) -> str:
    """Why a ZIP cannot be read, in words for people."""
    if isinstance(error, zlib.error):
        return "the data of a file in it are damaged"
    said = str(error) or "EOF"
    return next((words for known, words in _WORDS if re.search(known, said)), "its list of files is damaged")


def require_small_directory(path: Path) -> None:
    """Raises UserError for a list of files so long that it should not even be read."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(size - END_BYTES - LONGEST_COMMENT - END_64_BYTES, 0))
        tail = file.read()
    end = tail.rfind(END)
    claimed = int.from_bytes(tail[end + 12 : end + 16], "little") if end >= 0 else 0
    if claimed == IN_OTHER and (larger := tail.rfind(END_64, 0, end)) >= 0:
        claimed = int.from_bytes(tail[larger + 40 : larger + 48], "little")
    if min(claimed, size) > MAX_DIRECTORY_BYTES:
        raise UserError(
            f"{path.name} has a list of files of {min(claimed, size) / 2**20:.0f} MB, but the limit is "
            f"{MAX_MEMBERS:,} files; pack fewer files."
        )


def files_in(archive: zipfile.ZipFile, zip_name: str) -> list[tuple[zipfile.ZipInfo, str, str]]:
    """Each file with the name that was meant and why it is left out, "" for none; raises UserError for a bomb."""
    members = [(member, name) for member in archive.infolist() if not (name := _name(member)).endswith("/")]
    if any(member.flag_bits & ENCRYPTED_FLAG for member, _ in members):
        raise UserError(f"{zip_name} is protected by a password; pack the folder again without one.")
    if len(members) > MAX_MEMBERS:
        raise UserError(f"{zip_name} holds {len(members)} files, but the limit is {MAX_MEMBERS}; pack fewer files.")
    if _overlap(archive.infolist(), archive.start_dir):
        raise UserError(f"{zip_name} has files that lie over each other, as no program packs them; pack it again.")
    judged = [(member, name, _refusal(member, name)) for member, name in members]
    total = sum(member.file_size for member, _, refusal in judged if not refusal)
    if total > MAX_UNPACKED_BYTES:
        raise UserError(
            f"{zip_name} unpacks to {total / 2**30:.1f} GB, but the limit is {MAX_UNPACKED_BYTES // 2**30} GB; pack "
            "fewer or smaller files."
        )
    return judged


def _name(member: zipfile.ZipInfo) -> str:
    """The name that was meant: Windows tools write back-slashes, macOS leaves out the flag that says UTF-8."""
    name = member.filename
    if not member.flag_bits & UTF8_FLAG and not name.isascii():
        try:
            name = name.encode("cp437").decode("utf-8")  # zipfile took it for cp437
        except UnicodeError:
            pass
    return name.replace("\\", "/")


def _overlap(members: Sequence[zipfile.ZipInfo], end: int) -> bool:
    """Whether the data of one file lie within those of another, or within the list of files."""
    places = sorted((member.header_offset, member.compress_size + _header_bytes(member)) for member in members)
    starts = [*(start for start, _ in places[1:]), end]
    return any(start < 0 or start + size > next_ for (start, size), next_ in zip(places, starts, strict=False))


def _header_bytes(member: zipfile.ZipInfo) -> int:
    """At least so many bytes stand before a file's data."""
    return LOCAL_HEADER_BYTES + len(member.orig_filename)  # in letters, which are never more than their bytes


def _refusal(member: zipfile.ZipInfo, name: str) -> str:
    inner = PurePosixPath(name)
    if not inner.parts:
        return "names no file"
    if inner.is_absolute() or ".." in inner.parts or any(":" in part for part in inner.parts[:1]):
        return OUTSIDE
    if stat.S_ISLNK(member.external_attr >> 16):
        return "is a link"
    if member.file_size > RATIO_FROM_BYTES and member.file_size > MAX_RATIO * max(member.compress_size, 1):
        return f"unpacks to over {MAX_RATIO} times its size"
    return ""
