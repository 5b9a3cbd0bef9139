"""Many products in one run of its own: an upload becomes a data set, a table of answers comes out.

In: an upload or a path, and a bundle. Out: a `Job` and the rows of its predictions.csv. A stopped run that is started
again picks up where it was, because embeddings are kept as they are made.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from retail.files import home, on_this_machine, whole_file
from retail.schema import UserError
from retail.workspace import jobs
from retail.workspace.jobs import Job
from retail.workspace.requests import PredictRequest, read_request

MAX_ROWS = 10_000
PREDICTIONS = "predictions.csv"
CHUNK_BYTES = 2**20
# Below this probability of the best class the model is not sure.
SURE = 0.5
Row = dict[str, str]


def keep_upload(name: str, stream: BinaryIO) -> Path:
    """An uploaded ZIP or CSV on disk, found again under the hash of its content; raises UserError for anything else."""
    kind = Path(name).suffix.lower()
    if kind not in (".zip", ".csv"):
        raise UserError(f"{name!r} is neither a ZIP nor a CSV; pack the files with a metadata.csv into a ZIP.")
    digest = hashlib.sha256()
    stream.seek(0)
    while piece := stream.read(CHUNK_BYTES):
        digest.update(piece)
    folder = home() / "uploads"
    short = digest.hexdigest()[:16]
    path = folder / f"{short}.zip" if kind == ".zip" else folder / short / "metadata.csv"
    if not path.is_file():
        stream.seek(0)
        with whole_file(path) as partial, partial.open("wb") as file:
            while piece := stream.read(CHUNK_BYTES):
                file.write(piece)
    return path


def start(bundle: Path, data: Path, title: str, text_column: str = "text") -> Job:
    """Starts to recognise all rows of a data set; raises UserError when there is no such path."""
    place = on_this_machine(data).absolute()  # the run works in a folder of its own
    request = PredictRequest(bundle=bundle, data=place, text_column=text_column, limit=MAX_ROWS, out=Path(PREDICTIONS))
    return jobs.start_now(request, title)


def restart(job: Job) -> Job:
    """The same run once more; what it had embedded is not embedded again. Raises UserError when its data is gone."""
    request = read_request(job.folder)
    on_this_machine(request.data)
    return jobs.start_now(request, jobs.status(job).title)


def is_bulk(job: Job) -> bool:
    """Whether a job recognises many products."""
    return isinstance(job.request, PredictRequest)


def bulk_jobs() -> list[Job]:
    """All such jobs, the newest first."""
    return [job for job in jobs.list_jobs() if is_bulk(job)]


def predictions(job: Job) -> list[Row]:
    """The finished table, [] before there is one."""
    try:
        with (job.folder / PREDICTIONS).open(newline="", encoding="utf-8") as stream:
            return list(csv.DictReader(stream))
    except OSError:
        return []


def failed(row: Row) -> bool:
    """Whether no input of the row could be used."""
    return not row["used"]


def unsure(row: Row) -> bool:
    """Whether the model is not sure of one of its answers."""
    probs = [float(value) for name, value in row.items() if name.endswith("_probability") and value]
    return any(prob < SURE for prob in probs)


def matching(rows: Sequence[Row], words: str = "", only: str = "all") -> list[Row]:
    """The rows that hold all these words in any cell; `only` is all, unsure or failed."""
    kept = {"all": lambda row: True, "unsure": unsure, "failed": failed}[only]
    wanted = words.lower().split()
    return [row for row in rows if kept(row) and all(word in " ".join(row.values()).lower() for word in wanted)]
