"""One thing about the home folder that somebody should know, and what can be done about it.

In: what a check found. Out: a `Finding`, which the command prints, the page lists, and either may mend.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

# Damaged: something of it does not work. Left over: nobody needs it any more. Unused: nobody asked for it in a long
# time, and it can be made again. Gone: it points at what is no longer there.
Kind = Literal["damaged", "left over", "unused", "gone"]
KINDS: tuple[Kind, ...] = ("damaged", "left over", "unused", "gone")
UNSOUND: tuple[Kind, ...] = ("damaged", "left over")
# Long enough for any write of ours: whoever writes for longer moves the time stamp of what is written.
AT_REST_SECONDS = 3600.0


@dataclass(frozen=True)
class Finding:
    """Equal things together; `mend` is None where only people can decide, and the sentence says what."""

    kind: Kind
    sentence: str
    paths: tuple[Path, ...] = ()
    size: int = 0  # bytes that mending gives back
    mend: Callable[[], None] | None = None

    @property
    def is_repair(self) -> bool:
        """Whether mending repairs; else it cleans up."""
        return self.mend is not None and self.kind == "damaged"

    @property
    def is_cleaning(self) -> bool:
        """Whether mending deletes what nobody needs."""
        return self.mend is not None and self.kind != "damaged"


def rests(path: Path, seconds: float = AT_REST_SECONDS) -> bool:
    """Whether neither it nor anything in it was written for as long; one that is gone does not rest.

    A time stamp from the future, as after a clock that was set back, counts as fresh.
    """
    try:
        return time.time() - newest(path) > seconds
    except OSError:
        return False


def newest(path: Path) -> float:
    """The latest time stamp of a file, or of a folder and all that lies in it; links are not followed."""
    stamps = [path.lstat().st_mtime]
    if path.is_dir() and not path.is_symlink():
        stamps += [inner.lstat().st_mtime for inner in path.rglob("*")]
    return max(stamps)


def size_of(paths: Iterable[Path]) -> int:
    """Bytes of files and of all files in folders; links count as nothing, and so does what is gone meanwhile."""
    total = 0
    for path in paths:
        for file in path.rglob("*") if path.is_dir() and not path.is_symlink() else (path,):
            try:
                found = file.lstat()
            except OSError:
                continue
            total += found.st_size if file.is_file() and not file.is_symlink() else 0
    return total
