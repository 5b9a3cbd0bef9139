"""What the files in a run's folder say: its record, its name and how far it is.

In: a path. Out: `JobRecord`, `Name`, `Notes`, `Status`. A file that is missing, damaged or of another kind reads as a
record of defaults, so that no run hides the others; a record is written whole, and never into the folder of a deleted
run.
"""

from __future__ import annotations

import contextlib
from functools import lru_cache
from pathlib import Path
from typing import ClassVar, Final, Literal, Self

from pydantic import ConfigDict, Field

from retail.files import whole_file_in_folder
from retail.files.record import Count, Moment, Number, Record, Version, version_of
from retail.system import patiently

State = Literal["queued", "starting", "running", "done", "failed", "cancelled"]
QUEUED: Final = "queued"
LIVE: Final = ("starting", "running")
UNFINISHED: Final = (QUEUED, *LIVE)


class RunFile(Record):
    """One JSON file of a run; every field has a default, and what nobody knows is passed over."""

    model_config = ConfigDict(extra="ignore")
    flushed: ClassVar[bool] = True  # whether it has to outlive a power cut

    @classmethod
    def read(cls, path: Path) -> Self:
        """What the file says; the defaults where nobody can read it."""
        try:
            return cls._of(path, version_of(path))
        except (OSError, ValueError):
            return cls()

    @classmethod
    @lru_cache(maxsize=4096)
    def _of(cls, path: Path, version: Version) -> Self:
        return cls.model_validate_json(patiently(path.read_bytes))

    def write(self, path: Path) -> None:
        """Whole or not at all; nothing happens when the folder is gone."""
        with contextlib.suppress(FileNotFoundError), whole_file_in_folder(path, self.flushed) as partial:
            partial.write_text(self.model_dump_json(), encoding="utf-8")


class ProcessRecord(RunFile):
    """One process for good: its number may be used again, but not with this time of birth (`system.born`)."""

    pid: int = Field(default=0, ge=0, lt=2**31)
    born: Number = 0.0


class JobRecord(RunFile):
    """job.json: what was asked for, when, and the processes that run it and wait for it."""

    title: str = ""
    command: tuple[str, ...] = ()
    started: Moment = 0.0  # seconds since 1970; of a queued run: when it was asked for
    queued: bool = False
    process: ProcessRecord = ProcessRecord()
    worker: ProcessRecord = ProcessRecord()  # the queue's, which tells how the process ended


class Name(RunFile):
    """name.json: a title given later; apart, so that it never writes over a process noted at the same moment."""

    title: str = ""


class Notes(RunFile):
    """notes.json: what people wrote about a run."""

    tags: tuple[str, ...] = ()
    text: str = ""


class Status(RunFile):
    """status.json: how far a run is; times are seconds since 1970."""

    flushed: ClassVar[bool] = False  # another one comes in a moment
    state: State = "starting"
    stage: str = "starting"
    done: Count = 0
    total: Count = 0
    message: str = ""
    title: str = ""
    stage_started: Moment = 0.0
    stage_first: Count = 0  # steps that were done when the stage began
    partial: dict[str, Number] = {}  # model -> accuracy on validation so far
    pid: Count = 0
    updated: Moment = 0.0

    @property
    def share(self) -> float:
        """How far the present stage is, 0 to 1."""
        return min(1.0, self.done / self.total) if self.total else 0.0
