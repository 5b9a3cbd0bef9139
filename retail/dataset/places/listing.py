"""Which files lie in a folder: one walk, from which tables, class folders and lost photos are found.

In: a folder. Out: a `Listing` of paths; no file is opened.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from retail.outside.limits import MAX_LISTED

# What a system or a program leaves behind for itself.
NOBODYS = ("thumbs.db", "ehthumbs.db", "desktop.ini")
NOBODYS_START = (".", "__MACOSX", "~$")


@dataclass(frozen=True)
class Listing:
    """Paths below `root` with forward slashes, sorted; `cut` when there are more than were looked at.

    `closed` are folders that could not be opened and links that lead nowhere or are not followed, `empty` folders
    without anything in them.
    """

    root: Path
    files: tuple[str, ...]
    cut: bool = False
    closed: tuple[str, ...] = ()
    empty: tuple[str, ...] = ()


def list_files(root: Path, follow_links: bool, most: int = MAX_LISTED) -> Listing:
    """Every visible file below a folder, the uppermost folders first.

    Links are followed on request, and a folder that is reached twice is walked once.
    """
    found: list[str] = []
    closed: list[str] = []
    empty: list[str] = []
    seen = {_identity(root)}
    waiting, looked_at, cut = [(root, "")], 0, False
    for folder, below in waiting:  # grows while it is walked: breadth first
        if (children := _children(folder)) is None:
            closed.append(below.rstrip("/") or ".")
            continue
        if not children and below:
            empty.append(below.rstrip("/"))
        for entry in children[: most - looked_at]:
            is_folder, is_file = _kind(entry, follow_links)
            if is_file:
                found.append(below + entry.name)
            elif not is_folder:
                closed.append(below + entry.name)
            elif (identity := _identity(Path(entry.path))) not in seen:
                seen.add(identity)
                waiting.append((Path(entry.path), f"{below}{entry.name}/"))
        looked_at += len(children)
        if cut := looked_at > most:
            break
    return Listing(root, tuple(sorted(found)), cut, tuple(sorted(closed)), tuple(sorted(empty)))


def _children(folder: Path) -> list[os.DirEntry[str]] | None:
    """What is visible in a folder, None when it cannot be opened."""
    try:
        with os.scandir(folder) as entries:
            visible = [entry for entry in entries if not entry.name.startswith(NOBODYS_START)]
    except OSError:
        return None
    return sorted((entry for entry in visible if entry.name.lower() not in NOBODYS), key=lambda entry: entry.name)


def _kind(entry: os.DirEntry[str], follow_links: bool) -> tuple[bool, bool]:
    """Whether it is a folder, and whether it is a file; a link that leads nowhere is neither."""
    try:
        return entry.is_dir(follow_symlinks=follow_links), entry.is_file(follow_symlinks=follow_links)
    except OSError:
        return False, False


def _identity(folder: Path) -> object:
    try:
        status = folder.stat()
    except OSError:
        return folder
    return (status.st_dev, status.st_ino) if status.st_ino else folder
