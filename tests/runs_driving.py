"""Driving runs in tests: processes that start in milliseconds and do as they are told, and waiting for them."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

from retail.workspace import jobs

# Says a line in a file, keeps a status, and waits until a file exists.
WORDS = """
import os, signal, subprocess, sys, time
def note(path, line):
    with open(path, "a") as file: file.write(line + "\\n")
def status(folder, text):
    with open(folder + "/half", "w") as file: file.write(text)
    os.replace(folder + "/half", folder + "/status.json")
def wait(path):
    while not os.path.exists(path): time.sleep(0.01)
me, log, *more = sys.argv[1:]
"""


def python(code: str, *arguments: object) -> list[str]:
    """A command that runs this code; it knows WORDS, `me`, `log` and `more`."""
    return [sys.executable, "-S", "-c", WORDS + code, *map(str, arguments)]


def queued(code: str, title: str = "a run", *more: object) -> jobs.Job:
    """Queues it; `me` is its folder, `log` a file beside the runs."""
    job = jobs.new_job()
    return jobs.enqueue(python(code, job.folder, log_file(), *more), title, job)


def started(code: str, title: str = "a run") -> jobs.Job:
    """Starts it past the queue."""
    job = jobs.new_job()
    jobs.start_command(python(code, job.folder, log_file()), job, title)
    return job


def log_file() -> Path:
    return jobs.runs_folder() / "order"


def noted() -> list[str]:
    """What runs have noted in `log`."""
    return log_file().read_text().split() if log_file().exists() else []


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "it did not happen within 60 s"
        time.sleep(0.01)
