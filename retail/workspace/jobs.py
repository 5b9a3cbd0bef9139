"""Long work in processes of its own: it waits its turn and survives a refresh, a second browser and a server restart.

In: a request, or any command that keeps a status file. Out: a `Job`, found again by its id. Knows no Streamlit.
Jobs wait in a queue that is nothing but their folders; `retail.workspace.queue` works them off. Whoever looks at a job
starts that process again if it was killed.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from filelock import FileLock, Timeout

from retail.files import home
from retail.workspace import processes
from retail.workspace.records import LIVE, QUEUED, UNFINISHED, JobRecord, Name, Notes, ProcessRecord, Status
from retail.workspace.requests import Request, request_of, write_request

RECORD, NAME, NOTES, STATUS, LOG = "job.json", "name.json", "notes.json", "status.json", "log.txt"
DELETED = ".deleted"  # a folder beside the runs: those that are being deleted
CANCELLED = "cancelled"  # an empty file: the mark of a cancelled run
SETTLED_SECONDS = 2.0  # a folder that changed within them may change again and keep its time stamp


@dataclass(frozen=True)
class Job:
    """One run: its folder holds its record, its status, its log and whatever the command writes."""

    id: str
    folder: Path

    @property
    def results(self) -> Path:
        """Where a comparison writes its results."""
        return self.folder / "results.json"

    @property
    def request(self) -> Request | None:
        """What it is to do; None for a run that some other command made, or whose request nobody can read."""
        return request_of(self.folder)

    @property
    def record(self) -> JobRecord:
        """Title, command, processes and when it was asked for, as they were written."""
        record, name = JobRecord.read(self.folder / RECORD), Name.read(self.folder / NAME)
        return record.model_copy(update={"title": name.title}) if name.title else record

    @property
    def notes(self) -> Notes:
        """Tags, and what somebody wrote about it."""
        return Notes.read(self.folder / NOTES)

    @property
    def told(self) -> Status:
        """What its process wrote last; `status` says whether it is still true."""
        return Status.read(self.folder / STATUS)

    @property
    def cancelled(self) -> bool:
        """Whether somebody has cancelled it."""
        return (self.folder / CANCELLED).exists()

    def log_tail(self, lines: int = 12) -> str:
        """The last lines that the command printed."""
        try:
            text = (self.folder / LOG).read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""
        return "\n".join(text.replace("\r", "\n").splitlines()[-lines:])


_ENDED: dict[Path, tuple[int, Status]] = {}  # folder of a job -> its time stamp, and how the job ended
_RESTING: dict[Path, int] = {}  # the same of jobs that neither wait nor work


def runs_folder() -> Path:
    """Where all runs live."""
    return home() / "runs"


def start(request: Request, title: str = "") -> Job:
    """Queues a request, which is kept in the job's folder; outputs with relative paths go there too."""
    job = _asked(request)
    return enqueue(command_of(job), title, job)


def start_now(request: Request, title: str) -> Job:
    """Runs a request past the queue."""
    job = _asked(request)
    start_command(command_of(job), job, title)
    return job


def enqueue(command: Sequence[str], title: str, job: Job | None = None) -> Job:
    """Queues any command that keeps `status.json` in the job's folder."""
    job = job or new_job()
    asked = JobRecord(title=title, started=time.time(), command=tuple(command), queued=True)
    asked.write(job.folder / RECORD)
    advance()
    return job


def new_job() -> Job:
    """An empty folder for a run, named by the time and by chance; where that name is taken, by another chance."""
    while True:
        job_id = time.strftime("%Y%m%d-%H%M%S-") + secrets.token_hex(2)
        with contextlib.suppress(FileExistsError):
            (runs_folder() / job_id).mkdir(parents=True)
            return Job(job_id, runs_folder() / job_id)


def _asked(request: Request) -> Job:
    job = new_job()
    write_request(request, job.folder)
    return job


def command_of(job: Job) -> list[str]:
    """What runs the request in its folder."""
    return [sys.executable, "-m", "retail", "run", str(job.folder)]


def start_command(command: Sequence[str], job: Job, title: str) -> None:
    """Runs any command as a job, past the queue."""
    launch(job, JobRecord(title=title, started=time.time(), command=tuple(command)))


def launch(job: Job, record: JobRecord) -> subprocess.Popen[bytes]:
    """Starts a job's process and records it; raises FileNotFoundError when the job was deleted."""
    process = processes.launch(record.command, job.folder / LOG, mark=str(job.folder))
    started = record.model_copy(update={"process": processes.recorded(process.pid)})
    try:
        started.write(job.folder / RECORD)
    except OSError:  # a full disk: nobody would know of the process
        processes.end(started.process, mark=str(job.folder))
        process.wait()
        raise
    return process


def find(job_id: str) -> Job | None:
    """The job of this id, None when there is none; an id never leads out of the runs folder."""
    folder = runs_folder() / Path(job_id).name
    return Job(folder.name, folder) if (folder / RECORD).is_file() else None


def list_jobs() -> list[Job]:
    """All jobs, the newest first."""
    folder = runs_folder()
    try:
        names = os.listdir(folder)
    except OSError:
        return []
    # Without `glob` and paths in between, which take three times as long, at each drawing of a page.
    names = [name for name in names if os.path.isfile(os.path.join(folder, name, RECORD))]
    return [Job(name, folder / name) for name in sorted(names, reverse=True)]


