"""What the disk or the memory refuses, as a sentence for people.

In: an exception, whoever raised it: Python, SQLite, LanceDB or PyTorch. Out: what happened and what to do, "" where it
is another mistake. No torch.
"""

from __future__ import annotations

import errno
import os
import sqlite3
from pathlib import Path

from retail import files

FULL = (
    "database or disk is full",
    "no space left on device",
    "disk quota exceeded",
    "file too large",
    "os error 28",
    "unexpected pos ",  # how PyTorch's writer of checkpoints says that less was written than it gave
)
LOCKED = ("readonly database", "read-only file system", "os error 30", "permission denied", "os error 13")
FAILING = ("disk i/o error", "input/output error", "os error 5)", "unable to open database file")
# How PyTorch says it for a processor, NVIDIA's cards and Apple's.
NO_MEMORY = ("not enough memory", "can't allocate memory", "out of memory")
NUMBERS = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT, errno.EFBIG), FULL[0]),
    **dict.fromkeys((errno.EROFS, errno.EACCES, errno.EPERM), LOCKED[0]),
    **dict.fromkeys((errno.EIO, errno.ENOTDIR, errno.ESTALE, errno.ENODEV), FAILING[0]),
}


def sentence_of(error: BaseException) -> str:
    """What to tell whoever waits for the work that this ended."""
    home = files.home()
    if is_full(error):
        return (
            f"The disk with '{home}' is full; free some space, or set RETAIL_HOME to another disk, and start again. "
            "What was finished is kept."
        )
    if ran_out_of_memory(error):
        return "The memory of this machine is used up; close other programs or take fewer products, and start again."
    words = _words(error)
    if any(word in words for word in LOCKED):
        return (
            f"{_place(error)} cannot be written ({_reason(error)}); allow it to be written, or set RETAIL_HOME to "
            "another folder."
        )
    if any(word in words for word in FAILING) or _has_gone(error, home):
        return (
            f"{_place(error)} cannot be reached any more ({_reason(error)}); is the disk connected, and the folder "
            "where it was? Then start again: what was finished is kept."
        )
    return ""


def is_full(error: BaseException) -> bool:
    """Whether there is no room on the disk."""
    words = _words(error)
    return any(word in words for word in FULL)


def ran_out_of_memory(error: BaseException) -> bool:
    """Whether there is no room in memory, of the machine or of its graphics card."""
    if isinstance(error, MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(word in str(error).lower() for word in NO_MEMORY)


def _has_gone(error: BaseException, home: Path) -> bool:
    """Whether the home folder, or something in it, is not there any more."""
    place = str(getattr(error, "filename", "") or "")
    return isinstance(error, FileNotFoundError) and (not home.is_dir() or place.startswith(f"{home}{os.sep}"))


def _words(error: BaseException) -> str:
    """What it says, in words that the lists above know; "" for an error that is none of these."""
    if isinstance(error, OSError) and error.errno:
        return NUMBERS.get(error.errno, "")
    return str(error).lower() if isinstance(error, OSError | sqlite3.Error | RuntimeError) else ""


def _place(error: BaseException) -> str:
    return f"'{error.filename}'" if isinstance(error, OSError) and error.filename else f"'{files.home()}'"


def _reason(error: BaseException) -> str:
    said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(said.split())[:120].rstrip(".").lower()
