"""Is a store of embeddings whole? Shards and index beside each other, without changing anything; and mending it.

In: the store's folder. Out: what the index names and nobody finds, what lies there and nobody names. All of it can be
computed again, so nothing is lost by mending.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from retail.media import content_hash
from retail.schema import Progress, UserError
from retail.store.shards import ENDING, INDEX, SHARDS, Shards


@dataclass(frozen=True)
class Examined:
    """Files of a store, by name."""

    missing: tuple[str, ...] = ()  # the index names them, and they are not there
    damaged: tuple[str, ...] = ()  # their content is another than was written
    unnamed: tuple[Path, ...] = ()  # they are there, and no index names them
    index_damaged: bool = False  # then it names none


def examined(root: Path, checksums: bool = False, progress: Progress | None = None) -> Examined:
    """Compares names, and looks whether the index is a whole database; with `checksums` everything is read for it.

    Raises UserError while nobody can open the index.
    """
    lying = {path.name: path for path in (root / SHARDS).glob(f"*{ENDING}")}
    try:
        named = _named(root, checksums)
    except sqlite3.OperationalError as error:  # locked, or not readable: that says nothing about what is in it
        raise UserError(f"The index in {root} cannot be read now ({error}); try again.") from None
    except sqlite3.DatabaseError:
        return Examined(unnamed=tuple(lying.values()), index_damaged=True)
    damaged = []
    for place, (name, path) in enumerate(sorted(lying.items())):
        if name in named and not _is_whole(path, named[name] if checksums else ""):
            damaged.append(name)
        if progress and checksums:
            progress("checking embeddings", place + 1, len(lying))
    return Examined(
        missing=tuple(sorted(named.keys() - lying.keys())),
        damaged=tuple(damaged),
        unnamed=tuple(path for name, path in sorted(lying.items()) if name not in named),
    )


def forget(root: Path, names: Collection[str]) -> None:
    """Takes shards out of index and folder; their embeddings are computed again when somebody asks for them."""
    shards = Shards(root)
    for name in names:
        shards.drop(name)


def make_index(root: Path) -> None:
    """Makes a damaged index again from what the shards say of themselves."""
    Shards(root).make_index_again_if_damaged()


def _named(root: Path, thoroughly: bool) -> dict[str, str]:
    """{shard: its checksum}; raises sqlite3.DatabaseError where the index is no whole database.

    Thoroughly, every entry is compared with the order that it has to be in: one out of place is never found again.
    """
    if not (root / INDEX).is_file():
        return {}
    address = f"{(root / INDEX).absolute().as_uri()}?mode=ro"
    with closing(sqlite3.connect(address, uri=True, timeout=5)) as index:
        (said,) = index.execute(f"PRAGMA {'integrity_check' if thoroughly else 'quick_check'}(1)").fetchone()
        if said != "ok":
            raise sqlite3.DatabaseError(said)
        return dict(index.execute("SELECT file, sha256 FROM shards"))


def _is_whole(path: Path, sha256: str) -> bool:
    """Whether there is something in it, and, where a checksum is given, just that."""
    try:
        if not sha256:
            return path.stat().st_size > 0
        return content_hash(path) == sha256
    except OSError:
        return False
