"""The leak audit of a data set as a run of its own: start it, find the newest one again, read what it found.

In: a `Dataset`. Out: a `Job` and its report, as `retail.audit` makes it.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from retail.files import read_record
from retail.schema import UserError
from retail.workspace.datasets import Dataset
from retail.workspace.jobs import Job, enqueue, list_jobs, new_job

if TYPE_CHECKING:
    from retail.audit import AuditReport

REPORT = "audit.json"


def start(dataset: Dataset) -> Job:
    """Queues an audit; embeddings that it makes are kept, so training need not make them again."""
    job = new_job()
    command = [sys.executable, "-m", "retail", "audit", str(dataset.path), "--json", str(job.folder / REPORT)]
    return enqueue([*command, "--status", str(job.folder / "status.json")], f"Leaks in {dataset.name}", job)


def latest(dataset: Dataset) -> Job | None:
    """The newest audit of this data set, finished or not."""
    return next((job for job in list_jobs() if _command(job)[3:5] == ["audit", str(dataset.path)]), None)


def report(job: Job) -> AuditReport | None:
    """What it found; None while it has not ended well."""
    if not (job.folder / REPORT).is_file():
        return None
    from retail.audit import AuditReport

    try:
        return read_record(job.folder / REPORT, AuditReport)
    except UserError:
        return None


def _command(job: Job) -> list[str]:
    return list(job.record.command)
