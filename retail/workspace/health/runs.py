"""Runs whose files do not tell the truth: "running" without a process, or a file that nobody can read.

In: the folders of runs. Out: findings. A run that works is left alone.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

from retail.wording import number_of
from retail.workspace import jobs, processes
from retail.workspace.health.finding import Finding, rests
from retail.workspace.health.taking_away import taking_away
from retail.workspace.jobs import NAME, NOTES, RECORD, STATUS, Job
from retail.workspace.records import LIVE, JobRecord
from retail.workspace.requests import FILE

JUST_NOW_SECONDS = 60.0  # a run that starts, ends or is taken over by the queue writes within a moment
ENDED = "The process ended before it was done. The log has its last lines."


def runs_without_a_process() -> Iterator[Finding]:
    """They say that they work, and nothing works at them."""
    for job in jobs.list_jobs():
        if _is_abandoned(job):
            sentence = f"The run {job.id} says that it is running, but its process is gone."
            yield Finding("damaged", sentence, (job.folder / STATUS,), 0, partial(_end, job))


def unreadable_run_files() -> Iterator[Finding]:
    """JSON of ours in the folders of runs; what cannot be made again is only told."""
    for job in jobs.list_jobs():
        for path in sorted(job.folder.glob("*.json")):
            if rests(path, JUST_NOW_SECONDS) and not is_json(path):
                yield _unreadable(job, path)


def runs_without_their_data() -> Iterator[Finding]:
    """The data of ended runs that lie nowhere any more."""
    found = [job for job in jobs.list_jobs() if (request := job.request) is not None and _is_gone(request.data)]
    if found:
        words = number_of(len(found), "run has", "runs have")
        yield Finding(
            "gone",
            f"{words} lost their data: figures and answers stay, but they cannot be retried or reviewed.",
            tuple(job.folder for job in found),
        )


def is_json(path: Path) -> bool:
    """Whether it holds JSON; one that is gone meanwhile does no harm."""
    with suppress(FileNotFoundError):
        try:
            json.loads(path.read_bytes())
        except (OSError, ValueError, RecursionError):
            return False
    return True


def _is_abandoned(job: Job) -> bool:
    """`jobs.status` calls it failed already; what its file says is another thing."""
    record = job.record
    told = job.folder / STATUS
    if record.queued or job.cancelled or job.told.state not in LIVE or not (told.is_file() and is_json(told)):
        return False
    if not rests(job.folder / RECORD, JUST_NOW_SECONDS):
        return False
    return not processes.lives(record.process) and not processes.lives(record.worker)


def _end(job: Job) -> None:
    if _is_abandoned(job):  # somebody may have started it again
        job.told.model_copy(update={"state": "failed", "message": ENDED}).write(job.folder / STATUS)


def _unreadable(job: Job, path: Path) -> Finding:
    what = f"{path.name} of the run {job.id} is damaged"
    if path.name == RECORD:
        return Finding("damaged", f"{what}; it is made anew, without its name.", (path,), 0, partial(_record_anew, job))
    if path.name in (STATUS, NAME, NOTES):
        lost = {STATUS: "how the run ended", NAME: "its other name", NOTES: "what was noted"}[path.name]
        return Finding("damaged", f"{what}; {lost} is lost.", (path,), 0, taking_away([path], seconds=0))
    remedy = "the run cannot be retried" if path.name == FILE else "retry the run, or delete it on Runs"
    return Finding("damaged", f"{what}; {remedy}.", (path,))


def _record_anew(job: Job) -> None:
    """What its folder still says: when it was asked for, and how it is run."""
    try:
        started = time.mktime(time.strptime(job.id[:15], "%Y%m%d-%H%M%S"))
    except ValueError:
        started = job.folder.stat().st_mtime
    JobRecord(title=job.id, started=started, command=tuple(jobs.command_of(job))).write(job.folder / RECORD)


def _is_gone(data: Path) -> bool:
    return data.is_absolute() and not data.exists()  # addresses of other machines are none
