"""Which of the tables in a folder are the data: those of splits, of one name, or with the same columns.

In: the `Listing` of a folder. Out: the paths of the tables that belong together, each read once. No photo is opened.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from urllib.parse import unquote

from retail.dataset.columns import AUDIO, DATASET, IMAGE, TEXT, split_word, suggest
from retail.dataset.loose import LABEL, media_kind
from retail.dataset.places.listing import Listing
from retail.dataset.places.names import parts_of
from retail.dataset.tables import OFTEN_NO_TABLE, TABLE_ENDINGS, Table, read_tables
from retail.schema import UserError

# In a folder; a table with another ending counts where nothing else does.
SURELY_TABLES = tuple(ending for ending in TABLE_ENDINGS if ending not in OFTEN_NO_TABLE)
METADATA = "metadata"  # the stem of Hugging Face's tables
ORDER = ("train", "val", "test")
MOST_TRIED = 20  # notes that are looked at for a table
MOST_LOOKED_AT = 2_000  # rows that are looked at for names of files
MOSTLY = 0.5  # share of a column's cells that must be names of files


class FolderTables:
    """The tables of a folder, each read once, when somebody asks for it."""

    def __init__(self, listing: Listing) -> None:
        self.root, self._listing = listing.root, listing
        self._read: dict[Path, dict[str, Table]] = {}
        self.paths = [listing.root / name for name in listing.files if name.lower().endswith(SURELY_TABLES)]
        self.paths = self.paths or self._among_notes()

    @cached_property
    def _stems(self) -> set[str]:
        """The names of the folder's photos and sounds."""
        return {_stem(name) for name in self._listing.files if media_kind(name)}

    def _among_notes(self) -> list[Path]:
        """Tables with an ending that notes and settings have too; beside photos or sounds only those that name them."""
        names = [name for name in self._listing.files if name.lower().endswith(OFTEN_NO_TABLE) and name != DATASET]
        names.sort(key=lambda name: name.count("/"))
        paths = [self.root / name for name in names[:MOST_TRIED]]
        tables = [path for path in paths if self.header(path) and self.rows(path) > 1]  # one object is a setting
        return [path for path in tables if not self._stems or self.names_files(path)]

    def rows(self, path: Path) -> int:
        """How many there are in all sheets of a table."""
        return sum(len(table.rows) for table in self.sheets(path).values())

    def names_some(self, paths: Sequence[Path]) -> bool:
        """Whether one of the tables names the folder's photos or sounds."""
        return any(self.names_files(path) for path in paths)

    def names_files(self, path: Path) -> bool:
        """Whether most cells of a column are names of its files, with or without their folders and endings."""
        for table in self.sheets(path).values():
            some = [cells for _, cells in table.rows[:MOST_LOOKED_AT]]
            for column in zip(*some, strict=True):
                named = [any(_stem(part) in self._stems for part in parts_of(cell)) for cell in column if cell]
                if sum(named) > MOSTLY * len(named):
                    return True
        return False

    def sheets(self, path: Path) -> dict[str, Table]:
        """Raises UserError."""
        if path not in self._read:
            self._read[path] = read_tables(path)
        return self._read[path]

    def are_beside(self, paths: Sequence[Path], files: Table) -> bool:
        """Whether tables are about something else than the photos and sounds that they lie beside.

        They name none of them, have fewer rows than there are, and either no column that could be an input, or the
        folders of the files are classes.
        """
        if sum(map(self.rows, paths)) >= len(files.rows) or self.names_some(paths):
            return False
        if LABEL in files.header and len({cells[files.header.index(LABEL)] for _, cells in files.rows}) > 1:
            return True
        return not any(self._has_input(path) for path in paths)

    def _has_input(self, path: Path) -> bool:
        for table in self.sheets(path).values():
            columns = suggest(table.header, [cells for _, cells in table.rows])
            given = {name.lower() for name in table.header} & {TEXT, IMAGE, AUDIO}
            if given or columns.text or columns.image or columns.audio:
                return True
        return False

    def header(self, path: Path) -> list[str]:
        """Of the first sheet; of what is no table, none."""
        try:
            return next((table.header for table in self.sheets(path).values()), [])
        except (UserError, OSError):
            return []

    def belonging_together(self) -> list[Path]:
        """The tables of splits, else those named metadata, else one and those with its columns beside it.

        That one is the uppermost, then one that is not a competition's form to hand in, then the widest.
        """
        if not self.paths:
            return []
        split = {path: split_of(path.relative_to(self.root)) for path in self.paths}
        metadata = [path for path in self.paths if path.stem.lower() == METADATA]
        top = min((len(path.parts) for path in metadata), default=0)
        if uppermost := [path for path in metadata if len(path.parts) == top and not split[path]]:
            return uppermost
        by_split = [path for path in self.paths if split[path]]
        if len({split[path] for path in by_split}) > 1 or by_split == self.paths:
            return sorted(by_split, key=lambda path: (ORDER.index(split[path]), path))
        depth = min(len(path.parts) for path in self.paths)
        level = [path for path in self.paths if len(path.parts) == depth]
        if len(level) == 1:
            return level
        best = max(level, key=lambda path: (not _is_form(path), len(self.header(path)), path.stat().st_size))
        same = sorted(self.header(best))
        return [path for path in level if path == best or (same and sorted(self.header(path)) == same)]


def split_of(path: Path) -> str:
    """The split that a table's own name or that of a folder above it says, "" where none does."""
    names = (path.stem, *reversed(path.parent.parts))
    return next((split for name in names if (split := split_word(name))), "")


def _stem(name: str) -> str:
    """The name alone, of a file or of a path or an address in a cell, without case and ending."""
    last = unquote(name).replace("\\", "/").rsplit("/", 1)[-1].rsplit(".", 1)[0]
    return unicodedata.normalize("NFC", last).lower()


def _is_form(path: Path) -> bool:
    return "submission" in path.stem.lower()
