"""What nobody asked for in a long time, or nobody can ask for any more.

In: the home folder. Out: findings. What is unused can be made again from what made it; what is left over belonged to
something that was deleted.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path

from retail.files import home
from retail.review.examples import kept_folder
from retail.review.record import Correction
from retail.wording import number_of
from retail.workspace import bulk
from retail.workspace.health.finding import AT_REST_SECONDS, Finding, Kind, rests, size_of
from retail.workspace.health.taking_away import taking_away

DAY_SECONDS = 86_400.0
UNUSED_DAYS = 90  # of graphs: some seconds make one again
UNPACKED_DAYS = 30  # of ZIPs: the ZIP itself is still there
UPLOAD_DAYS = 1  # until an upload that no run names is nobody's: somebody may be about to start one


def unused_graphs() -> Iterator[Finding]:
    """Graphs of encoders that nobody loaded for long, or that another version of ONNX Runtime left."""
    folder = home() / "graphs"
    if not (found := sorted(folder.glob("*.onnx"))):
        return
    from retail.inference.kept import is_kept  # brings PyTorch

    old = [path for path in found if rests(path, UNUSED_DAYS * DAY_SECONDS)]
    foreign = [path for path in found if path not in old and rests(path) and not is_kept(path.stem)]
    one, many = "graph of an encoder", "graphs of encoders"
    rest = f"not used for {UNUSED_DAYS} days; it takes seconds to make one again."
    yield from _listed("unused", old, UNUSED_DAYS * DAY_SECONDS, f"{one} was", f"{many} were", rest)
    rest = "no installed version of ONNX Runtime, so nobody loads them."
    yield from _listed("left over", foreign, AT_REST_SECONDS, f"{one} fits", f"{many} fit", rest)


def unused_unpacked() -> Iterator[Finding]:
    """Unpacked ZIPs; a ZIP is unpacked again when somebody reads it."""
    found = [path for path in _inside(home() / "unpacked") if not path.name.startswith("part-")]
    found = [path for path in found if rests(path, UNPACKED_DAYS * DAY_SECONDS)]
    rest = f"not read for {UNPACKED_DAYS} days; whoever reads the ZIP unpacks it again."
    yield from _listed("unused", found, UNPACKED_DAYS * DAY_SECONDS, "unpacked ZIP was", "unpacked ZIPs were", rest)


def uploads_without_a_run() -> Iterator[Finding]:
    """Uploads for many products whose runs were deleted."""
    wanted = bulk.wanted_uploads()
    found = [path for path in _inside(bulk.uploads_folder()) if path not in wanted]
    found = [path for path in found if rests(path, UPLOAD_DAYS * DAY_SECONDS)]
    yield from _listed("left over", found, UPLOAD_DAYS * DAY_SECONDS, "upload belongs", "uploads belong", "to no run.")


def examples_without_a_correction() -> Iterator[Finding]:
    """Files that were copied for a correction that was never kept."""
    try:
        named = _named_examples()
    except (sqlite3.DatabaseError, ValueError):  # said elsewhere; until it is mended nobody knows
        return
    found = [path for path in _inside(kept_folder()) if path.name not in named and rests(path)]
    yield from _listed("left over", found, AT_REST_SECONDS, "file belongs", "files belong", "to no correction.")


def _listed(kind: Kind, paths: list[Path], seconds: float, one: str, many: str, rest: str) -> Iterator[Finding]:
    if paths:
        words = f"{number_of(len(paths), one, many)} {rest}"
        records = [path.with_suffix(".json") for path in paths if path.suffix == ".onnx"]
        yield Finding(kind, words, tuple(paths), size_of(paths), taking_away([*paths, *records], seconds))


def _inside(folder: Path) -> Iterable[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else ()


def _named_examples() -> set[str]:
    base = home() / "corrections" / "corrections.sqlite"
    if not base.is_file():
        return set()
    with closing(sqlite3.connect(f"{base.absolute().as_uri()}?mode=ro", uri=True, timeout=5)) as opened:
        rows = opened.execute("SELECT content FROM corrections").fetchall()
    return {file.name for (content,) in rows for file in Correction.model_validate_json(content).example.files}
