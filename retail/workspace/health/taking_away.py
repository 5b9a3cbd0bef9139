"""Deleting what nobody needs, but nothing that a process has open or that was written a moment ago.

In: paths of the home folder. Out: they are gone, but for those that somebody uses after all.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

from retail.workspace.health.finding import AT_REST_SECONDS, rests
from retail.workspace.processes import opened_files


def taking_away(paths: Iterable[Path], seconds: float = AT_REST_SECONDS) -> Callable[[], None]:
    """What deletes these once it is called; each is looked at again then."""
    listed = tuple(paths)

    def take_away() -> None:
        opened = opened_files()
        for path in listed:
            if rests(path, seconds) and not any(file.is_relative_to(path.resolve()) for file in opened):
                delete(path)

    return take_away


def delete(path: Path) -> None:
    """A file, a link or a folder; Windows keeps what somebody has open."""
    with contextlib.suppress(OSError):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
