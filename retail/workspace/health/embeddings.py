"""The store of embeddings: shards and index that do not fit each other.

In: the store of the home folder. Out: findings; what is missing or damaged is computed again when it is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from retail.files import home
from retail.schema import Progress, UserError
from retail.wording import number_of
from retail.workspace.health.finding import Finding, rests, size_of
from retail.workspace.health.taking_away import taking_away


def embeddings(checksums: bool = False, progress: Progress | None = None) -> Iterator[Finding]:
    """With `checksums` every shard is read, else their names alone are compared."""
    root = home() / "embeddings"
    if not root.is_dir():
        return
    from retail.store import upkeep  # brings PyTorch

    try:
        found = upkeep.examined(root, checksums, progress)
    except UserError as error:
        yield Finding("damaged", str(error))
        return
    if found.index_damaged:
        index = list(root.glob(f"{upkeep.INDEX}*"))
        words = "The index of embeddings is damaged; it is made again from the files that it names."
        yield Finding("damaged", words, tuple(index), 0, lambda: upkeep.make_index(root))
    broken = [*found.missing, *found.damaged]
    if broken:
        words = number_of(len(broken), "file of embeddings is", "files of embeddings are")
        paths = [root / upkeep.SHARDS / name for name in broken]
        yield Finding(
            "damaged",
            f"{words} missing or damaged; what stood there is computed again when it is needed.",
            tuple(paths),
            size_of(paths),
            lambda: upkeep.forget(root, broken),
        )
    yield from _unnamed([path for path in found.unnamed if rests(path)])


def _unnamed(paths: list[Path]) -> Iterator[Finding]:
    if paths:
        words = number_of(
            len(paths), "file of embeddings that no index names.", "files of embeddings that no index names."
        )
        yield Finding("left over", words, tuple(paths), size_of(paths), taking_away(paths))
