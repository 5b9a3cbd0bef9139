"""Processes that try inputs and may die of them: one that hangs or ends is replaced, and its input is a finding.

In: targets, how many inputs each, a folder. Out: `Figures` by target in the folder, from which the next call goes on.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from benchmarks.fuzzing import target_named
from benchmarks.fuzzing.attempts import Outcome, attempt, input_of, last_input
from retail.files import whole_file
from retail.system import limit_memory

BLOCK = 250  # inputs between two messages
MOST_ALIKE = 3  # findings of one kind that are kept of a block
STUCK_SECONDS = 120.0  # by the clock, for one input
START_SECONDS = 1200.0  # to import every reader, on a busy machine too
MEMORY_BYTES = 6 * 2**30


@dataclass
class Figures:
    """Of one target and seed; inputs 0 to `inputs` - 1 were tried."""

    inputs: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0  # of the processor
    slowest: float = 0.0
    largest_mib: int = 0  # by which one input made the process grow

    def add(self, outcome: Outcome) -> None:
        """Counts one input."""
        self.inputs += 1
        self.kinds[outcome.kind] += 1
        self.seconds += outcome.seconds
        self.slowest = max(self.slowest, outcome.seconds)
        self.largest_mib = max(self.largest_mib, outcome.mib)

    def join(self, other: Figures) -> None:
        """Counts what others were tried."""
        self.inputs += other.inputs
        self.kinds += other.kinds
        self.seconds += other.seconds
        self.slowest = max(self.slowest, other.slowest)
        self.largest_mib = max(self.largest_mib, other.largest_mib)

    @property
    def findings(self) -> dict[str, int]:
        """What is neither a value nor a refusal, nor lost with a process that died."""
        return {kind: count for kind, count in self.kinds.items() if kind not in ("value", "refused", "uncounted")}


def run(
    names: Sequence[str], inputs: int, seed: int, workers: int, folder: Path, until: float, say: Callable[[str], None]
) -> dict[str, Figures]:
    """Tries inputs of each target until there are so many, or until the time comes; what was tried before counts."""
    context = multiprocessing.get_context("spawn")
    crews = [_Worker(context, seed, folder) for _ in range(workers)]
    try:
        return {name: _run_one(name, inputs, seed, crews, folder, until, say) for name in names}
    finally:
        for worker in crews:
            worker.end()


def _run_one(
    name: str, inputs: int, seed: int, crew: list[_Worker], folder: Path, until: float, say: Callable[[str], None]
) -> Figures:
    place = folder / name / f"figures-{seed}.json"
    figures = read_figures(place)
    waiting = [(start, min(start + BLOCK, inputs)) for start in range(figures.inputs, inputs, BLOCK)][::-1]
    done: dict[int, Figures] = {}
    while True:
        for worker in crew:
            if worker.block is None and waiting and time.monotonic() < until:
                worker.give(name, *waiting.pop())
        busy = [worker for worker in crew if worker.block is not None]
        if not busy:
            return figures
        wait([worker.connection for worker in busy], timeout=1.0)
        for worker in busy:
            if finished := worker.finished(say):
                done[finished[0]] = finished[1]
        while figures.inputs in done:  # in order, so that the next call knows where to go on
            figures.join(done.pop(figures.inputs))
        if done or figures.inputs:
            _write_figures(place, figures)


def read_figures(place: Path) -> Figures:
    """What was counted before; nothing where there is no such file."""
    if not place.is_file():
        return Figures()
    said: dict[str, Any] = json.loads(place.read_text(encoding="utf-8"))
    return Figures(**(said | {"kinds": Counter(said["kinds"])}))


def _write_figures(place: Path, figures: Figures) -> None:
    with whole_file(place) as partial:
        partial.write_text(json.dumps(vars(figures), indent=1), encoding="utf-8")


class _Worker:
    """One process, and the block of inputs that it is trying."""

    def __init__(self, context: Any, seed: int, folder: Path) -> None:
        self._context, self._seed, self._folder = context, seed, folder
        self.block: tuple[str, int, int] | None = None
        self._begin()

    def _begin(self) -> None:
        self._current = self._context.Value("q", -1)
        self.connection, theirs = self._context.Pipe()
        arguments = (theirs, self._current, self._seed, self._folder)
        self._process = self._context.Process(target=_work, args=arguments, daemon=True)
        self._process.start()
        theirs.close()
        self._watched = (-2, time.monotonic())

    def give(self, name: str, start: int, stop: int) -> None:
        """Has it try these inputs."""
        self.block = (name, start, stop)
        self._watched = (-2, time.monotonic())
        self.connection.send((name, start, stop))

    def finished(self, say: Callable[[str], None]) -> tuple[int, Figures] | None:
        """The first input and the figures of a block that is done; a dead or stuck process is replaced meanwhile."""
        assert self.block is not None
        name, start, stop = self.block
        try:
            while self.connection.poll():
                kind, told = self.connection.recv()
                if kind == "finding":
                    say(told)
                else:
                    self.block = None
                    return start, told
        except (EOFError, OSError):
            pass
        if self._process.is_alive() and not self._is_stuck():
            return None
        how = f"stuck for {STUCK_SECONDS:g} s" if self._process.is_alive() else f"died ({self._process.exitcode})"
        number = max(self._current.value, start)
        self._process.kill()
        self._process.join()
        target = target_named(name)
        say(_keep(self._folder, name, self._seed, number, how, "", input_of(target, name, self._seed, number)))
        counted = Figures(number + 1 - start, Counter({how: 1, "uncounted": number - start}))
        self._begin()
        if number + 1 < stop:
            self.block = (name, start, stop)
            self._watched = (-2, time.monotonic())
            self.connection.send((name, number + 1, stop, counted))
            return None
        self.block = None
        return start, counted

    def _is_stuck(self) -> bool:
        number, since = self._watched
        if self._current.value != number:
            self._watched = (self._current.value, time.monotonic())
            return False
        return time.monotonic() - since > (STUCK_SECONDS if number >= 0 else START_SECONDS)

    def end(self) -> None:
        """Ends the process."""
        self.connection.close()
        self._process.kill()
        self._process.join()


def _work(connection: Connection, current: Any, seed: int, folder: Path) -> None:
    """Tries blocks of inputs in a home of its own until nobody gives it any."""
    limit_memory(MEMORY_BYTES)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # decoders written in C complain there
    with tempfile.TemporaryDirectory(prefix="retail-fuzz-") as home:
        os.environ["RETAIL_HOME"] = home
        while True:
            try:
                name, start, stop, *before = connection.recv()
            except EOFError:
                return
            figures, target = before[0] if before else Figures(), target_named(name)
            input_of(target, name, seed, start)  # makes the seeds, which is no input's time
            for number in range(start, stop):
                current.value = number
                outcome = attempt(target, name, seed, number)
                figures.add(outcome)
                if outcome.is_finding and figures.kinds[outcome.kind] <= MOST_ALIKE:
                    told = _keep(folder, name, seed, number, outcome.kind, outcome.said, last_input())
                    connection.send(("finding", told))
            connection.send(("done", figures))


def _keep(folder: Path, name: str, seed: int, number: int, kind: str, said: str, content: bytes) -> str:
    """Writes an input and what came of it; one line about both."""
    place = folder / name / f"{seed}-{number}"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.with_suffix(".bin").write_bytes(content)
    place.with_suffix(".txt").write_text(f"{kind}\n\n{said}\n", encoding="utf-8", errors="replace")
    last = said.strip().splitlines()[-1][:200] if said.strip() else ""
    return f"{name} {number}: {kind}: {last} ({place.with_suffix('.bin')})"
