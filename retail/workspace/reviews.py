"""A bulk run under review: its rows as products again, those that need a person, and the table with what was said.

In: a finished job of `bulk`. Out: a `Review`; a queue filled so that the rows that teach most come first; a CSV.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from retail.dataset.manifest import Manifest
from retail.dataset.reader import read_manifest
from retail.escaping import in_cell
from retail.recognizer import Recognizer
from retail.review.corrections import Corrections
from retail.review.order import review_order
from retail.review.queue import ReviewQueue
from retail.review.record import Correction
from retail.schema import Product, Progress, UserError
from retail.store import EmbeddingStore
from retail.workspace import bulk, jobs
from retail.workspace.answers import Row
from retail.workspace.bulk import PREDICTIONS, Predictions
from retail.workspace.jobs import Job
from retail.workspace.requests import PredictRequest

# Columns behind the table: what somebody said of the row, and for each question the answer that counts now.
REVIEWED, FINAL = "reviewed", "_final"
VERDICT_WORDS = {"right": "right", "class": "corrected", "product": "corrected", "new": "new product"}


@dataclass(frozen=True)
class Review:
    """A run that can be reviewed. Rows go by their number in the table of answers, from 0."""

    job: Job
    bundle: Path
    accuracy: float
    table: Predictions
    products: Mapping[int, Product]
    places: Mapping[int, str]  # number -> 'line 12'

    @property
    def queue(self) -> ReviewQueue:
        """The queue of all who review it."""
        return ReviewQueue(self.job.folder)

    def open_tasks(self, number: int) -> list[str]:
        """The questions of a row that need a person, those with an answer that was not accepted."""
        columns = self.table.columns
        assert columns is not None
        row = self.table.rows[number]
        return [task for task in self.table.tasks if columns.decision(row, task) in ("review", "unknown")]

    @property
    def wanted(self) -> list[int]:
        """The rows that need a person, in the table's order."""
        return [number for number in sorted(self.products) if self.open_tasks(number)]


def reviewable() -> dict[str, tuple[Job, int]]:
    """Id -> (job, rows that need a person) of every finished bulk run that has such rows, the newest first."""
    found = {}
    for job in bulk.bulk_jobs():
        if jobs.status(job).state != "done" or not (job.folder / PREDICTIONS).is_file():
            continue
        if count := _counted(job, (job.folder / PREDICTIONS).stat().st_mtime_ns):
            found[job.id] = (job, count)
    return found


@lru_cache(maxsize=64)
def _counted(job: Job, changed: int) -> int:
    """Rows that need a person; a page asks each time it is drawn, and a table never changes once it is there."""
    return to_look_at(bulk.predictions(job))


def to_look_at(table: Predictions) -> int:
    """Rows with an answer to some question that was not accepted."""
    columns = table.columns
    if columns is None:
        return 0
    return sum(any(columns.decision(row, task) in ("review", "unknown") for task in table.tasks) for row in table.rows)


def open_review(job: Job) -> Review:
    """Reads the run's data again; raises UserError where it is gone or was changed since."""
    request = job.request
    table = bulk.predictions(job)
    if not isinstance(request, PredictRequest) or table.columns is None:
        raise UserError("The recogniser of this run is gone, so its answers cannot be reviewed; recognise them again.")
    manifest = read_manifest(request.data, None, request.text_column, most_rows=request.limit, use_split=False)
    lines = _lines(manifest)
    if len(lines) != len(table.rows):
        raise UserError(
            f"The data of this run has {len(lines):,} rows now, but {len(table.rows):,} were recognised; recognise "
            "them again."
        )
    numbers = {line: number for number, line in enumerate(lines)}
    products = {numbers[manifest.lines[product.id]]: product for product in manifest.products}
    places = {number: f"line {line:,}" for line, number in numbers.items()}
    return Review(job, request.bundle, request.accuracy, table, products, places)


def _lines(manifest: Manifest) -> list[int]:
    """The lines that the table has a row for, in its order: products, and rows that are none."""
    lost = {problem.line for problem in manifest.problems if problem.line is not None and problem.id}
    return sorted({*manifest.lines.values(), *lost})


def fill(review: Review, recognizer: Recognizer, progress: Progress | None = None) -> int:
    """Puts the rows that need a person into the queue, those that teach most first; returns how many.

    Their embeddings are in the store since the run. What is decided already stays decided.
    """
    numbers = review.wanted
    if not numbers:
        return 0
    batch, _ = recognizer.embed([review.products[number] for number in numbers], EmbeddingStore(), progress)
    review.queue.fill([numbers[place] for place in review_order(recognizer, batch)])
    return len(numbers)


def reviewed_table(review: Review) -> str:
    """The table as CSV with what was said of each row, and the answer to each question that counts now.

    That is what somebody said, else the answer where it was accepted, else nothing.
    """
    said = corrections_of(review)
    columns = review.table.columns
    assert columns is not None
    header = columns.header
    names = _free([REVIEWED, "reviewed_product", *(f"{task}{FINAL}" for task in review.table.tasks)], header)
    stream = io.StringIO()
    writer = csv.writer(stream)
    writer.writerow([*header, *map(in_cell, names)])
    for number, row in enumerate(review.table.rows):
        correction = said.get(number)
        verdict = VERDICT_WORDS[correction.verdict] if correction else ""
        product = correction.name if correction else ""
        finals = [_final(review, row, task, correction) for task in review.table.tasks]
        writer.writerow([*(row[name] for name in header), verdict, *map(in_cell, [product, *finals])])
    return stream.getvalue()


def corrections_of(review: Review) -> dict[int, Correction]:
    """What was said of each row that is decided."""
    if not review.queue.exists:
        return {}
    kept = Corrections()
    found = {number: kept.get(name) for number, name in review.queue.decisions().items()}
    return {number: correction for number, correction in found.items() if correction is not None}


def _final(review: Review, row: Row, task: str, correction: Correction | None) -> str:
    columns = review.table.columns
    assert columns is not None
    if correction is not None and (said := correction.labels.get(task)):
        return said
    if correction is not None and correction.verdict == "new":
        return ""
    return row[columns.tasks[task].label] if columns.decision(row, task) == "accept" else ""


def _free(wanted: list[str], taken: list[str]) -> list[str]:
    """Names that the table does not have yet."""
    found: list[str] = []
    for name in wanted:
        while name in taken or name in found:
            name = f"{name} (review)"
        found.append(name)
    return found
