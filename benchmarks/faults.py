"""Everything that disks, people and clocks do to a home folder: what the user is told, and whether all is well again.

In: nothing; kinds of faults may be named. Out: a line a fault with the sentence and what came of it.
`python -m benchmarks.faults` needs root for full and read-only disks, which it mounts in memory (Linux); elsewhere it
says which faults it left out.

Each fault meets a work of `kill_kinds` in a process of its own. Then the fault is mended, the work begins again, and
everything has to be equal to an undisturbed run.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import typer

from benchmarks import kills
from benchmarks.kill_kinds import KINDS, Kind, world
from retail.files.faults import sentence_of
from retail.schema import UserError

MIB = 2**20
NOBODY = 65534
Around = Callable[[Path], contextlib.AbstractContextManager[Callable[[], None]]]


@dataclass(frozen=True)
class Fault:
    """`around` makes the fault and, as it ends, mends it; it gives what the work's process does first."""

    name: str
    kind: str
    around: Around
    mended: bool = True  # whether the work has to end as if nothing had been once it is mended


@dataclass(frozen=True)
class Found:
    """What came of a fault; `problem` is "" where the user was told well, or need not be, and all was equal then."""

    fault: Fault
    said: str
    problem: str = ""


@contextlib.contextmanager
def disk(home: Path, room: int) -> Iterator[Callable[[], None]]:
    """The home on a disk of its own with so many bytes, which grows in the end."""
    kept = home.with_suffix(".kept")
    home.rename(kept)
    home.mkdir()
    mount("-t", "tmpfs", "-o", f"size={room}", "tmpfs", str(home))
    shutil.copytree(kept, home, dirs_exist_ok=True)
    try:
        yield lambda: None
    finally:
        shutil.rmtree(kept)
        shutil.copytree(home, kept)
        subprocess.run(["umount", str(home)], check=True)
        home.rmdir()
        kept.rename(home)


def full(share: float, kind: str) -> Around:
    """A disk that holds this share of what the work would write."""

    def around(home: Path) -> contextlib.AbstractContextManager[Callable[[], None]]:
        before = size_of(home)
        after = size_of(home.with_name(f"{kind}-whole"))
        return disk(home, int(before + 65_536 + share * (after - before)))

    return around


@contextlib.contextmanager
def read_only(home: Path) -> Iterator[Callable[[], None]]:
    """Nothing can be written, not even by root."""
    with disk(home, 512 * MIB):
        mount("-o", "remount,ro", str(home))
        yield lambda: None
        mount("-o", "remount,rw", str(home))


@contextlib.contextmanager
def forbidden(home: Path) -> Iterator[Callable[[], None]]:
    """The home belongs to somebody else."""
    for path in (home.parent, home):
        path.chmod(0o755)
    yield lambda: os.setuid(NOBODY)


def vanishing(place: Callable[[Path], Path], after: int) -> Around:
    """A folder is moved away in the midst of the work, and comes back."""

    @contextlib.contextmanager
    def around(home: Path) -> Iterator[Callable[[], None]]:
        folder = place(home)
        gone = folder.with_name(f"{folder.name}-gone")

        def begin() -> None:
            kills.Changes(after, lambda: folder.rename(gone))

        yield begin
        if gone.exists():
            shutil.rmtree(folder, ignore_errors=True)  # what the work has made there since
            gone.rename(folder)

    return around


def damaged(pattern: str, harm: Callable[[bytes], bytes]) -> Around:
    """A finished work whose files of this pattern were harmed; it begins again."""

    @contextlib.contextmanager
    def around(home: Path) -> Iterator[Callable[[], None]]:
        shutil.rmtree(home)
        shutil.copytree(home.with_name(f"{home.name}-whole"), home)
        harmed = [path for path in home.rglob(pattern) if path.is_file()]
        assert harmed, f"there is no {pattern}"
        for path in harmed:
            path.write_bytes(harm(path.read_bytes()))
        yield lambda: None

    return around


