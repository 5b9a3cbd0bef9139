"""The history of runs: what each one was, how it ended and its headline figure; export, and import of recognisers.

In: the run folders. Out: `Run`s from one SQLite file, which the folders can always fill again; ZIPs and reports.
"""

from __future__ import annotations

import contextlib
import io
import sqlite3
import tempfile
import zipfile
from collections.abc import Sequence
from contextlib import closing
from dataclasses import astuple, dataclass, fields
from functools import cache
from pathlib import Path

from retail.best.record import BestReport, report_of
from retail.comparison.results import Results, read_results
from retail.config import FrozenConfig
from retail.dataset.columns import read_pointer
from retail.dataset.places.archive import extract
from retail.evaluation.leaderboard import Leaderboard
from retail.files import DEMO_DIR, home, whole_folder
from retail.finetuning.record import FinetuningRecord
from retail.frozen.results import CurveResults, FrozenResults
from retail.recognizer.bundle import BUNDLE, load_bundle, training_of
from retail.recognizer.trust import Untrusted
from retail.report.verdict import verdict
from retail.schema import UserError
from retail.wording import method_title, number_of, percent, task_words
from retail.workspace import audits, bulk, jobs, leaderboards
from retail.workspace.datasets import DEMO_NAME, file_name_of
from retail.workspace.recognizers import RUN_BUNDLES, bundles_in, imported_folder
from retail.workspace.records import Status

KIND_WORDS = {
    "best": "Best of several methods",
    "compare": "Comparison",
    "finetune": "Fine-tuning",
    "frozen": "Frozen features",
    "predict": "Bulk recognition",
    "train": "Training",
    "audit": "Leak audit",
    "curve": "Learning curve",
    "embed": "Embedding",
    "evaluate": "Evaluation",
    "leaderboard": "Leaderboard",
    "robustness": "Robustness",
    "doctor": "Doctor's visit",
}
NOT_EXPORTED = (".pt", ".part")  # a stopped fine-tuning's checkpoint is of use only here


@dataclass(frozen=True)
class Run:
    """One line of the history; times are seconds since 1970, 0 where it has not ended."""

    id: str
    title: str
    kind: str
    data: str
    tasks: str
    state: str
    started: float
    ended: float
    headline: str
    tags: str  # separated by commas

    @property
    def job(self) -> jobs.Job:
        """Its folder and process."""
        return jobs.Job(self.id, jobs.runs_folder() / self.id)

    @property
    def bundles(self) -> list[Path]:
        """The recognisers that it made."""
        return bundles_in(self.job.folder / RUN_BUNDLES)


def history() -> list[Run]:
    """All runs, the newest first; what changed in the folders is taken over first."""
    try:
        return _synchronised()
    except (OSError, sqlite3.OperationalError):  # full, read-only, locked for long: slower without
        found = [_describe(job, now) for job, now in jobs.statuses()]
        return sorted(found, key=lambda run: (run.started, run.id), reverse=True)
    except sqlite3.DatabaseError:  # not a database any more: the folders know everything
        for path in home().glob("runs.sqlite*"):
            path.unlink(missing_ok=True)
        return _synchronised()


def _synchronised() -> list[Run]:
    names = [field.name for field in fields(Run)]
    home().mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(home() / "runs.sqlite", timeout=20)) as base, base:
        base.execute(f"CREATE TABLE IF NOT EXISTS runs ({', '.join(names)}, stamp, PRIMARY KEY (id))")
        known = {row[0]: row[1:] for row in base.execute("SELECT id, stamp, state FROM runs")}
        found, upcoming = jobs.list_jobs(), cache(jobs.next_in_queue)
        for gone in set(known) - {job.id for job in found}:
            base.execute("DELETE FROM runs WHERE id = ?", (gone,))
        for job in found:
            stamp, (seen, state) = jobs.settled(job), known.get(job.id, (0, ""))
            if not stamp or stamp != seen or state in jobs.UNFINISHED:
                row = (*astuple(_describe(job, jobs.status(job, upcoming))), stamp)
                marks = ", ".join("?" * len(row))
                base.execute(f"INSERT OR REPLACE INTO runs VALUES ({marks})", row)  # nosec B608
        columns = ", ".join(names)
        rows = base.execute(f"SELECT {columns} FROM runs ORDER BY started DESC, id DESC").fetchall()  # nosec B608
    return [Run(*row) for row in rows]


def _describe(job: jobs.Job, now: Status) -> Run:
    record, request = job.record, job.request
    finished = now.state not in jobs.UNFINISHED
    return Run(
        id=job.id,
        title=record.title or job.id,
        kind=request.kind if request else "",
        data=data_title(request.data) if request else "",
        tasks=", ".join(request.tasks) if request else "",
        state=now.state,
        started=record.started,
        ended=max(now.updated, record.started) if finished else 0.0,
        headline=_headline_or_none(job) if now.state == "done" else now.message,
        tags=", ".join(job.notes.tags),
    )


def data_title(path: Path) -> str:
    """What people call the data of a run."""
    if path.resolve() == DEMO_DIR:
        return DEMO_NAME
    try:
        pointer = read_pointer(path)
    except UserError:
        pointer = None
    return pointer.name if pointer else path.stem


def _headline_or_none(job: jobs.Job) -> str:
    """The headline, and none where a file of the run is damaged, odd or just deleted: no run hides the others."""
    try:
        return headline(job)
    except (OSError, TypeError, ValueError, KeyError, AttributeError, IndexError):
        return ""


