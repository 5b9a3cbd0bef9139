"""What a killed process left behind: half-written files and folders, runs that never began, processes without a run.

In: the home folder. Out: findings. What was written within the last hour may still be at work and is none.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from retail.files import home
from retail.files.whole import PART, is_left, remove_left
from retail.wording import number_of
from retail.workspace import jobs, processes
from retail.workspace.health.finding import Finding, rests, size_of
from retail.workspace.health.taking_away import taking_away
from retail.workspace.records import UNFINISHED, ProcessRecord

# What earlier versions of `files` and of the store wrote to.
EARLIER = re.compile(r".+\.(?:[0-9a-f]{8}|safetensors)\.part", re.DOTALL)
# Below these lie the files of users, whatever they are called.
OF_USERS = (("datasets", "files"), ("uploads", "upload"), ("unpacked", "files"))


def unfinished_writes() -> Iterator[Finding]:
    """Files and folders that were to get another name once they were whole."""
    named = [*_written_aside()]
    found = [path for path in named if is_left(path.name)]
    found += [path for path in (*named, *_by_other_names()) if not PART.fullmatch(path.name) and rests(path)]
    if found:
        count = number_of(len(found), "file or folder was", "files or folders were")
        yield Finding("left over", f"{count} never finished.", tuple(found), size_of(found), partial(_clear, found))


def runs_that_never_began() -> Iterator[Finding]:
    """Folders of runs in which no run was ever recorded."""
    folder = jobs.runs_folder()
    inner = sorted(folder.iterdir()) if folder.is_dir() else []
    found = [
        path for path in inner if path.is_dir() and path.name != jobs.DELETED and not (path / jobs.RECORD).exists()
    ]
    found = [path for path in found if rests(path)]
    if found:
        count = number_of(len(found), "run was", "runs were")
        yield Finding("left over", f"{count} never started.", tuple(found), size_of(found), taking_away(found))


def stray_processes() -> Iterator[Finding]:
    """Processes of runs that have ended or were deleted."""
    for mark, found in processes.marks().items():
        if _has_ended(folder := Path(mark)):
            count = number_of(len(found), "process", "processes")
            sentence = f"{count} of the run {folder.name} still at work, though the run has ended."
            yield Finding("damaged", sentence, (folder,), 0, partial(_end, folder))


def _has_ended(folder: Path) -> bool:
    """Whether it is that of a run of this home which neither waits nor works, or was deleted."""
    if folder.parent.resolve() != jobs.runs_folder().resolve():
        return False
    job = jobs.find(folder.name)
    return job is None or not (job.record.queued or jobs.status(job).state in UNFINISHED)


def _end(folder: Path) -> None:
    if _has_ended(folder):  # it may have been retried meanwhile
        processes.end(ProcessRecord(), mark=str(folder))


def _clear(paths: Sequence[Path]) -> None:
    """Those whose names say that their processes are gone, and of the others those that nobody uses."""
    for path in paths:
        if is_left(path.name):
            remove_left(path)
    taking_away(path for path in paths if not PART.fullmatch(path.name))()


def _written_aside() -> Iterator[Path]:
    busy = _busy_folders()
    for place, folders, files in os.walk(home()):
        at = Path(place)
        inner = at.relative_to(home()).parts
        for name in [*folders, *files]:
            if PART.fullmatch(name) or EARLIER.fullmatch(name):
                yield at / name
        folders[:] = [name for name in folders if _is_searched(at / name, (*inner, name), busy)]


def _is_searched(path: Path, inner: tuple[str, ...], busy: set[Path]) -> bool:
    of_users = len(inner) == 3 and (inner[0], inner[2]) in OF_USERS
    return not (of_users or path in busy or path.name.endswith((".part", ".parts")))


def _busy_folders() -> set[Path]:
    """Of runs that wait or work: what they write aside is theirs."""
    return {job.folder for job, now in jobs.statuses() if now.state in UNFINISHED}


def _by_other_names() -> Iterator[Path]:
    yield from (home() / "unpacked").glob("part-*")
    yield from (jobs.runs_folder() / jobs.DELETED).glob("*")
    yield from (home() / "encoders").glob("finetuned-*")
