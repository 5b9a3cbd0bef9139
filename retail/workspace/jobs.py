"""Long work in processes of its own: it waits its turn and survives a refresh, a second browser and a server restart.

In: a command line that keeps a status file. Out: a `Job`, found again by its id. Knows no Streamlit.
Jobs wait in a queue that is nothing but their folders. A small process, `python -m retail.workspace.jobs`, works them
off one at a time and ends when none is left; whoever looks at a job starts it again if it was killed.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from retail.files import ROOT, home, whole_file

QUEUED = "queued"
LIVE = ("starting", "running")
UNFINISHED = (QUEUED, *LIVE)
NAME = "name.json"  # apart, so that a new title never writes over a process id that was noted at the same moment
RUN_FOLDER = "{run}"  # in an argument: the job's own folder
POLL_SECONDS = 0.3
PATIENCE_SECONDS = 2.0  # somebody who only looks whether the lock is free holds it for a moment


@dataclass(frozen=True)
class Job:
    """One run: its folder holds job.json, status.json, log.txt and whatever the command writes."""

    id: str
    folder: Path

    @property
    def results(self) -> Path:
        """Where a comparison writes its results."""
        return self.folder / "results.json"

    @property
    def facts(self) -> dict[str, Any]:
        """Title, command, process id and when it was asked for, as they were written."""
        return _read(self.folder / "job.json") | _read(self.folder / NAME)

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
    """Queues `python -m retail ARGUMENTS --status …`; an `--out` of its own folder is added where none is named.

    `{run}` in an argument stands for the job's folder.
    """
    job = new_job()
    chosen = [argument.replace(RUN_FOLDER, str(job.folder)) for argument in arguments]
    paths = [] if "--out" in chosen else ["--out", str(job.results)]
    paths += ["--status", str(job.folder / "status.json")]
    return enqueue([sys.executable, "-m", "retail", *chosen, *paths], title, job)


def enqueue(command: Sequence[str], title: str, job: Job | None = None) -> Job:
    """Queues any command that keeps `status.json` in the job's folder."""
    job = job or new_job()
    _write(job.folder / "job.json", {"title": title, "started": time.time(), "command": list(command), "queued": True})
    advance()
    return job


def new_job() -> Job:
    """An empty folder for a run, named by the time."""
    job_id = time.strftime("%Y%m%d-%H%M%S-") + secrets.token_hex(2)
    (runs_folder() / job_id).mkdir(parents=True)
    return Job(job_id, runs_folder() / job_id)


def start_command(command: Sequence[str], job: Job, title: str) -> None:
    """Runs any command as a job, past the queue, and records its process id."""
    _launch(command, job, {"title": title, "started": time.time(), "command": list(command)})


def find(job_id: str) -> Job | None:
    """The job of this id, None when there is none; an id never leads out of the runs folder."""
    folder = runs_folder() / Path(job_id).name
    return Job(folder.name, folder) if (folder / "job.json").is_file() else None


def list_jobs() -> list[Job]:
    """All jobs, the newest first."""
    return [Job(path.parent.name, path.parent) for path in sorted(runs_folder().glob("*/job.json"), reverse=True)]


def status(job: Job) -> dict[str, Any]:
    """State, stage, done, total and message; a process that is gone without having finished has failed.

    An end once told stays: pages look no more after it. So a cancelled job is never a failed one while its process
    ends, and one that the queue started has failed when the queue, which knows how it ended, has written so.
    """
    facts = job.facts
    if facts.get("queued") and not _cancelled(job):
        return _unknown(facts) | ({} if _is_next(job) else {"state": QUEUED, "stage": "waiting for its turn"})
    awaited = _alive(facts) or _alive(facts.get("worker", {}))  # before the file: what they wrote last counts
    now = _unknown(facts) | _read(job.folder / "status.json") | {"title": facts.get("title", "")}
    if now["state"] != "done" and _cancelled(job):
        return now | {"state": "cancelled", "message": "Cancelled."}
    if now["state"] in LIVE and not awaited:
        now |= {"state": "failed", "message": "The process ended before it was done. The log has its last lines."}
    return now


def cancel(job: Job) -> None:
    """Ends the job's whole process group, or takes it out of the queue; the mark `cancelled` in its folder says so."""
    if status(job)["state"] in UNFINISHED:
        with contextlib.suppress(FileNotFoundError):  # the run may just be deleted
            (job.folder / "cancelled").touch()  # before the process ends: whoever starts it looks in the other order
        _end(job.facts)


def retry(job: Job) -> None:
    """Queues the same command again in the same folder: what it kept there, and cached embeddings, count on."""
    if status(job)["state"] in UNFINISHED:
        return
    _write(job.folder / "job.json", job.facts | {"queued": True, "pid": 0, "started": time.time()})
    (job.folder / "cancelled").unlink(missing_ok=True)  # last: until then it is a cancelled job
    advance()


def rename(job: Job, title: str) -> None:
    """Another title."""
    _write(job.folder / NAME, {"title": title})


