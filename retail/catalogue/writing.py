"""How a catalogue is written: by one process at a time, and on the disk before anybody is told that it is kept.

In: the folder of a table. Out: a block to write in.

LanceDB commits optimistically: of two writers at once one tries again, and fails after some tries. A lock makes them
wait instead, and lets a write read before it writes (a merge, a new column). LanceDB leaves what it wrote to the
system's cache, which outlives a killed process but no power cut, so what is new is flushed when the block ends.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from retail.files.whole import flush
from retail.schema import UserError

LOCK = ".lock"
LOCK_SECONDS = 120.0  # how long a writer waits for another; a compaction of a million products takes less


@contextmanager
def writing(table: Path) -> Iterator[None]:
    """Nobody else writes this table meanwhile; raises UserError when another does for minutes."""
    from filelock import FileLock, Timeout

    folder = table.parent
    try:
        lock = FileLock(table.with_suffix(LOCK), timeout=LOCK_SECONDS)
        lock.acquire()
    except Timeout:
        raise UserError(f"Another process is writing the catalogue '{folder.name}'; try again in a minute.") from None
    except OSError as error:
        raise UserError(f"The catalogue in {folder} cannot be written ({error.strerror}); set RETAIL_HOME.") from None
    try:
        before = set(_files(table))
        yield
        _flush_new(table, before)
    finally:
        lock.release()


def _flush_new(table: Path, before: set[Path]) -> None:
    new = [path for path in _files(table) if path not in before]
    for path in (*new, *{path.parent for path in new}):
        flush(path)


def _files(table: Path) -> Iterator[Path]:
    return (path for path in table.rglob("*") if not path.is_dir()) if table.is_dir() else iter(())
