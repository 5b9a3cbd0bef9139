"""Work killed at random moments and begun again: does it end, is nothing lost, is all as if nobody had killed it?

In: kinds of work, all of them if none is named. Out: a table, and a line of JSON a kill in `--record`, with which a
stopped benchmark goes on. `python -m benchmarks.kills --kills 100` kills each kind a hundred times.

Half of the kills come at a random time, half just before a random file is opened to be written, renamed or removed.
One process has loaded the libraries and forks the others, so that a kill costs what the work does. After each: the next
start ends by itself; what was acknowledged is there; everything is equal to an undisturbed run; nothing half written,
no process and no held lock is left. `queue` kills processes of the queue and of its runs, which are real ones.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import json
import os
import pickle
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil
import torch
from filelock import FileLock, Timeout

from benchmarks import kill_kinds, kill_queue
from benchmarks.kill_kinds import KINDS, Kind

START_SECONDS = 1800.0  # within which the next start has to end, on a very busy machine too
LEFT_SECONDS = 15.0  # within which helpers notice that their process is gone
CHANGES = ("os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.link", "sqlite3.connect")
WRITING = os.O_WRONLY | os.O_RDWR


@dataclass(frozen=True)
class Kill:
    """One kill and what came of it; `problem` is "" where all held."""

    kind: str
    number: int
    seed: int
    at: str
    seconds: float
    problem: str = ""


@dataclass
class Undisturbed:
    """What the work makes when nobody kills it, how long it takes, and how many files it changes."""

    home: Path
    kept: Any
    seconds: float
    changes: int


class Changes:
    """Counts what this process does to files below its home; kills it, or else acts, before the one that was chosen."""

    def __init__(self, fatal: int = 0, act: Callable[[], object] | None = None) -> None:
        self.fatal, self.count, self.process = fatal, 0, os.getpid()
        self.act = act or (lambda: os.kill(os.getpid(), signal.SIGKILL))
        self.home = os.environ["RETAIL_HOME"]
        sys.addaudithook(self)

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        opened = event == "open" and isinstance(arguments[2], int) and arguments[2] & WRITING
        if not (opened or event in CHANGES) or not arguments or os.getpid() != self.process:
            return
        if not str(arguments[0]).startswith(self.home):
            return
        self.count += 1
        if self.count == self.fatal:
            self.act()


def forked(home: Path, work: Callable[[], Any], log: Path, into: Path | None = None) -> int:
    """A process of its own group that works in this home and leaves what it finds beside it."""
    if process := os.fork():
        return process
    try:
        os.setsid()
        os.environ["RETAIL_HOME"] = str(home)
        with log.open("ab") as stream:
            os.dup2(stream.fileno(), 1)
            os.dup2(stream.fileno(), 2)
        kill_kinds.small_steps()
        with (into or home.with_suffix(".found")).open("wb") as result:  # before the work may lose the right to
            pickle.dump(work(), result)
        os._exit(0)
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)


def ended(process: int, seconds: float) -> bool:
    """Whether it ended by itself and well within the time; else it is killed."""
    deadline, pause = time.monotonic() + seconds, 0.002
    while time.monotonic() < deadline:
        done, status = os.waitpid(process, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status) == 0
        time.sleep(pause)
        pause = min(0.1, 1.2 * pause)  # looking costs more than the work where many work
    os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)
    return False


def done(home: Path, work: Callable[[], Any], log: Path, found: Path | None = None) -> Any:
    """What work in a process finds; raises RuntimeError with its last words where it does not end well."""
    if not ended(forked(home, work, log, found), START_SECONDS):
        raise RuntimeError("; ".join(log.read_text(errors="replace").strip().splitlines()[-3:]) or "it hangs")
    return pickle.loads((found or home.with_suffix(".found")).read_bytes())


def undisturbed(kind: Kind, folder: Path) -> Undisturbed:
    """Twice, for what differs by itself can tell nothing."""
    before = folder / f"{kind.name}-before"
    before.mkdir(exist_ok=True)
    done(before, kind.before, folder / "log")

    def measured() -> tuple[set[str], float, int]:
        changes, started = Changes(), time.monotonic()
        kind.work(lambda told: None)
        return set(sys.modules), time.monotonic() - started, changes.count

    found = []
    for _ in range(2):
        own = fresh(before, folder / kind.name)
        loaded, seconds, changes = done(own, measured, folder / "log")
        found.append((done(own, kind.kept, folder / "log"), seconds, changes))
        load(loaded)
    if difference := differs(found[0][0], found[1][0]):
        raise RuntimeError(f"{kind.name} is not the same twice: {difference}")
    return Undisturbed(before, *found[1])


def load(names: set[str]) -> None:
    """What the work has imported, so that the processes to come need not."""
    for name in sorted(names - set(sys.modules)):
        with contextlib.suppress(Exception):  # a part of a package that is only there once something was done
            importlib.import_module(name)


def fresh(before: Path, home: Path) -> Path:
    """The home as it is at the start."""
    shutil.rmtree(home, ignore_errors=True)
    shutil.copytree(before, home)
    return home


def kill(kind: Kind, number: int, seed: int, expected: Undisturbed, folder: Path) -> Kill | None:
    """One kill; None where the work was done before it."""
    chance = random.Random(f"{seed} {kind.name} {number}")
    home, log, told = fresh(expected.home, folder / kind.name), folder / f"{kind.name}.log", folder / "told"
    log.write_bytes(b"")
    told.write_bytes(b"")
    moment, fatal = chance.uniform(0, expected.seconds), chance.randint(1, max(1, expected.changes))
    timed = number % 2 == 0 or not expected.changes

    def victim() -> None:
        if not timed:
            Changes(fatal)
        with told.open("a", buffering=1) as stream:
            kind.work(lambda one: print(one, file=stream))

    started = time.monotonic()
    process = forked(home, victim, log)
    if timed:
        time.sleep(moment)
        os.kill(process, signal.SIGKILL)
    _, status = os.waitpid(process, 0)
    if os.waitstatus_to_exitcode(status) != -signal.SIGKILL:
        if os.waitstatus_to_exitcode(status):
            raise RuntimeError(f"{kind.name} failed by itself: {log.read_text(errors='replace')[-2000:]}")
        return None
    at = f"{moment:.3f} s" if timed else f"change {fatal}"
    problem = verdict(kind, home, log, set(told.read_text().split("\n")) - {""}, expected)
    problem = problem or left(home, process)
    return Kill(kind.name, number, seed, at, round(time.monotonic() - started, 2), problem)


def verdict(kind: Kind, home: Path, log: Path, told: set[str], expected: Undisturbed) -> str:
    """Begins again; what is wrong then, "" for nothing."""

    def again() -> tuple[set[str], Any]:
        held = kind.holds() if told else set()
        kind.work(lambda one: None)
        return held, kind.kept()

    try:
        held, kept = done(home, again, log)
    except RuntimeError as error:
        return f"the next start does not end: {error}"
    if told - held:
        return f"acknowledged and lost: {sorted(told - held)}"
    difference = differs(expected.kept, kept)
    return f"not as if undisturbed: {difference}" if difference else ""


def differs(one: Any, other: Any, place: str = "") -> str:
    """Where two outcomes part, "" where they are equal; numbers may differ in the fifth digit."""
    if isinstance(one, dict) and isinstance(other, dict):
        if one.keys() != other.keys():
            return f"{place}: {sorted(map(str, one.keys() ^ other.keys()))[:3]}"
        return next((found for key in one if (found := differs(one[key], other[key], f"{place}/{key}"))), "")
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        pairs = enumerate(zip(one, other, strict=True))
        return next((found for at, pair in pairs if (found := differs(*pair, f"{place}/{at}"))), "")
    if isinstance(one, float) and isinstance(other, float):
        return "" if abs(one - other) <= 1e-4 * max(1.0, abs(one)) else f"{place}: {one} and {other}"
    return "" if one == other else f"{place}: {str(one)[:60]} and {str(other)[:60]}"


def left(home: Path, session: int) -> str:
    """What the killed process left behind: half-written files, processes, locks."""
    if half := [path for path in home.rglob("*.part") if path.exists()]:
        return f"half written: {half[0].relative_to(home)}"
    for path in home.rglob("*.lock"):
        try:
            FileLock(path).acquire(blocking=False).lock.release()
        except Timeout:
            return f"held: {path.relative_to(home)}"
    deadline = time.monotonic() + LEFT_SECONDS
    while living := [one for one in psutil.process_iter() if in_session(one, session)]:
        if time.monotonic() > deadline:
            for one in living:
                one.kill()
            return f"still at work: {living}"
        time.sleep(0.05)
    return ""


def in_session(process: psutil.Process, session: int) -> bool:
    try:
        return os.getsid(process.pid) == session and process.status() != psutil.STATUS_ZOMBIE
    except (OSError, psutil.Error):
        return False


def kill_all(kinds: Sequence[str], kills: int, seed: int, record: Path | None = None) -> list[Kill]:
    """So many kills of each kind, those of earlier calls with the same record counted."""
    known = [Kill(**json.loads(line)) for line in record.read_text().splitlines()] if record and record.exists() else []
    with tempfile.TemporaryDirectory(prefix="retail-kills-") as temporary:
        folder = begin(Path(temporary))
        for name in kinds:
            earlier = [one for one in known if one.kind == name and one.seed == seed]
            number = max((one.number for one in earlier), default=-1) + 1
            wanted = kills - len(earlier)
            if wanted <= 0:
                continue
            once = kill_queue.killer(folder, seed) if name == kill_queue.NAME else _killer(name, seed, folder)
            while wanted > 0:
                if found := once(number):
                    known.append(found)
                    wanted -= 1
                    if record:
                        with record.open("a") as stream:
                            print(json.dumps(asdict(found)), file=stream)
                number += 1
    return [one for one in known if one.kind in kinds and one.seed == seed]


def begin(folder: Path) -> Path:
    """A world in this folder, and this process ready to fork."""
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore", message="lancedb fork support")  # nothing of it was under way
    os.environ |= {"OMP_NUM_THREADS": "1", "RETAIL_RUNTIME": "pytorch", "KILLS_WORLD": str(folder)}
    done(folder / "world", lambda: kill_kinds.make_world(folder), folder / "log")
    kill_kinds.hold_encoders()
    done(folder / "packed", lambda: kill_kinds.pack_world(folder), folder / "log")
    return folder


def _killer(name: str, seed: int, folder: Path) -> Callable[[int], Kill | None]:
    expected = undisturbed(KINDS[name], folder)
    return lambda number: kill(KINDS[name], number, seed, expected, folder)


def table(found: Sequence[Kill]) -> str:
    """A line a kind."""
    lines = [f"{'kind':<10}{'kills':>7}{'problems':>10}{'seconds each':>14}"]
    for name in dict.fromkeys(one.kind for one in found):
        own = [one for one in found if one.kind == name]
        wrong = sum(bool(one.problem) for one in own)
        lines.append(f"{name:<10}{len(own):>7}{wrong:>10}{sum(one.seconds for one in own) / len(own):>14.2f}")
    lines.append(f"{'all':<10}{len(found):>7}{sum(bool(one.problem) for one in found):>10}")
    return "\n".join(lines + [f"{one.kind} {one.number} at {one.at}: {one.problem}" for one in found if one.problem])


def main() -> None:
    """Reads the command line."""
    names = [*KINDS, kill_queue.NAME]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=f"of {', '.join(names)}; all if left out")
    parser.add_argument("--kills", type=int, default=20, help="of each kind")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--record", type=Path, help="a file that a stopped benchmark goes on with")
    options = parser.parse_args()
    if unknown := [name for name in options.kinds if name not in names]:
        parser.error(f"unknown kind {unknown[0]!r}")
    found = kill_all(options.kinds or names, options.kills, options.seed, options.record)
    print(table(found))
    sys.exit(any(one.problem for one in found))


if __name__ == "__main__":
    main()
