"""A finished bulk run of the demo's recogniser on a few descriptions, made in this process."""

from __future__ import annotations

import csv
from pathlib import Path

from retail.commands.shared import Reporter
from retail.files import DEMO_BUNDLE
from retail.workspace import jobs
from retail.workspace.bulk import MAX_ROWS, PREDICTIONS
from retail.workspace.execution import execute
from retail.workspace.records import JobRecord, Status
from retail.workspace.requests import PredictRequest, write_request

# Vague enough that some question of each needs a person; the last cannot be read at all.
TEXTS = (
    "ground coffee, strong",
    "a jar",
    "oat drink, 1 l",
    "*bold* tea, 20 bags",
    "new and tasty",
    "almond muesli",
    "",
)


def write_bulk_run(folder: Path, texts: tuple[str, ...] = TEXTS, title: str = "Autumn delivery") -> jobs.Job:
    """A run as the queue would have left it; its data lies in `folder`."""
    folder.mkdir(parents=True)
    with (folder / "metadata.csv").open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([["id", "text"], *([f"row {place}", text] for place, text in enumerate(texts))])
    job = jobs.new_job()
    request = PredictRequest(bundle=DEMO_BUNDLE, data=folder, limit=MAX_ROWS, out=Path(PREDICTIONS))
    write_request(request, job.folder)
    execute(request, Reporter(), job.folder)
    JobRecord(title=title).write(job.folder / jobs.RECORD)
    Status(state="done").write(job.folder / jobs.STATUS)
    return job
