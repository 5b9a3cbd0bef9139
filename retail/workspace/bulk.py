"""Many products in one run of its own: an upload becomes a data set, a table of answers comes out.

In: an upload or a path, and a bundle. Out: a `Job` and the rows of its predictions.csv. A stopped run that is started
again picks up where it was, because embeddings are kept as they are made.
"""

from __future__ import annotations

import csv
import hashlib
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

from retail.config.reading import Reading
from retail.config.wish import DEFAULT_WISH, check_wish
from retail.dataset.places.archive import unpacked_copies
from retail.dataset.reader import read_rows
from retail.dataset.source import media_kind
from retail.dataset.tables import TABLE_ENDINGS
from retail.files import home, on_this_machine, whole_folder
from retail.recognizer.bundle import read_record
from retail.schema import UserError
from retail.wording import Certainty
from retail.workspace import jobs
from retail.workspace.answers import AnswerColumns, Row
from retail.workspace.jobs import Job
from retail.workspace.requests import PredictRequest, read_request

MAX_ROWS = 10_000
PREDICTIONS = "predictions.csv"
CHUNK_BYTES = 2**20
UNPACKED = (".zip", ".parquet")  # kinds of files whose content is unpacked beside the uploads
UPLOAD = "upload"  # what a sentence calls several files
Shown = Certainty | Literal["all", "failed"]  # which rows of a table are shown


def keep_upload(name: str, stream: BinaryIO) -> Path:
    """One uploaded ZIP, table, photo or sound on disk; raises UserError for anything else."""
    return keep_uploads([(name, stream)])


def keep_uploads(files: Sequence[tuple[str, BinaryIO]]) -> Path:
    """A ZIP, a table, or photos and sounds with or without one on disk, under their own names.

    They are found again under the hash of names and contents. Raises UserError for anything else, and for a ZIP among
    other files.
    """
    digest = hashlib.sha256()
    for name, stream in files:
        if not name.lower().endswith((".zip", *TABLE_ENDINGS)) and not media_kind(name):
            raise UserError(
                f"{name!r} is no ZIP, no table and no photo or sound; give a ZIP, a table (CSV, Excel, JSON Lines or "
                "Parquet), or the photos themselves."
            )
        digest.update(f"{len(files)} {name}\0".encode())
        stream.seek(0)
        while piece := stream.read(CHUNK_BYTES):
            digest.update(piece)
    folder, first = uploads_folder() / digest.hexdigest()[:16] / UPLOAD, files[0][0]
    single = first.lower().endswith((".zip", *TABLE_ENDINGS)) and len(files) == 1
    if zips := [name for name, _ in files if name.lower().endswith(".zip") and not single]:
        raise UserError(f"{zips[0]!r} is a ZIP, and one ZIP is taken at a time; give the other files by themselves.")
    names = [Path(name.replace("\\", "/")).name for name, _ in files]
    if twice := [name for name in names if names.count(name) > 1]:
        raise UserError(f"Two of the files are called {twice[0]!r}; rename one of them, or pack them into a ZIP.")
    if not folder.is_dir():
        with whole_folder(folder) as partial:
            for name, (_, stream) in zip(names, files, strict=True):
                _copy(stream, partial / name)
    return folder / names[0] if single else folder


def uploads_folder() -> Path:
    """Where uploads for many products lie, a folder each."""
    return home() / "uploads"


def upload_of(data: Path) -> Path | None:
    """The upload that some data is, None for data that lie elsewhere."""
    top, place = uploads_folder(), data.absolute()
    if not place.is_relative_to(top.absolute()) or place == top.absolute():
        return None
    return top / place.relative_to(top.absolute()).parts[0]


def wanted_uploads() -> set[Path]:
    """The uploads that some run was given."""
    return {upload for job in jobs.list_jobs() if (asked := job.request) and (upload := upload_of(asked.data))}


def rows_in(data: Path) -> int:
    """How many products are to be recognised; raises UserError for what cannot be read."""
    return len(read_rows(on_this_machine(data)).rows)


