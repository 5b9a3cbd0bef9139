"""The leak audit of a data set as a run of its own: start it, find the newest one again, read what it found.

In: a `Dataset`. Out: a `Job` and its report, as `retail.audit` makes it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from retail.schema import UserError
from retail.workspace import jobs
from retail.workspace.datasets import Dataset
from retail.workspace.jobs import Job
from retail.workspace.requests import AuditRequest, Request

if TYPE_CHECKING:
    from retail.audit import AuditReport

REPORT = "audit.json"


def start(dataset: Dataset) -> Job:
    """Queues an audit; embeddings that it makes are kept, so training need not make them again."""
    return jobs.start(AuditRequest(data=dataset.path, out=Path(REPORT)), f"Leaks in {dataset.name}")


def latest(dataset: Dataset) -> Job | None:
    """The newest audit of this data set, finished or not."""
    return next((job for job in jobs.list_jobs() if _looks_at(job.request, dataset)), None)


def report(job: Job) -> AuditReport | None:
    """What it found; None while it has not ended well."""
    if not (job.folder / REPORT).is_file():
        return None
    from retail.audit import AuditReport

    try:
        return AuditReport.read(job.folder / REPORT)
    except UserError:
        return None


def _looks_at(request: Request | None, dataset: Dataset) -> bool:
    return isinstance(request, AuditRequest) and request.data == dataset.path
