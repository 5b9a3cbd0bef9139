"""Which files the cells name, how each was found, and what of them cannot be opened.

In: a cell and the folder that its path counts from. Out: paths, and faults for those that there are not.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from retail.dataset.columns import AUDIO, IMAGE
from retail.dataset.places import ABSENT, OUTSIDE, WEB, Found, Places
from retail.dataset.places.named import NamedFiles
from retail.dataset.places.names import Kind, parts_of
from retail.dataset.remarks import as_said
from retail.dataset.source import Source
from retail.files.remote import RemoteFile
from retail.media import MediaError, decode_audio, decode_image, seconds_unread
from retail.wording import FILES_WORDS

KINDS: dict[str, Kind] = {IMAGE: "image", AUDIO: "audio"}
FILE_WORDS = {column: FILES_WORDS[kind] for column, kind in KINDS.items()}


@dataclass
class FoundFiles:
    """Finds the files of one data set's rows and keeps count; `opened` decodes each of them too."""

    source: Source
    opened: bool
    ways: Counter[tuple[str, str]] = field(default_factory=Counter)  # column and way -> files not found as written
    named: Counter[str] = field(default_factory=Counter)  # column -> cells that name a file
    found: Counter[str] = field(default_factory=Counter)  # column -> cells of which a file was found
    addresses: Counter[str] = field(default_factory=Counter)  # column -> web addresses that were not fetched
    cut_off: int = 0  # sounds that are longer than what is read

    def __post_init__(self) -> None:
        self.places = Places(self.source.root, self.source.own, lambda: self.source.listing)
        # As the cells name them, in the order of the rows.
        self.files = NamedFiles(
            os.path.realpath(self.source.parts[0].folder if self.source.parts else self.source.root)
        )

    def of(self, cell: str, column: str, folder: Path, say: Callable[[str], None]) -> list[Path]:
        """The files of a cell; `say` hears of each that there is not, or that cannot be opened."""
        if not cell:
            return []
        if self.source.remote:
            return self._elsewhere(cell, column, say)
        found_all = self.places.find(cell, KINDS[column], folder)
        addresses = sum(found.remark == WEB for found in found_all)
        self.addresses[column] += addresses
        self.named[column] += addresses < len(found_all)
        paths = []
        for found in found_all:
            if found.remark == WEB:
                continue
            if found.path is None or self._is_anothers(found, folder):
                say(found.message or ABSENT.format(name=as_said(found.name)))
                continue
            if found.remark:
                self.ways[column, found.remark] += 1
            if found.message:
                say(found.message)
            self.files.add(found.name, found.path)
            if not self.opened or self._opens(column, found.path, say):
                paths.append(found.path)
        self.found[column] += bool(paths)
        return paths

    def _elsewhere(self, cell: str, column: str, say: Callable[[str], None]) -> list[Path]:
        """Beside a table that lies elsewhere a name is taken as it is written."""
        self.named[column] += 1
        inside = []
        for name in parts_of(cell):
            if "://" in name or name.startswith(("/", "\\")) or ".." in PurePosixPath(name).parts:
                say(OUTSIDE.format(name=name))
            else:
                inside.append(RemoteFile(f"{self.source.remote}/{name}"))
        self.found[column] += bool(inside)
        return list(inside) if column == IMAGE else list(inside[:1])

    def _is_anothers(self, found: Found, folder: Path) -> bool:
        """Whether a file that was not found as written lies beside another table: 1.jpg of test is not train's."""
        if not found.remark or found.path is None:
            return False
        others = {part.folder for part in self.source.parts if not folder.is_relative_to(part.folder)}
        return any(found.path.is_relative_to(other) for other in others)

    def _opens(self, column: str, path: Path, say: Callable[[str], None]) -> bool:
        changed = path.stat()
        opened = _opened(column, path, changed.st_mtime_ns, changed.st_size)
        if opened.damage:
            say(opened.damage)
        self.cut_off += opened.cut_off
        return not opened.damage


class Opened(NamedTuple):
    """Why a file cannot be opened, "" if it can; whether it is longer than what is read."""

    damage: str
    cut_off: bool


@lru_cache(maxsize=100_000)
def _opened(column: str, path: Path, changed: int, size: int) -> Opened:
    """A page that reads the data once more does not open every file once more."""
    try:
        (decode_image if column == IMAGE else decode_audio)(path)
    except MediaError as error:
        return Opened(str(error), False)
    return Opened("", column == AUDIO and seconds_unread(path) > 0)
