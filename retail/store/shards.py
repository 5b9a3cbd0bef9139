"""The files of a store: immutable safetensors shards, each called by its hash and listed in an SQLite index.

In: embeddings under an encoder's name and their contents' hashes. Out: the same, where they are kept and whole.

A shard is written aside, flushed and renamed before the index names it, so a kill at any moment leaves a store that
opens. It says itself what it holds: so a destroyed index is made again from the shards, and a row is never taken for
another one's.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import TypeVar

import safetensors
import safetensors.torch
import torch
from filelock import FileLock
from torch import Tensor

from retail.files import whole_file
from retail.files.faults import sentence_of
from retail.files.record import Version, version_of
from retail.media import content_hash
from retail.schema import UserError

LOCK_SECONDS = 60.0  # how long one process waits for another one's commit
KEYS_AT_ONCE = 1000  # of one question to the index
INDEX, SHARDS, ENDING, HOLDS = "index.sqlite", "shards", ".safetensors", "holds"

SCHEMA = """
CREATE TABLE IF NOT EXISTS shards (file TEXT PRIMARY KEY, sha256 TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS entries (encoder TEXT, content TEXT, file TEXT NOT NULL, row INTEGER NOT NULL,
                                    PRIMARY KEY (encoder, content)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS entries_by_file ON entries (file);
"""

Result = TypeVar("Result")
_CHECKED: set[tuple[str, Version, str]] = set()  # shards that were whole when this process first read them
_SWEPT: set[str] = set()  # stores that this process has cleared of what nobody lists


class Shards:
    """Several processes may read and write at once. A damaged shard is dropped, a damaged index made again."""

    def __init__(self, root: Path) -> None:
        self.root, self.folder = root, root / SHARDS
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._made_again_if_damaged(self._open)
        except (OSError, sqlite3.OperationalError) as error:
            said = sentence_of(error) or f"Cannot write the embedding store in '{root}' ({error}); set RETAIL_HOME."
            raise UserError(said) from error

    def read(self, owner: str, keys: Collection[str]) -> dict[str, Tensor]:
        """What is kept of these keys; touches the index at them alone, and the shards that hold them."""
        wanted = self._made_again_if_damaged(lambda: self._places(owner, sorted(keys)))
        found: dict[str, Tensor] = {}
        for (file, sha256), places in wanted.items():
            embeddings = self._rows(file, sha256, owner, places)
            if embeddings is None:
                self.drop(file)
            else:
                found.update(zip((content for content, _ in places), embeddings, strict=True))
        return found

    def write(self, owner: str, embeddings: Mapping[str, Tensor]) -> None:
        """Keeps them all in a new shard."""
        told = json.dumps({"encoder": owner, "contents": list(embeddings)})
        # One entry, for safetensors writes several in any order, and equal shards are to have one name.
        data = safetensors.torch.save({"embeddings": torch.stack(list(embeddings.values()))}, {HOLDS: told})
        self._made_again_if_damaged(lambda: self._add(owner, list(embeddings), data))

    def connect(self) -> sqlite3.Connection:
        """To the index."""
        return sqlite3.connect(self.root / INDEX, timeout=LOCK_SECONDS)

    def _add(self, owner: str, contents: Sequence[str], data: bytes) -> None:
        """The file and its entries while nobody else writes, so that a file without entries is a killed process's."""
        sha256 = hashlib.sha256(data).hexdigest()
        file = f"{sha256}{ENDING}"
        with closing(self.connect()) as index, index:
            index.execute("BEGIN IMMEDIATE")
            with whole_file(self.folder / file) as partial:
                partial.write_bytes(data)
            _list(index, owner, contents, file, sha256)
            if str(self.root) not in _SWEPT:
                self._sweep(index)

    def _sweep(self, index: sqlite3.Connection) -> None:
        """Removes shards that no entry leads to, once a process."""
        listed = {row[0] for row in index.execute("SELECT file FROM shards")}
        for name in os.listdir(self.folder):
            if name.endswith(ENDING) and name not in listed:
                (self.folder / name).unlink(missing_ok=True)
        _SWEPT.add(str(self.root))

    def _places(self, owner: str, ordered: Sequence[str]) -> dict[tuple[str, str], list[tuple[str, int]]]:
        """(file, its hash) -> contents with their rows; keys in order are neighbours in the index."""
        wanted: dict[tuple[str, str], list[tuple[str, int]]] = {}
        with closing(self.connect()) as index:
            for start in range(0, len(ordered), KEYS_AT_ONCE):
                some = ordered[start : start + KEYS_AT_ONCE]
                marks = ", ".join("?" * len(some))
                rows = index.execute(
                    "SELECT content, file, row, sha256 FROM entries JOIN shards USING (file) "  # nosec B608  # marks
                    f"WHERE encoder = ? AND content IN ({marks})",
                    (owner, *some),
                )
                for content, file, row, sha256 in rows:
                    wanted.setdefault((file, sha256), []).append((content, row))
        return wanted

    def _rows(self, file: str, sha256: str, owner: str, places: Sequence[tuple[str, int]]) -> Tensor | None:
        """These rows of a shard, mapped into memory; None where it is damaged. Its hash is read once a process."""
        path = self.folder / file
        try:
            checked = str(path), version_of(path), sha256
            if checked not in _CHECKED:
                if content_hash(path) != sha256:
                    return None
                _CHECKED.add(checked)
            with safetensors.safe_open(path, framework="pt") as shard:
                told = shard.metadata()  # earlier versions wrote none
                if told and not _holds(told[HOLDS], owner, places):  # it is the index that is damaged
                    return None
                return shard.get_tensor("embeddings")[torch.tensor([row for _, row in places])]
        except (OSError, KeyError, IndexError, ValueError, safetensors.SafetensorError):
            return None

    def drop(self, file: str) -> None:
        """Forgets a shard with all its embeddings."""
        self._made_again_if_damaged(lambda: self._drop(file))

    def _drop(self, file: str) -> None:
        with closing(self.connect()) as index, index:
            index.execute("DELETE FROM entries WHERE file = ?", (file,))
            index.execute("DELETE FROM shards WHERE file = ?", (file,))
        (self.folder / file).unlink(missing_ok=True)

    def _made_again_if_damaged(self, action: Callable[[], Result]) -> Result:
        """Does it; where the index turns out to be no whole database, makes that again from the shards before."""
        try:
            return action()
        except sqlite3.OperationalError:  # locked, full, read-only: not damaged
            raise
        except sqlite3.DatabaseError:
            self.make_index_again_if_damaged()
            return action()

    def make_index_again_if_damaged(self) -> None:
        """From what the shards say of themselves."""
        with self._alone():
            if not self._is_whole():
                self._make_again()

    def _alone(self) -> FileLock:
        """Nobody else makes the index again meanwhile."""
        return FileLock(self.root / "index.lock", timeout=LOCK_SECONDS)

    def _is_whole(self) -> bool:
        try:
            with closing(self.connect()) as index:
                return index.execute("PRAGMA integrity_check(1)").fetchone() == ("ok",)
        except sqlite3.DatabaseError:
            return False

    def _open(self) -> None:
        """A store without an index has none yet, or has lost it."""
        index = self.root / INDEX
        if index.is_file() and index.stat().st_size or not any(self.folder.glob(f"*{ENDING}")):
            return self._make()
        with self._alone():
            self._make_again()

    def _make(self) -> None:
        with closing(self.connect()) as index:
            index.execute("PRAGMA journal_mode=WAL")
            index.executescript(SCHEMA)

    def _make_again(self) -> None:
        for path in self.root.glob(f"{INDEX}*"):
            path.unlink(missing_ok=True)
        self._make()
        with closing(self.connect()) as index, index:
            index.execute("BEGIN IMMEDIATE")
            for path in sorted(self.folder.glob(f"*{ENDING}")):
                with suppress(OSError, KeyError, TypeError, ValueError, safetensors.SafetensorError):
                    if (sha256 := content_hash(path)) == path.stem:
                        with safetensors.safe_open(path, framework="pt") as shard:
                            told = json.loads(shard.metadata()[HOLDS])
                        _list(index, told["encoder"], told["contents"], path.name, sha256)


def _list(index: sqlite3.Connection, owner: str, contents: Sequence[str], file: str, sha256: str) -> None:
    entries = [(owner, content, file, row) for row, content in enumerate(contents)]
    index.execute("INSERT OR REPLACE INTO shards VALUES (?, ?)", (file, sha256))
    index.executemany("INSERT OR REPLACE INTO entries VALUES (?, ?, ?, ?)", entries)


def _holds(told: str, owner: str, places: Sequence[tuple[str, int]]) -> bool:
    facts = json.loads(told)
    return facts["encoder"] == owner and all(facts["contents"][row] == content for content, row in places)
