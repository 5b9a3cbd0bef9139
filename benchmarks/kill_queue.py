"""The queue of runs under kills: the process that works it off, and those of the runs, are killed at random moments.

In: a folder. Out: a function that kills once and says what came of it. Processes are real ones, of a few lines each.
"""

from __future__ import annotations

import os
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from retail.workspace import jobs, processes

NAME = "queue"
RUNS = 3
WORK_SECONDS, END_SECONDS = 0.15, 60.0
TURN = """
import os, sys, time
me, log, seconds = sys.argv[1:]
with open(log, "a") as file: file.write("begin " + me + "\\n")
time.sleep(float(seconds))
with open(me + "/half", "w") as file: file.write('{"state": "done"}')
os.replace(me + "/half", me + "/status.json")
with open(log, "a") as file: file.write("end " + me + "\\n")
"""


def killer(folder: Path, seed: int) -> Callable[[int], Any]:
    """Kills once: the queue's own process, or that of the run at work."""
    from benchmarks.kills import Kill

    def kill(number: int) -> Kill | None:
        chance, started = random.Random(f"{seed} {NAME} {number}"), time.monotonic()
        home = folder / f"queue-{number}"
        home.mkdir()
        os.environ["RETAIL_HOME"] = str(home)
        log = home / "order"
        queued = [queue_one(log, f"run {place}") for place in range(RUNS)]
        moment, which = chance.uniform(0, 3 * WORK_SECONDS + 1.0), chance.choice(("worker", "run"))
        time.sleep(moment)
        victim = workers(home) if which == "worker" else at_work(queued)
        if not victim:
            await_end(queued)
            return None
        victim[0].kill()
        problem = await_end(queued) or order_of(log, queued, which)
        at = f"{which} after {moment:.2f} s"
        return Kill(NAME, number, seed, at, round(time.monotonic() - started, 2), problem)

    return kill


def queue_one(log: Path, title: str) -> jobs.Job:
    """A run that takes a moment."""
    job = jobs.new_job()
    command = [sys.executable, "-S", "-c", TURN, str(job.folder), str(log), str(WORK_SECONDS)]
    return jobs.enqueue(command, title, job)


def workers(home: Path) -> list[psutil.Process]:
    """The process that works off the queue of this home."""
    return [one for one in psutil.process_iter(["cmdline"]) if is_worker(one, home)]


def is_worker(process: psutil.Process, home: Path) -> bool:
    try:
        ours = process.info["cmdline"] and process.info["cmdline"][-1:] == ["retail.workspace.queue"]
        return bool(ours) and process.environ().get("RETAIL_HOME") == str(home) and process.status() != "zombie"
    except psutil.Error:
        return False


def at_work(queued: list[jobs.Job]) -> list[psutil.Process]:
    """The processes of runs."""
    return [psutil.Process(job.record.process.pid) for job in queued if processes.lives(job.record.process)]


def await_end(queued: list[jobs.Job]) -> str:
    """Looks on as a page does, which starts the queue again; what is left in the end."""
    deadline = time.monotonic() + END_SECONDS
    while unfinished := [job for job in queued if jobs.status(job).state in jobs.UNFINISHED]:
        if time.monotonic() > deadline:
            return f"not ended: {[jobs.status(job).state for job in unfinished]}"
        jobs.advance()
        collect()
        time.sleep(0.05)
    while workers(Path(os.environ["RETAIL_HOME"])) and time.monotonic() < deadline:
        collect()
        time.sleep(0.02)
    if marked := [one for job in queued for one in processes.marked(str(job.folder))]:
        return f"still at work: {marked}"
    return "the queue is still locked" if jobs.waiting() else ""


def collect() -> None:
    """Children of this process that ended stay until somebody asks."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def order_of(log: Path, queued: list[jobs.Job], which: str) -> str:
    """Each run began once, none beside another, and ended as it says; only the killed one may have failed."""
    lines = [line.split() for line in log.read_text().splitlines()]
    begun = [folder for word, folder in lines if word == "begin"]
    if sorted(begun) != sorted(str(job.folder) for job in queued):
        return f"begun {len(begun)} times"
    at = ""
    for word, folder in lines:
        if word == "begin":
            if at and jobs.status(jobs.find(Path(at).name)).state == "done":  # type: ignore[arg-type]
                return "two runs beside each other"
            at = folder
        elif folder == at:
            at = ""
    states = [jobs.status(job).state for job in queued]
    if states.count("failed") > (which == "run") or set(states) - {"done", "failed"}:
        return f"ended as {states}"
    told = {folder for word, folder in lines if word == "end"}
    lost = [job for job in queued if str(job.folder) in told and jobs.status(job).state != "done"]
    return "a finished run is not told as done" if lost else ""
