"""Kills processes that write a home folder, cleans up, and looks whether anything that was kept is lost.

    python -m benchmarks.health --kills 1000

In: how many kills. Out: what they left behind, what cleaning and repairing took away, and what is missing of all that a
writer had said was kept. On systems that fork.
"""

from __future__ import annotations

import argparse
import io
import json
import multiprocessing
import os
import random
import tempfile
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from retail.dataset.places.archive import unpack
from retail.files import home, whole_file
from retail.store import EmbeddingStore
from retail.workspace import bulk, health, jobs
from retail.workspace.records import JobRecord, Status

LONG_AGO_SECONDS = 7200.0
MOST_SECONDS = 0.15  # until a writer is killed


@dataclass(frozen=True)
class Tally:
    """What came of it."""

    kills: int
    kept: int  # writes that had ended before
    left_behind: int  # files and folders that nobody finished or named
    lost: int  # kept ones that were gone afterwards
    is_sound: bool


def kill_and_clean(kills: int, seed: int = 0) -> Tally:
    """In the home folder as it is set; nobody else may write there."""
    draw, kept = random.Random(seed), list[tuple[str, str]]()
    EmbeddingStore()
    for number in range(kills):
        kept += _killed(number, draw.uniform(0.001, MOST_SECONDS))
    for path in (*home().rglob("*"), home()):
        os.utime(path, (time.time() - LONG_AGO_SECONDS,) * 2, follow_symlinks=False)
    found = health.examine(checksums=True)
    health.mend([*found.repairs, *found.cleanings])
    lost = [one for one in kept if not _is_there(*one)]
    left = sum(len(finding.paths) for finding in found.cleanings)
    return Tally(kills, len(kept), left, len(lost), health.examine(checksums=True).is_sound)


def _killed(number: int, seconds: float) -> list[tuple[str, str]]:
    """Lets one process write until it is killed; what it said was kept."""
    reads, writes = os.pipe()
    writer = multiprocessing.get_context("fork").Process(target=_write_on, args=(number, writes))
    writer.start()
    os.close(writes)
    time.sleep(seconds)
    writer.kill()
    writer.join()
    with os.fdopen(reads) as stream:
        return [(kind, name) for kind, _, name in (line.strip().partition(" ") for line in stream) if name]


def _write_on(number: int, told: int) -> None:
    kinds, step = list(WRITERS.items()), 0
    while True:
        kind, write = kinds[(number + step) % len(kinds)]
        name = f"{number}-{step}"
        write(name)
        os.write(told, f"{kind} {name}\n".encode())
        step += 1


def _embed(name: str) -> None:
    EmbeddingStore()._write("encoder", {f"{name}-{row}": torch.ones(256) for row in range(64)})


def _score(name: str) -> None:
    with whole_file(home() / "scores" / f"{name}.json") as partial:
        partial.write_text(json.dumps([name] * 5_000), encoding="utf-8")


def _upload(name: str) -> None:
    bulk.keep_uploads([(f"{name}-{place}.jpg", io.BytesIO(os.urandom(50_000))) for place in range(8)])


def _unpack(name: str) -> None:
    archive = home() / "data" / f"{name}.zip"
    with whole_file(archive) as partial, zipfile.ZipFile(partial, "w") as packed:
        for place in range(40):
            packed.writestr(f"{name}-{place}.txt", os.urandom(5_000))
    unpack(archive)


def _run(name: str) -> None:
    folder = jobs.runs_folder() / name
    folder.mkdir(parents=True)
    JobRecord(title=name, started=1.0).write(folder / jobs.RECORD)
    Status(state="done").write(folder / jobs.STATUS)


WRITERS: dict[str, Callable[[str], None]] = {
    "embeddings": _embed,
    "score": _score,
    "upload": _upload,
    "zip": _unpack,
    "run": _run,
}


def _is_there(kind: str, name: str) -> bool:
    if kind == "embeddings":
        return len(EmbeddingStore()._read("encoder", [f"{name}-{row}" for row in range(64)])) == 64
    if kind == "score":
        return json.loads((home() / "scores" / f"{name}.json").read_text(encoding="utf-8"))[0] == name
    if kind == "upload":
        return any(bulk.uploads_folder().glob(f"*/{bulk.UPLOAD}/{name}-7.jpg"))
    if kind == "zip":
        return len(list(unpack(home() / "data" / f"{name}.zip")[0].iterdir())) == 40
    job = jobs.find(name)
    return job is not None and jobs.status(job).state == "done"


def main() -> None:
    """Into a home folder of its own."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["RETAIL_HOME"] = str(Path(folder) / "home")
        found = kill_and_clean(asked.kills, asked.seed)
    print(
        f"{found.kills:,} kills, {found.kept:,} writes kept before them; {found.left_behind:,} files or folders left "
        f"behind, all taken away: {'yes' if found.is_sound else 'no'}; lost of what was kept: {found.lost}"
    )


if __name__ == "__main__":
    main()