def _copy(stream: BinaryIO, path: Path) -> None:
    stream.seek(0)
    with path.open("wb") as file:
        while piece := stream.read(CHUNK_BYTES):
            file.write(piece)


def start(
    bundle: Path,
    data: Path,
    title: str,
    text_column: str = "text",
    accuracy: float = DEFAULT_WISH,
    catalogue: str = "",
    reading: Reading | None = None,
) -> Job:
    """Starts to recognise all rows of a data set, with the products of the named catalogue beside the classes.

    Raises UserError when there is no such path.
    """
    place = on_this_machine(data).absolute()  # the run works in a folder of its own
    request = PredictRequest(
        bundle=bundle,
        data=place,
        text_column=text_column,
        limit=MAX_ROWS,
        accuracy=check_wish(accuracy),
        catalogue=catalogue,
        reading=reading or Reading(),
        out=Path(PREDICTIONS),
    )
    return jobs.start_now(request, title)


def restart(job: Job) -> Job:
    """The same run once more; what it had embedded is not embedded again. Raises UserError when its data is gone."""
    request = read_request(job.folder)
    on_this_machine(request.data)
    return jobs.start_now(request, jobs.status(job).title)


def delete(job: Job) -> None:
    """Away with a run and all that it made, and with its upload where no other run needs that."""
    asked = job.request
    jobs.delete(job)
    if asked is not None and (upload := upload_of(asked.data)):
        drop(upload)


def drop(upload: Path) -> bool:
    """Deletes an upload with what was unpacked of it; whether it is gone, for a run may need it."""
    if upload in wanted_uploads():
        return False
    for path in upload.rglob("*"):
        if path.suffix.lower() in UNPACKED and path.is_file():
            for copy in unpacked_copies(path):
                shutil.rmtree(copy, ignore_errors=True)
    shutil.rmtree(upload, ignore_errors=True)
    return not upload.exists()


def is_bulk(job: Job) -> bool:
    """Whether a job recognises many products."""
    return isinstance(job.request, PredictRequest)


def bulk_jobs() -> list[Job]:
    """All such jobs, the newest first."""
    return [job for job in jobs.list_jobs() if is_bulk(job)]


@dataclass(frozen=True)
class Predictions:
    """A finished table; `columns` say what is where, None where the recogniser's questions are not known any more."""

    rows: list[Row]
    columns: AnswerColumns | None

    @property
    def tasks(self) -> list[str]:
        """The questions that were answered."""
        return list(self.columns.tasks) if self.columns else []

    def counted(self, task: str) -> Counter[Certainty | None]:
        """How many answers to a question are how sure; None: no answer."""
        assert self.columns is not None
        return Counter(self.columns.certainty(row, task) for row in self.rows)

    def answered(self) -> int:
        """Rows with an input that could be used."""
        return sum(self.columns.answered(row) for row in self.rows) if self.columns else 0

    def matching(self, words: str = "", task: str = "", only: Shown = "all") -> list[Row]:
        """The rows that hold all these words in any cell and whose answer to the question is as sure as this."""
        wanted = words.lower().split()
        return [row for row in self.rows if self._shown(row, task, only) and _holds(row, wanted)]

    def _shown(self, row: Row, task: str, only: Shown) -> bool:
        if only == "all" or self.columns is None:
            return True
        return not self.columns.answered(row) if only == "failed" else self.columns.certainty(row, task) == only


def predictions(job: Job) -> Predictions:
    """The finished table, one without rows before there is one."""
    try:
        with (job.folder / PREDICTIONS).open(newline="", encoding="utf-8") as stream:
            table = csv.DictReader(stream)
            rows, header = list(table), list(table.fieldnames or ())
    except OSError:
        return Predictions([], None)
    try:
        request = read_request(job.folder)
        assert isinstance(request, PredictRequest)
        columns = AnswerColumns.read(header, list(read_record(request.bundle).tasks))
    except ValueError:  # a UserError too: the recogniser was deleted since
        columns = None
    return Predictions(rows, columns)


def _holds(row: Row, words: Sequence[str]) -> bool:
    cells = " ".join(row.values()).lower()
    return all(word in cells for word in words)