@contextlib.contextmanager
def clock_back(home: Path) -> Iterator[Callable[[], None]]:
    """Each minute the clock jumps back by a day."""
    now, asked = time.time, itertools.count()
    yield lambda: setattr(time, "time", lambda: now() - 86_400 * (next(asked) // 20))  # type: ignore[func-returns-value]


@contextlib.contextmanager
def little_memory(home: Path) -> Iterator[Callable[[], None]]:
    """Steps of more than 4 products do not fit."""

    def begin() -> None:
        from retail.training.step import Step

        forward = Step.forward

        def limited(self, rows, generator):  # type: ignore[no-untyped-def]
            if len(rows) > 4:
                raise MemoryError
            return forward(self, rows, generator)

        mock.patch.object(Step, "forward", limited).start()

    yield begin


def half(content: bytes) -> bytes:
    return content[: len(content) // 2]


def zeros(content: bytes) -> bytes:
    return bytes(len(content))


def flipped(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes(255 - one for one in content[middle : middle + 64]) + content[middle + 64 :]


HARMS = {"half": half, "zeros": zeros, "flipped": flipped}
WRITERS = ("embed", "train", "finetune", "predict", "enrol", "review", "export", "import", "history")
# What may be damaged, and the work that meets it.
FILES = {
    "shard": ("embed", "shards/*.safetensors"),
    "index": ("embed", "index.sqlite"),
    "status": ("embed", "status.json"),
    "record of a run": ("embed", "job.json"),
    "bundle's weights": ("train", "head.safetensors"),
    "bundle's record": ("train", "bundle.json"),
    "history": ("history", "runs.sqlite"),
    "graph": ("history", "*.onnx"),
    "graph's record": ("history", "graphs/*.json"),
    "table of answers": ("predict", "predictions.csv"),
}
# What holds what people said: it cannot be made again, so the user is told where it lies and what to do.
KEPT_FILES = {
    "catalogue's newest commit": ("enrol", "products.lance/_versions/*.manifest"),
    "corrections": ("review", "corrections.sqlite"),
    "review": ("review", "review.sqlite"),
}


def faults() -> list[Fault]:
    """All of them."""
    found = [
        Fault(f"disk full at {share:.0%}", kind, full(share, kind)) for kind in WRITERS for share in (0.1, 0.5, 0.9)
    ]
    for name, around in (("read-only home", read_only), ("home of somebody else", forbidden)):
        found += [Fault(name, kind, around) for kind in WRITERS]
    found += [Fault("home moved away", kind, vanishing(lambda home: home, 5)) for kind in WRITERS]
    found += [Fault("data moved away", kind, vanishing(lambda _: world() / "data", 9)) for kind in ("embed", "predict")]
    found += [Fault("data moved away", "finetune", vanishing(lambda _: world() / "data", 60))]
    found += [
        Fault(f"{name}: {harm}", kind, damaged(pattern, own))
        for name, (kind, pattern) in FILES.items()
        for harm, own in HARMS.items()
    ]
    found += [
        Fault(f"{name}: {harm}", kind, damaged(pattern, own), mended=False)
        for name, (kind, pattern) in KEPT_FILES.items()
        for harm, own in HARMS.items()
    ]
    found += [Fault("clock set back", kind, clock_back) for kind in ("enrol", "review", "history", "predict")]
    return [*found, Fault("little memory", "train", little_memory, mended=False)]


def meet(fault: Fault, expected: kills.Undisturbed, folder: Path) -> Found:
    """The work meets the fault, and begins again once it is mended."""
    kind, log = KINDS[fault.kind], folder / "log"
    home = kills.fresh(expected.home, folder / kind.name)
    try:
        with fault.around(home) as begin:
            log.write_bytes(b"")
            said = kills.done(home, lambda: met(kind, begin), log, found=folder / "found")
            said = said or told_in(log)
    except RuntimeError as error:
        return Found(fault, "", f"it hangs or crashes: {error}")
    if said.startswith("raw "):
        return Found(fault, said, "no sentence")
    if not fault.mended:
        return Found(fault, said, "")
    problem = kills.verdict(kind, home, log, set(), expected)
    half_written = [path.name for path in home.rglob("*.part")]
    return Found(fault, said, problem or (f"half written: {half_written[0]}" if half_written else ""))


def met(kind: Kind, begin: Callable[[], None]) -> str:
    """What the user reads; "" where the work ended as usual, or a command has said it in its log."""
    begin()
    try:
        kind.work(lambda told: None)
        return ""
    except typer.Exit:
        return ""
    except UserError as error:
        return str(error)
    except Exception as error:
        return sentence_of(error) or f"raw {type(error).__name__}: {' '.join(str(error).split())[:200]}"


def told_in(log: Path) -> str:
    """The last error or note of a command."""
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.startswith(("Error: ", "Note: "))]
    return lines[-1].partition(": ")[2] if lines else ""


def size_of(folder: Path) -> int:
    """In blocks, as a disk in memory counts."""
    return sum(-(-path.stat().st_size // 4096) * 4096 for path in folder.rglob("*") if not path.is_symlink())


def mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True, stderr=subprocess.DEVNULL)


def may_mount(folder: Path) -> bool:
    """Whether this machine lets us make disks."""
    try:
        with disk(folder, MIB):
            return True
    except (OSError, subprocess.CalledProcessError):
        return False


def meet_all(names: Sequence[str] = (), kinds: Sequence[str] = ()) -> Iterator[Found]:
    """The faults whose names begin so, of these kinds of work."""
    with tempfile.TemporaryDirectory(prefix="retail-faults-") as temporary:
        folder = kills.begin(Path(temporary))
        (folder / "probe").mkdir()
        disks = may_mount(folder / "probe")
        wanted = [one for one in faults() if one.name.startswith(tuple(names) or "") and one.kind in (kinds or KINDS)]
        for name in dict.fromkeys(one.kind for one in wanted):
            expected = kills.undisturbed(KINDS[name], folder)
            shutil.copytree(folder / name, folder / f"{name}-whole")
            for fault in (one for one in wanted if one.kind == name):
                if (
                    not disks
                    and fault.name.startswith(("disk", "read-only"))
                    or os.getuid()
                    and "somebody" in fault.name
                ):
                    yield Found(fault, "left out: this machine lets us make no disks and no other user")
                else:
                    yield meet(fault, expected, folder)


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="FAULT", help="how the names of faults begin; all if left out")
    parser.add_argument("--kinds", default="", help="of work, separated by commas")
    options = parser.parse_args()
    problems = count = 0
    for found in meet_all(options.names, list(filter(None, options.kinds.split(",")))):
        outcome = f"NOT WELL: {found.problem}" if found.problem else "well"
        print(
            f"{found.fault.name:<34}{found.fault.kind:<10}{outcome}\n    {found.said or '(nothing to say)'}", flush=True
        )
        problems, count = problems + bool(found.problem), count + 1
    print(f"{count} faults, {problems} not well")
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