def settled(job: Job) -> int:
    """A time stamp that moves on with every file that is written into a job's folder; 0 where it did so lately.

    Files are written whole, so each gives the folder another entry. Nobody need read what did not change.
    """
    try:
        changed = os.stat(job.folder).st_mtime_ns
    except OSError:
        return 0
    return changed if changed < (time.time() - SETTLED_SECONDS) * 1e9 else 0


def statuses() -> Iterator[tuple[Job, Status]]:
    """How far every job is, the newest first; the queue is looked at once for all of them."""
    upcoming = cache(next_in_queue)
    return ((job, status(job, upcoming)) for job in list_jobs())


def status(job: Job, upcoming: Callable[[], str] | None = None) -> Status:
    """How far a job is; a process that is gone without having finished has failed. `upcoming`: see `next_in_queue`.

    An end once told stays: pages look no more after it. So a cancelled job is never a failed one while its process
    ends, and one that the queue started has failed when the queue, which knows how it ended, has written so.
    """
    stamp, (known, ended) = settled(job), _ENDED.get(job.folder, (0, Status()))
    if stamp and stamp == known:
        return ended
    now = _status(job, upcoming or next_in_queue)
    if stamp and now.state not in UNFINISHED:
        _ENDED[job.folder] = stamp, now
    return now


def _status(job: Job, upcoming: Callable[[], str]) -> Status:
    record = job.record
    if record.queued and not job.cancelled:
        if upcoming() == job.id:
            return Status(title=record.title)
        return Status(title=record.title, state=QUEUED, stage="waiting for its turn")
    now, awaited = job.told, False
    if now.state in LIVE:
        awaited = processes.lives(record.process) or processes.lives(record.worker)
        now = job.told  # once more: what they wrote last counts
    now = now.model_copy(update={"title": record.title})
    if now.state != "done" and job.cancelled:
        return now.model_copy(update={"state": "cancelled", "message": "Cancelled."})
    if now.state in LIVE and not awaited:
        message = "The process ended before it was done. The log has its last lines."
        return now.model_copy(update={"state": "failed", "message": message})
    return now


def cancel(job: Job) -> None:
    """Ends the job's processes, or takes it out of the queue; the mark in its folder says so."""
    if status(job).state in UNFINISHED:
        _stop(job)


def retry(job: Job) -> None:
    """Queues the same command again in the same folder: what it kept there, and cached embeddings, count on."""
    if status(job).state in UNFINISHED:
        return
    again = {"queued": True, "process": ProcessRecord(), "worker": ProcessRecord(), "started": time.time()}
    job.record.model_copy(update=again).write(job.folder / RECORD)
    (job.folder / CANCELLED).unlink(missing_ok=True)  # last: until then it is a cancelled job
    advance()


def rename(job: Job, title: str) -> None:
    """Another title."""
    Name(title=title).write(job.folder / NAME)


def annotate(job: Job, tags: Sequence[str], text: str) -> None:
    """Other tags, each once, and another note."""
    kept = dict.fromkeys(tag for tag in map(str.strip, tags) if tag)
    Notes(tags=tuple(kept), text=text.strip()).write(job.folder / NOTES)


def delete(job: Job) -> None:
    """Ends the job if it still works, and removes its folder with all results."""
    _stop(job)
    gone = runs_folder() / DELETED
    gone.mkdir(exist_ok=True)
    with contextlib.suppress(OSError):  # Windows refuses while somebody reads a file in it
        job.folder.replace(gone / job.id)  # at once: what is written meanwhile finds no folder, not one half empty
    for folder in (*gone.iterdir(), job.folder):  # also what a killed process did not get to
        shutil.rmtree(folder, ignore_errors=True)


def waiting() -> list[Job]:
    """Queued jobs in the order in which they were asked for."""
    return sorted(filter(_waits, _astir()), key=lambda job: job.record.started)


def at_work() -> bool:
    """Whether any job's process runs."""
    return any(processes.lives(job.record.process) for job in _astir())


def _waits(job: Job) -> bool:
    return job.record.queued and not job.cancelled


def _astir() -> list[Job]:
    """The jobs that wait or work; one that rests does so until something is written into its folder."""
    found = []
    for job in list_jobs():
        stamp = settled(job)
        if stamp and _RESTING.get(job.folder) == stamp:
            continue
        if _waits(job) or processes.lives(job.record.process):
            found.append(job)
        elif stamp:
            _RESTING[job.folder] = stamp
    return found


def advance() -> None:
    """Starts the process that works off the queue if something waits and none is at work."""
    if not waiting():
        return
    try:
        with queue_lock().acquire(blocking=False):
            pass
    except Timeout:
        return
    processes.launch([sys.executable, "-m", "retail.workspace.queue"], runs_folder() / "queue.log")


def queue_lock() -> FileLock:
    """Held by the one process that works off the queue; it is free when that process ends, however it ends."""
    return FileLock(runs_folder() / "queue.lock")


def next_in_queue() -> str:
    """The id of the queued job that nothing keeps from its start; "" where none waits or another one works."""
    first = waiting()[:1]
    return first[0].id if first and not at_work() else ""


def _stop(job: Job) -> None:
    with contextlib.suppress(FileNotFoundError):  # the run may just be deleted
        (job.folder / CANCELLED).touch()  # before the process ends: whoever starts it looks in the other order
    processes.end(job.record.process, mark=str(job.folder))
