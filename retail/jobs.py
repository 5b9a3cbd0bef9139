"""Long work in a process of its own: it survives a refresh, a second browser and a server restart.

In: a command line that keeps a status file. Out: a `Job`, found again by its id. Knows no Streamlit.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from retail.config import home

LIVE = ("starting", "running")
PROJECT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Job:
    """One run: its folder holds job.json, status.json, log.txt and whatever the command writes."""

    id: str
    folder: Path

    @property
    def results(self) -> Path:
        """Where a comparison writes its results."""
        return self.folder / "results.json"

    def log_tail(self, lines: int = 12) -> str:
        """The last lines that the command printed."""
        try:
            text = (self.folder / "log.txt").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""
        return "\n".join(text.replace("\r", "\n").splitlines()[-lines:])


def runs_folder() -> Path:
    """Where all runs live."""
    return home() / "runs"


def start(arguments: Sequence[str], title: str = "") -> Job:
    """Starts `python -m retail ARGUMENTS --out … --status …` in a session of its own."""
    job_id = time.strftime("%Y%m%d-%H%M%S-") + secrets.token_hex(2)
    folder = runs_folder() / job_id
    folder.mkdir(parents=True)
    job = Job(job_id, folder)
    paths = ["--out", str(job.results), "--status", str(folder / "status.json")]
    start_command([sys.executable, "-m", "retail", *arguments, *paths], job, title)
    return job


def start_command(command: Sequence[str], job: Job, title: str) -> None:
    """Runs any command as a job and records its process id."""
    with (job.folder / "log.txt").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=PROJECT, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    facts = {"title": title, "pid": process.pid, "started": time.time(), "command": list(command)}
    (job.folder / "job.json").write_text(json.dumps(facts), encoding="utf-8")


def find(job_id: str) -> Job | None:
    """The job of this id, None when there is none; an id never leads out of the runs folder."""
    folder = runs_folder() / Path(job_id).name
    return Job(folder.name, folder) if (folder / "job.json").is_file() else None


def list_jobs() -> list[Job]:
    """All jobs, the newest first."""
    return [Job(path.parent.name, path.parent) for path in sorted(runs_folder().glob("*/job.json"), reverse=True)]


def status(job: Job) -> dict[str, Any]:
    """State, stage, done, total and message; a process that is gone without having finished has failed."""
    facts = _read(job.folder / "job.json")
    now = {"state": "starting", "stage": "starting", "done": 0, "total": 0, "message": ""}
    now |= _read(job.folder / "status.json") | {"title": facts.get("title", "")}
    if now["state"] in LIVE and not _alive(facts.get("pid", 0)):
        # The process may have finished between the two looks.
        now |= _read(job.folder / "status.json")
        if now["state"] in LIVE:
            now |= {"state": "failed", "message": "The process ended before it was done. The log has its last lines."}
    return now


def cancel(job: Job) -> None:
    """Ends the job's whole process group and says so in its status."""
    facts, now = _read(job.folder / "job.json"), status(job)
    if now["state"] not in LIVE:
        return
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(facts["pid"], number)
        deadline = time.monotonic() + 2
        while _alive(facts["pid"]) and time.monotonic() < deadline:
            time.sleep(0.05)
    now |= {"state": "cancelled", "message": "Cancelled."}
    (job.folder / "status.json").write_text(json.dumps(now), encoding="utf-8")


def _read(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def _alive(pid: int) -> bool:
    """Whether the process runs; our own finished child is collected first, so that it is no zombie."""
    if pid <= 0:
        return False
    with contextlib.suppress(ChildProcessError, OSError):
        if os.waitpid(pid, os.WNOHANG)[0] == pid:
            return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
