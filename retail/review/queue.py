"""The answers of a bulk run that need a person, one after another, for several people at once.

In: the run's folder and the numbers of rows, the most useful first. Out: a row for each who asks, never one for two.

A row is lent for a while to whoever asks: nobody else gets it until it is decided, skipped, or the time is over, as
when a browser was closed. The queue is an SQLite file of the run's folder, so that it goes with the run.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from retail.schema import UserError
from retail.wording import number_of

FILE = "review.sqlite"
LOCK_SECONDS = 30.0  # how long one process waits for another one's commit
# As long as somebody may look at one row; a row in a browser that was closed comes back after it.
LEASE_SECONDS = 300.0
PACE_ROWS = 20  # the latest decisions that the pace is taken from
PAUSE_SECONDS = 120.0  # a longer time between two decisions was no work
SCHEMA = """
CREATE TABLE IF NOT EXISTS rows (
    number INTEGER PRIMARY KEY, place INTEGER NOT NULL, reviewer TEXT NOT NULL DEFAULT '',
    until REAL NOT NULL DEFAULT 0, decided REAL, correction TEXT NOT NULL DEFAULT ''
);
CREATE INDEX IF NOT EXISTS rows_by_place ON rows (place) WHERE decided IS NULL;
"""


# A row that somebody has before him. A lease beyond the longest there is was made before the clock was set back.
LENT = "(until > :now AND until <= :longest)"


@dataclass(frozen=True)
class Counts:
    """How far a review is; `per_hour` is the pace of the latest decisions, None before there are two."""

    done: int
    left: int
    lent: int  # rows that somebody has before him
    per_hour: float | None

    @property
    def sentence(self) -> str:
        """'31 of 222 done, about 6 minutes left.'"""
        total = self.done + self.left
        if not self.left:
            return f"All {total:,} done."
        said = f"{self.done:,} of {total:,} done"
        if not self.per_hour:
            return f"{said}."
        minutes = max(1, round(60 * self.left / self.per_hour))
        if minutes < 90:
            return f"{said}, about {number_of(minutes, 'minute')} left."
        return f"{said}, about {minutes / 60:.1f} hours left."


@dataclass(frozen=True)
class Undone:
    """A decision that was taken back: its row, lent again to the same person, and the correction that it made."""

    number: int
    correction: str


class ReviewQueue:
    """One queue for all who review a run; `reviewer` tells them apart, such as a browser session."""

    def __init__(self, folder: Path, lease_seconds: float = LEASE_SECONDS) -> None:
        self.path, self.lease_seconds = folder / FILE, lease_seconds
        if not folder.is_dir():
            raise UserError(f"There is no run in {folder} any more; choose another one to review.")

    @property
    def exists(self) -> bool:
        """Whether somebody has filled it."""
        return self.path.is_file()

    def fill(self, numbers: Sequence[int]) -> None:
        """Sets the rows and their order; what is decided stays, rows that are no longer asked for go."""
        with self._base() as base:
            base.execute("PRAGMA journal_mode=WAL")
            base.executescript(SCHEMA)
        with self._writing() as base:
            kept = set(numbers)
            known = {row[0] for row in base.execute("SELECT number FROM rows WHERE decided IS NULL")}
            base.executemany("DELETE FROM rows WHERE number = ?", [(number,) for number in known - kept])
            base.executemany(
                "INSERT INTO rows (number, place) VALUES (?, ?) "
                "ON CONFLICT (number) DO UPDATE SET place = excluded.place",
                [(number, place) for place, number in enumerate(numbers)],
            )

    def next(self, reviewer: str) -> int | None:
        """The row that this person has before him, else the most useful free one, lent to him; None when none is."""
        with self._writing() as base:
            now = time.time()
            row = base.execute(
                f"SELECT number FROM rows WHERE decided IS NULL AND (NOT {LENT} OR reviewer = :me) "  # nosec B608
                f"ORDER BY (reviewer = :me AND {LENT}) DESC, place LIMIT 1",
                self._lent(now) | {"me": reviewer},
            ).fetchone()
            if row is None:
                return None
            base.execute(
                "UPDATE rows SET reviewer = ?, until = ? WHERE number = ?",
                (reviewer, now + self.lease_seconds, row[0]),
            )
            return int(row[0])

    def decide(self, reviewer: str, number: int, correction: str) -> None:
        """Closes a row with the id of the correction that says what is right.

        Raises UserError when somebody else has decided it, or has it now because the time was over.
        """
        with self._writing() as base:
            self._check_own(base, reviewer, number)
            base.execute(
                "UPDATE rows SET reviewer = ?, until = 0, decided = ?, correction = ? WHERE number = ?",
                (reviewer, _after_all(base), correction, number),
            )

    def skip(self, reviewer: str, number: int) -> None:
        """Puts a row at the end, free for anybody; raises UserError as `decide` does."""
        with self._writing() as base:
            self._check_own(base, reviewer, number)
            base.execute(
                "UPDATE rows SET reviewer = '', until = 0, place = (SELECT max(place) + 1 FROM rows) WHERE number = ?",
                (number,),
            )

    def undo(self, reviewer: str) -> Undone | None:
        """Opens the row that this person decided last, and lends it to him again; None when there is none.

        What he had before him is free again. The correction is for the caller to take back.
        """
        with self._writing() as base:
            row = base.execute(
                "SELECT number, correction FROM rows WHERE decided IS NOT NULL AND reviewer = ? "
                "ORDER BY decided DESC, number DESC LIMIT 1",
                (reviewer,),
            ).fetchone()
            if row is None:
                return None
            base.execute("UPDATE rows SET reviewer = '', until = 0 WHERE decided IS NULL AND reviewer = ?", (reviewer,))
            base.execute(
                "UPDATE rows SET decided = NULL, correction = '', until = ? WHERE number = ?",
                (time.time() + self.lease_seconds, row[0]),
            )
            return Undone(*row)

    def counts(self) -> Counts:
        """How many rows are done and left, and how fast it goes, whoever does them."""
        with self._base() as base:
            done, left, lent = base.execute(
                "SELECT count(decided), count(*) - count(decided), "  # nosec B608
                f"coalesce(sum(decided IS NULL AND {LENT}), 0) FROM rows",
                self._lent(time.time()),
            ).fetchone()
            times = [
                row[0]
                for row in base.execute(
                    "SELECT decided FROM rows WHERE decided IS NOT NULL ORDER BY decided DESC LIMIT ?", (PACE_ROWS,)
                )
            ]
        return Counts(done, left, lent, _per_hour(times))

    def ahead(self, count: int) -> list[int]:
        """The rows that come next for whoever asks, none of them lent."""
        with self._base() as base:
            rows = base.execute(
                f"SELECT number FROM rows WHERE decided IS NULL AND NOT {LENT} ORDER BY place LIMIT :count",  # nosec B608
                self._lent(time.time()) | {"count": count},
            )
            return [int(row[0]) for row in rows]

    def decisions(self) -> dict[int, str]:
        """Row -> the id of the correction that decided it."""
        with self._base() as base:
            return dict(base.execute("SELECT number, correction FROM rows WHERE decided IS NOT NULL").fetchall())

    def _check_own(self, base: sqlite3.Connection, reviewer: str, number: int) -> None:
        row = base.execute(
            f"SELECT reviewer, {LENT}, decided FROM rows WHERE number = :number",  # nosec B608
            self._lent(time.time()) | {"number": number},
        ).fetchone()
        if row is None:
            raise UserError("This row is not to be reviewed any more; go on with the next one.")
        owner, lent, decided = row
        if decided is not None:
            raise UserError("This row is decided already; go on with the next one.")
        if owner != reviewer and lent:
            raise UserError("Somebody else has this row now, because it lay open for long; go on with the next one.")

    def _lent(self, now: float) -> dict[str, float | int | str]:
        """What `LENT` asks for."""
        return {"now": now, "longest": now + max(self.lease_seconds, LEASE_SECONDS)}

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """Nobody else writes meanwhile; all of it or nothing."""
        with self._base() as base:
            base.execute("BEGIN IMMEDIATE")
            yield base

    @contextmanager
    def _base(self) -> Iterator[sqlite3.Connection]:
        if not self.path.parent.is_dir():
            raise UserError("The run was deleted, and its review with it; choose another one.")
        try:
            with closing(sqlite3.connect(self.path, timeout=LOCK_SECONDS)) as base, base:
                yield base
        except sqlite3.OperationalError:  # full, locked, read-only
            raise
        except sqlite3.DatabaseError as error:
            raise UserError(
                f"The review in {self.path} is damaged; delete this file and begin it anew. What was said is kept."
            ) from error


def _after_all(base: sqlite3.Connection) -> float:
    """Now, or after the latest decision where the clock was set back: the last one stays the last."""
    latest = base.execute("SELECT max(decided) FROM rows").fetchone()[0]
    return max(time.time(), (latest or 0.0) + 1e-3)


def _per_hour(times: Sequence[float]) -> float | None:
    """`times` of decisions, the latest first; pauses do not count."""
    gaps = [later - earlier for later, earlier in zip(times, times[1:], strict=False)]
    working = [gap for gap in gaps if gap <= PAUSE_SECONDS]
    return 3600 * len(working) / max(sum(working), 1e-3) if working else None