def headline(job: jobs.Job) -> str:
    """The one figure by which a finished run is remembered, "" where there is none."""
    if job.results.is_file():
        try:
            return results_headline(read_results(job.results))
        except UserError:
            return curve_headline(CurveResults.read(job.results))
    if found := audits.report(job):
        from retail.report.audit_tables import severities_words

        return severities_words(found)
    if board := leaderboards.report(job):
        return board_headline(board)
    for folder in bundles_in(job.folder / RUN_BUNDLES):
        if tried := report_of(folder):
            return best_headline(tried)
        info = training_of(folder)
        if isinstance(info, FinetuningRecord):
            last = info.finetuning_history[-1].val_accuracy
            figures = [f"{task_words(task)} {percent(value)}" for task, value in last.items()]
            return f"On validation: {', '.join(figures)}"
        if info and info.history and info.best_epoch is not None:
            return f"On validation: {percent(info.history[info.best_epoch].val_accuracy)}"
    if bulk.is_bulk(job):
        answers = bulk.predictions(job)
        many = number_of(len(answers.rows), "product")
        return f"{answers.answered():,} of {many} answered" if answers.columns else many
    if (path := job.folder / "frozen.json").is_file():
        return frozen_headline(FrozenResults.read(path), _kept_method(job))
    return ""


def _kept_method(job: jobs.Job) -> str:
    """The frozen method whose recogniser a run kept; "" where it kept none."""
    configs = [info.config for info in map(training_of, bundles_in(job.folder / RUN_BUNDLES)) if info]
    return next((config.name for config in configs if isinstance(config, FrozenConfig)), "")


def best_headline(found: BestReport) -> str:
    """What was kept, on test, or on validation where there is no test."""
    won = found.winner
    figures = ", ".join(f"{task_words(row.task)} {percent(row.accuracy)}" for row in found.test)
    return f"On test: {figures} ({won.title})" if figures else f"On validation: {percent(won.accuracy)} ({won.title})"


def board_headline(board: Leaderboard) -> str:
    """How many were scored, and the leader of the first task."""
    leader, scored = board.rows[0], len({row.name for row in board.rows})
    return (
        f"{scored} scored; first for {task_words(leader.task)}: {leader.name}, {percent(leader.accuracy)} (n = "
        f"{leader.n:,})"
    )


def frozen_headline(results: FrozenResults, kept: str = "") -> str:
    """The method that was kept, or else the best one, on its best task; "" where no scored row has a label."""
    scored = [row for row in results.rows if row.n and kept in ("", row.method)]
    if not scored:
        return ""
    best = max(scored, key=lambda row: row.accuracy)
    split = "validation" if results.data.split == "val" else results.data.split
    return f"On {split}: {task_words(best.task)} {percent(best.accuracy)} ({method_title(best.method)})"


def results_headline(results: Results) -> str:
    """The best model of the first task that has a labelled test row, and whether fusion pays; "" where none has."""
    tasks = results.scored_tasks()
    if not tasks:
        return ""
    kinds, task = [verdict(results, task).kind for task in tasks], tasks[0]
    chosen = results.chosen_score(task)
    figure = f"{task_words(task)} {percent(chosen.accuracy)} ({results.titles[chosen.model]})"
    if results.selected[task].fusion is None:
        return figure
    return f"{figure}; fusion pays for {kinds.count('yes')} of {number_of(len(kinds), 'question')}"


def curve_headline(curves: CurveResults) -> str:
    """The first task with the fewest and the most examples, by the method that ends best."""
    rows = curves.of_task(curves.tasks[0])
    last = max((row for row in rows if row.shots == rows[-1].shots), key=lambda row: row.accuracy)
    first = next(row for row in rows if row.method == last.method)
    return (
        f"{task_words(last.task)}: {percent(first.accuracy)} with {first.shots} per class, "
        f"{percent(last.accuracy)} with {last.shots} ({method_title(last.method)})"
    )


def bundle_zip(bundle: Path) -> bytes:
    """A recogniser to take along; `python -m retail predict` and the import read it once unpacked."""
    files = [path for path in sorted(bundle.rglob("*")) if path.is_file() and path.suffix not in NOT_EXPORTED]
    return _zipped(files, bundle)


def import_bundle(file_name: str, content: bytes) -> Path:
    """Checks a bundle's ZIP and keeps it with the other recognisers; raises UserError when it is none, or damaged.

    One that asks for encoders from elsewhere is kept too: whoever opens it is asked first.
    """
    with tempfile.TemporaryDirectory() as temporary:
        upload, files = Path(temporary) / "upload.zip", Path(temporary) / "files"
        upload.write_bytes(content)
        if refused := extract(upload, files):
            raise UserError(refused[0].replace("upload.zip", file_name))
        found = sorted(files.rglob(BUNDLE), key=lambda path: len(path.parts))
        if not found:
            raise UserError(f"{file_name} contains no bundle.json; import a ZIP exported from the Runs page.")
        try:
            with contextlib.suppress(Untrusted):
                load_bundle(found[0].parent)  # formats, checksums and encoders
        except UserError as error:
            raise UserError(str(error).replace(str(found[0].parent), file_name)) from None
        base = file_name_of(Path(file_name).stem)
        taken = {path.name for path in imported_folder().glob("*")}
        names = (base if number == 1 else f"{base}-{number}" for number in range(1, len(taken) + 2))
        target = imported_folder() / next(name for name in names if name not in taken)
        with whole_folder(target) as partial:
            for path in found[0].parent.rglob("*"):
                if path.is_file():
                    (partial / path.relative_to(found[0].parent)).parent.mkdir(parents=True, exist_ok=True)
                    (partial / path.relative_to(found[0].parent)).write_bytes(path.read_bytes())
    return target


def _zipped(files: Sequence[Path], root: Path) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in files:
            archive.write(path, path.relative_to(root))
    return stream.getvalue()
