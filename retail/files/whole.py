"""Writing that happens whole or not at all, and clearing away what killed processes left half written.

In: a path. Out: a place beside it to write to, which takes the path's name when the block ends well.

What is half written is called `NAME.MACHINE-PROCESS-BIRTH.NUMBER.part`, so that whoever writes into the folder next
knows which of these nobody will finish.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import re
import shutil
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from retail.system import born, patiently, runs

PART = re.compile(
    r"(?P<name>.+)\.(?P<machine>[0-9a-f]{8})-(?P<process>\d+)-(?P<birth>\d+)\.[0-9a-f]{8}(?P<former>\.former)?\.part",
    re.DOTALL,
)
BIRTHS = 100  # parts of a second

_CLEARED: set[str] = set()  # folders that this process has looked through


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Gives a path to write to; the file appears under its own name when the block ends well, or not at all.

    It is on the disk then, so that no power cut takes it back.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file_in_folder(path) as partial:
        yield partial


@contextmanager
def whole_file_in_folder(path: Path, flushed: bool = True) -> Iterator[Path]:
    """Like `whole_file`, but makes no folder: raises FileNotFoundError when it is gone.

    What will be written anew in a moment need not be `flushed`.
    """
    clear(path.parent)
    partial = partial_of(path)
    try:
        yield partial
        if flushed:
            flush(partial)
        patiently(lambda: partial.replace(path))
        if flushed:
            flush(path.parent)
    except BaseException:
        with contextlib.suppress(OSError):  # what made it fail counts
            partial.unlink(missing_ok=True)
        raise


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Gives an empty folder to fill; it takes the place of what stood there if the block ends well."""
    clear(path.parent)
    partial = partial_of(path)
    try:
        partial.mkdir(parents=True)
        yield partial
        _put(partial, path)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def partial_of(path: Path) -> Path:
    """Where to write what will be called so; a name of its own, for two sessions may write the same thing at once."""
    me = os.getpid()
    return path.with_name(f"{path.name}.{_machine()}-{me}-{_birth(me)}.{uuid.uuid4().hex[:8]}.part")


def clear(folder: Path) -> None:
    """Removes what killed processes left half written in a folder, once a process.

    A folder that was to be replaced by another one when its process was killed gets its name back.
    """
    if str(folder) in _CLEARED:
        return
    _CLEARED.add(str(folder))
    with contextlib.suppress(OSError):  # no such folder yet, or one that nobody may write
        for path in leftovers(folder):
            remove_left(path)


def leftovers(folder: Path) -> list[Path]:
    """What killed processes left half written right in this folder."""
    return [folder / name for name in os.listdir(folder) if name.endswith(".part") and is_left(name)]


def flush(path: Path) -> None:
    """What was written to a file, or the entries of a folder, is on the disk when this returns."""
    if sys.platform == "win32" and path.is_dir():  # it cannot be opened, and its entries are written with the files
        return
    try:
        descriptor = os.open(path, os.O_RDWR if sys.platform == "win32" else os.O_RDONLY)
    except FileNotFoundError:  # a file that was only there for a moment
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _put(partial: Path, path: Path) -> None:
    """In one step where nothing stands there; else what stood there is moved aside before."""
    if not path.exists():
        with contextlib.suppress(OSError):  # another process was quicker
            partial.replace(path)
            return
    former = partial.with_name(partial.name.removesuffix(".part") + ".former.part")
    patiently(lambda: path.replace(former))
    try:
        patiently(lambda: partial.replace(path))
    except OSError:
        former.replace(path)
        raise
    _delete(former)


def is_left(name: str) -> bool:
    """Whether a process of this machine that is gone left a file or folder of this name half written."""
    found = PART.fullmatch(name)
    if not found or found["machine"] != _machine():
        return False
    return not runs(int(found["process"]), int(found["birth"]) / BIRTHS)


def remove_left(path: Path) -> None:
    """Away with it; a folder that was to be replaced gets its name back."""
    found = PART.fullmatch(path.name)
    assert found
    if found["former"] and not path.with_name(found["name"]).exists():
        path.replace(path.with_name(found["name"]))
    else:
        _delete(path)


def _delete(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


@cache
def _machine() -> str:
    return hashlib.sha256(platform.node().encode()).hexdigest()[:8]


@cache
def _birth(process: int) -> int:
    return round(born(process) * BIRTHS)