def delete(job: Job) -> None:
    """Ends the job if it still works, and removes its folder with all results."""
    cancel(job)
    shutil.rmtree(job.folder, ignore_errors=True)


def waiting() -> list[Job]:
    """Queued jobs in the order in which they were asked for."""
    queued = [job for job in list_jobs() if job.facts.get("queued") and not _cancelled(job)]
    return sorted(queued, key=lambda job: job.facts.get("started", 0.0))


def advance() -> None:
    """Starts the process that works off the queue if something waits and none is at work."""
    if waiting() and not _locked():
        with (runs_folder() / "queue.log").open("ab") as log:
            subprocess.Popen(
                [sys.executable, "-m", "retail.workspace.jobs"],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )


def work() -> None:
    """Runs queued jobs one after the other until none is left; only one process does so at a time."""
    while waiting():
        with _lock(PATIENCE_SECONDS) as mine:
            if not mine:
                return
            while queue := waiting():
                if _at_work():  # started by a queue worker that was killed, or past the queue
                    time.sleep(POLL_SECONDS)
                else:
                    _work_off(queue[0])


def _work_off(job: Job) -> None:
    facts = job.facts
    worker = {"pid": os.getpid(), "born": _born(os.getpid())}
    try:
        (job.folder / "status.json").unlink(missing_ok=True)  # of an earlier try
        process = _launch(facts["command"], job, facts | {"queued": False, "started": time.time(), "worker": worker})
    except (KeyError, FileNotFoundError):
        if find(job.id) is None:
            return  # deleted in the moment between waiting and running
        raise
    if _cancelled(job) or find(job.id) is None:  # in the same moment
        _end({"pid": process.pid})
    code = process.wait()
    with contextlib.suppress(ProcessLookupError, PermissionError):  # helpers of a process that was killed wait for ever
        os.killpg(process.pid, signal.SIGKILL)
    now = _read(job.folder / "status.json")
    if job.folder.is_dir() and now.get("state", "starting") in LIVE:
        how = f"was stopped by signal {-code}" if code < 0 else f"ended with exit code {code}"
        hint = " The machine may have run out of memory." if code == -signal.SIGKILL else ""
        message = f"The process {how} before it was done.{hint} The log has its last lines."
        _write(job.folder / "status.json", _unknown(facts) | now | {"state": "failed", "message": message})


def _launch(command: Sequence[str], job: Job, facts: dict[str, Any]) -> subprocess.Popen:
    with (job.folder / "log.txt").open("ab") as log:
        process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    _write(job.folder / "job.json", facts | {"pid": process.pid, "born": _born(process.pid)})
    return process


def _at_work() -> bool:
    """Whether any job's process runs."""
    return any(_alive(job.facts) for job in list_jobs())


def _is_next(job: Job) -> bool:
    """Whether nothing stands between this queued job and its start."""
    return [other.id for other in waiting()][:1] == [job.id] and not _at_work()


def _cancelled(job: Job) -> bool:
    return (job.folder / "cancelled").exists()


def _end(facts: dict[str, Any]) -> None:
    if not _alive(facts):
        return
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(facts["pid"], number)
        deadline = time.monotonic() + 2
        while _alive(facts) and time.monotonic() < deadline:
            time.sleep(0.05)


def _unknown(facts: dict[str, Any]) -> dict[str, Any]:
    return {
        "state": "starting",
        "stage": "starting",
        "done": 0,
        "total": 0,
        "message": "",
        "title": facts.get("title", ""),
    }


def _read(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def _write(path: Path, values: dict[str, Any]) -> None:
    with contextlib.suppress(FileNotFoundError), whole_file(path) as partial:  # the run may just be deleted
        partial.write_text(json.dumps(values), encoding="utf-8")


@contextlib.contextmanager
def _lock(patience: float = 0.0) -> Iterator[bool]:
    """Whether the queue's lock is ours within some seconds; it goes back when the block, or the process, ends."""
    import fcntl  # POSIX alone; elsewhere the dashboard cannot start runs

    runs_folder().mkdir(parents=True, exist_ok=True)
    deadline, mine = time.monotonic() + patience, False
    with (runs_folder() / "queue.lock").open("w") as file:
        while not mine:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                mine = True
            except OSError:
                if time.monotonic() >= deadline:
                    break
                time.sleep(0.05)
        yield mine


def _locked() -> bool:
    with _lock() as mine:
        return not mine


def _alive(facts: dict[str, Any]) -> bool:
    """Whether the job's own process runs; our finished child is collected first, so that it is no zombie."""
    pid = facts.get("pid", 0)
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
    born = _born(pid)
    return born != "zombie" and facts.get("born", born) in (born, "")


def _born(pid: int) -> str:
    """When the process was born, in the kernel's ticks: a number that is used again belongs to somebody else."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""  # not Linux, or gone
    return "zombie" if fields[0] == "Z" else fields[19]


if __name__ == "__main__":
    work()
