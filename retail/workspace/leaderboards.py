"""Scores of this machine's recognisers on a data set, kept once found, and the run that finds the missing ones.

In: a data set and recognisers by name. Out: their `Scores`, a `Leaderboard`, or a `Job` that is at it.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from retail.dataset.labels import respell
from retail.dataset.manifest import Manifest
from retail.dataset.reader import header_of, read_manifest
from retail.evaluation.leaderboard import Candidate, Leaderboard, leaderboard
from retail.evaluation.reports import Scores
from retail.evaluation.scores import evaluate
from retail.files import SHIPPED_BUNDLES, home, or_shipped
from retail.recognizer import Recognizer
from retail.recognizer.bundle import BUNDLE, CERTAINTY, HEAD, load_bundle, read_record
from retail.schema import Progress, UserError
from retail.workspace import jobs
from retail.workspace.jobs import Job
from retail.workspace.recognizers import imported_folder
from retail.workspace.requests import LeaderboardRequest, Request

BOARD = "leaderboard.json"


def names_of(bundles: Iterable[Path]) -> dict[str, Path]:
    """{name: folder}: what a folder is called, and its whole path where two are called the same."""
    called = {folder: folder.resolve().name for folder in bundles}
    often = Counter(called.values())
    return {name if often[name] == 1 else str(folder): folder for folder, name in called.items()}


def tasks_of(recognizers: Mapping[str, Path]) -> tuple[dict[str, dict[str, tuple[str, ...]]], dict[str, str]]:
    """What each answers, by name: {task: classes}; and why the description of another cannot be read."""
    found, damaged = {}, {}
    for name, folder in recognizers.items():
        try:
            found[name] = read_record(or_shipped(folder, SHIPPED_BUNDLES)).tasks
        except UserError as error:
            damaged[name] = str(error)
    return found, damaged


def fits(tasks: Mapping[str, Sequence[str]], manifest: Manifest) -> bool:
    """Whether a recogniser of these classes knows a label of the data: two shops may both ask for the product."""
    for task, classes in tasks.items():
        labels = {row.labels.get(task, "") for row in manifest.products}
        if labels & set(classes) or respell(labels, classes)[0]:
            return True
    return False


def board_manifest(
    data: Path,
    tasks: Iterable[str],
    text_column: str = "text",
    group: Sequence[str] = (),
    progress: Progress | None = None,
) -> Manifest:
    """The data with every one of the tasks that has a column as labels, and with rows of every split."""
    wanted = list(dict.fromkeys(tasks))
    header = header_of(data, wanted)
    labels = [task for task in wanted if task in header]
    return read_manifest(data, labels or None, text_column, progress=progress, group=group, every_split=True)


def score_file(bundle: Path, manifest: Manifest, split: str) -> Path:
    """Where the scores of this recogniser on these rows are kept: another file for other rows or a file that changed.

    Encoders count by their fingerprints, which the description holds, and a copy of a recogniser shares its scores.
    """
    folder, digest = or_shipped(bundle, SHIPPED_BUNDLES), hashlib.sha256()
    for name in (BUNDLE, HEAD, CERTAINTY):
        content = (folder / name).read_bytes() if (folder / name).is_file() else b""
        digest.update(hashlib.sha256(content).digest())
    rows = manifest.products if split == "all" else manifest.in_split(split)
    facts = [manifest.checksum, manifest.text_column, split, *(f"{row.id}\n{row.group}" for row in rows)]
    digest.update("\0".join(facts).encode())
    return home() / "scores" / f"{digest.hexdigest()[:32]}.json"


def find_scores(bundle: Path, manifest: Manifest, split: str = "test", progress: Progress | None = None) -> Scores:
    """The kept scores, or those that are found now and kept; raises UserError for a recogniser that cannot be used.

    The splits of the data count whether a column says them or not, so that all are scored on the same rows.
    """
    path = score_file(bundle, manifest, split)
    with contextlib.suppress(UserError):  # nobody has looked, or the file can no longer be read
        return Scores.read(path)
    recognizer = load_bundle(bundle)
    _check_unseen(recognizer, manifest, split)
    scores = evaluate(recognizer, replace(manifest, has_split=True), split, progress=progress)
    scores.write(path)
    return scores


def _check_unseen(recognizer: Recognizer, manifest: Manifest, split: str) -> None:
    """Raises UserError where other groups have split these data for its training, so that it knows some of the rows."""
    learned = recognizer.info.data if recognizer.info else None
    if manifest.has_split or split == "all" or learned is None or learned.name != manifest.title:
        return
    if set(learned.group) != set(manifest.group):
        ours, theirs = (", ".join(names) or "no named columns" for names in (manifest.group, learned.group))
        raise UserError(
            f"It was trained on {learned.name} with rows tied together by {theirs}, so it may have learned from "
            f"products that are for testing here (tied by {ours}). Use the same --group, or mark the splits."
        )


def board_of(
    recognizers: Mapping[str, Path], scores: Mapping[str, Scores], left_out: Mapping[str, str] | None = None
) -> Leaderboard:
    """The board of all that have scores."""
    candidates = [
        Candidate(name, scores[name], folder.parent == imported_folder())
        for name, folder in recognizers.items()
        if name in scores
    ]
    return leaderboard(candidates, left_out)


def start(data: Path, recognizers: Mapping[str, Path], text_column: str, title: str) -> Job:
    """Queues the run that scores what is not scored yet; what a stopped one has found stays."""
    asked = LeaderboardRequest(data=data, recognizers=dict(recognizers), text_column=text_column, out=Path(BOARD))
    return jobs.start(asked, title)


def latest(data: Path) -> Job | None:
    """The newest such run on these data, finished or not."""
    return next((job for job in jobs.list_jobs() if _ranks(job.request, data)), None)


def report(job: Job | None) -> Leaderboard | None:
    """The board that a run has written; None while it has not ended well."""
    try:
        return None if job is None else Leaderboard.read(job.folder / BOARD)
    except UserError:
        return None


def _ranks(request: Request | None, data: Path) -> bool:
    return isinstance(request, LeaderboardRequest) and request.data == data
