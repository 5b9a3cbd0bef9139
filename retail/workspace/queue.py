"""The process that works off the queue: one job at a time, in the order in which they were asked for.

In: the folders of queued jobs. Out: their processes, and the status of one that ended without a word. It is started by
`jobs.advance` as `python -m retail.workspace.queue` and ends when nothing waits any more.
"""

from __future__ import annotations

import os
import time

from filelock import Timeout

from retail import system
from retail.files.whole import clear
from retail.workspace import jobs, processes
from retail.workspace.jobs import Job
from retail.workspace.records import LIVE, JobRecord

POLL_SECONDS = 0.3
PATIENCE_SECONDS = 2.0  # somebody who only looks whether the lock is free holds it for a moment


def work() -> None:
    """Runs queued jobs one after the other until none is left; only one process does so at a time."""
    while jobs.waiting():
        try:
            with jobs.queue_lock().acquire(timeout=PATIENCE_SECONDS, poll_interval=0.05):
                _work_off_all()
        except Timeout:
            return


def _work_off_all() -> None:
    while queue := jobs.waiting():
        if jobs.at_work():  # started by a queue worker that was killed, or past the queue
            time.sleep(POLL_SECONDS)
        else:
            _work_off(queue[0])


def _work_off(job: Job) -> None:
    if job.record.worker.pid and _was_started(job):
        return
    # It keeps its place in the queue until it has started: the time that it was asked for.
    asked = job.record.model_copy(update={"worker": processes.recorded(os.getpid())})
    record = asked.model_copy(update={"started": time.time(), "queued": False})
    try:
        (job.folder / jobs.STATUS).unlink(missing_ok=True)  # of an earlier try
        asked.write(job.folder / jobs.RECORD)  # whoever comes next sees where we were
        process = jobs.launch(job, record)
    except (OSError, IndexError) as error:  # deleted in the moment between waiting and running, or a broken command
        _close(job, record, f"The process could not be started: {error}.")
        return
    if job.cancelled or jobs.find(job.id) is None:  # in the same moment
        processes.end(processes.recorded(process.pid), mark=str(job.folder))
    code = process.wait()
    processes.end(job.record.process, mark=str(job.folder))  # helpers of a process that was killed wait for ever
    clear(job.folder)
    if job.told.state in LIVE:
        _fail(job, f"The process {_how(code)} before it was done.{_hint(code)} The log has its last lines.")


def _was_started(job: Job) -> bool:
    """Whether a queue worker that was killed had started this job and not yet written so; it has run, or still does."""
    record = job.record.model_copy(update={"queued": False})
    if running := processes.marked(str(job.folder)):
        first = min(running, key=lambda process: process.create_time())
        record.model_copy(update={"process": processes.recorded(first.pid)}).write(job.folder / jobs.RECORD)
        return True
    if not (job.folder / jobs.STATUS).exists():
        return False
    record.write(job.folder / jobs.RECORD)
    return True


def _close(job: Job, record: JobRecord, message: str) -> None:
    """Takes a job that could not start out of the queue, so that the next one can."""
    record.write(job.folder / jobs.RECORD)
    _fail(job, message)


def _fail(job: Job, message: str) -> None:
    """Writes how it ended; the folder of a job that was deleted meanwhile does not come back."""
    job.told.model_copy(update={"state": "failed", "message": message}).write(job.folder / jobs.STATUS)


def _how(code: int) -> str:
    return f"was stopped by signal {-code}" if code < 0 else f"ended with exit code {code}"


def _hint(code: int) -> str:
    return " The machine may have run out of memory." if code == system.KILLED else ""


if __name__ == "__main__":
    work()
