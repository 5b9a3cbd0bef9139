"""The processes of runs: start one, ask whether it lives, end it with all that it started.

In: commands, `ProcessRecord`s and a mark. Out: processes. Each process of a run inherits the run's mark in its
environment, so that helpers are found even when the process that started them is gone.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Collection, Sequence
from pathlib import Path

import psutil

from retail import system
from retail.files import ROOT
from retail.workspace.records import ProcessRecord

MARK = "RETAIL_JOB"
GRACE_SECONDS = 2.0  # to end by itself before it is killed
POLL_SECONDS = 0.02


def launch(command: Sequence[str], log: Path, mark: str = "") -> subprocess.Popen[bytes]:
    """Starts a command that outlives us; raises FileNotFoundError when the log's folder or the program is missing."""
    return system.start_detached(command, ROOT, log, {**os.environ, MARK: mark})


def recorded(pid: int) -> ProcessRecord:
    """The process that has this number now; the record of none when it is gone."""
    try:
        return ProcessRecord(pid=pid, born=system.born(pid))
    except psutil.Error:
        return ProcessRecord()


def lives(process: ProcessRecord) -> bool:
    """Whether this very process runs; one that has ended and waits for its parent to notice (a zombie) does not."""
    return _found(process) is not None


def end(process: ProcessRecord, mark: str) -> None:
    """Ends a process, its children and all that carry the mark: first asked, then forced."""
    family: set[psutil.Process] = set()
    for order in (psutil.Process.terminate, psutil.Process.kill):
        family |= _family(process, mark)
        for member in family:
            with contextlib.suppress(psutil.Error):
                order(member)
        if _ended(family):
            return


def opened_files() -> set[Path]:
    """Files that any process has open, as far as we may look; Windows itself keeps those."""
    found: set[Path] = set()
    for process in psutil.process_iter() if sys.platform != "win32" else ():
        with contextlib.suppress(psutil.Error, OSError):
            found |= {Path(file.path) for file in process.open_files()}
    return found


def marks() -> dict[str, list[ProcessRecord]]:
    """The processes that carry a mark, by mark."""
    found: dict[str, list[ProcessRecord]] = {}
    for process in psutil.process_iter(["environ"]):
        if (mark := (process.info["environ"] or {}).get(MARK)) and _runs(process):
            found.setdefault(mark, []).append(recorded(process.pid))
    return found


def marked(mark: str) -> set[psutil.Process]:
    """All that carry the mark."""
    assert mark, "every process without a mark would carry it"
    everyone = psutil.process_iter(["environ"])  # None where we may not look
    return {process for process in everyone if (process.info["environ"] or {}).get(MARK) == mark}


def _found(process: ProcessRecord) -> psutil.Process | None:
    if not process.pid or not system.runs(process.pid, process.born):
        return None
    try:
        return psutil.Process(process.pid)
    except psutil.Error:
        return None


def _family(process: ProcessRecord, mark: str) -> set[psutil.Process]:
    """The process with its children, and all that carry the mark."""
    family = marked(mark)
    if found := _found(process):
        with contextlib.suppress(psutil.Error):
            family |= {found, *found.children(recursive=True)}
    return family


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _ended(processes: Collection[psutil.Process]) -> bool:
    """Waits a while; whether all have ended."""
    deadline = time.monotonic() + GRACE_SECONDS
    while any(map(_runs, processes)):
        if time.monotonic() >= deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True
