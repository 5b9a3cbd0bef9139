"""Which files lie in a folder: one walk, from which tables, class folders and lost photos are found.

In: a folder. Out: a `Listing` of paths; no file is opened.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

# A mistyped folder may be a whole disk; no data set of one machine holds as many files.
MAX_LISTED = 300_000


@dataclass(frozen=True)
class Listing:
    """Paths below `root` with forward slashes, sorted; `cut` when there are more than were looked at."""

    root: Path
    files: tuple[str, ...]
    cut: bool = False


def list_files(root: Path, follow_links: bool, most: int = MAX_LISTED) -> Listing:
    """Every visible file below a folder, the uppermost folders first; what cannot be read is passed over.

    Links are followed on request, and a folder that is reached twice is walked once.
    """
    found: list[str] = []
    seen = {_identity(root)}
    waiting, looked_at = [(root, "")], 0
    for folder, below in waiting:  # grows while it is walked: breadth first
        try:
            with os.scandir(folder) as entries:
                children = sorted(entries, key=lambda entry: entry.name)
        except OSError:
            continue
        for entry in children:
            if entry.name.startswith((".", "__MACOSX")):
                continue
            looked_at += 1
            if looked_at > most:
                return Listing(root, tuple(sorted(found)), True)
            try:
                is_folder, is_file = (
                    entry.is_dir(follow_symlinks=follow_links),
                    entry.is_file(follow_symlinks=follow_links),
                )
            except OSError:
                continue
            if is_folder:
                identity = _identity(Path(entry.path))
                if identity not in seen:
                    seen.add(identity)
                    waiting.append((Path(entry.path), f"{below}{entry.name}/"))
            elif is_file:
                found.append(below + entry.name)
    return Listing(root, tuple(sorted(found)))


def _identity(folder: Path) -> object:
    try:
        status = folder.stat()
    except OSError:
        return folder
    return (status.st_dev, status.st_ino) if status.st_ino else folder
