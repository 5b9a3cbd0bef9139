"""What people said about answers, kept at once and for good, and counted at once through a catalogue.

In: a product, the answer it got, and what somebody said about it. Out: `Correction`s in an SQLite file of the home
folder, which several processes may write.

Order of the writes, so that a kill at any moment loses nothing that was said: first the files are copied, then the
line is written, which is when a correction is kept, then the catalogue shows the example, then the line says so. A line
that the catalogue does not show yet, or still shows though it was taken back, is settled by whoever comes next.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from retail.catalogue.database import Catalogue, names
from retail.catalogue.record import CatalogueProduct
from retail.catalogue.writing import LOCK
from retail.files import SHIPPED_BUNDLES, home, or_shipped
from retail.files.faults import sentence_of
from retail.recognizer import Recognizer
from retail.recognizer.bundle import BUNDLE, read_record
from retail.review import examples, showing
from retail.review.record import Correction, Place, Said, Verdict
from retail.schema import Prediction, Product, UserError

LOCK_SECONDS = 30.0  # how long one process waits for another one's commit
# How long a correction waits for the catalogue's turn before it is settled later; pages answer within seconds.
TURN_SECONDS = 5.0
SCHEMA = """
CREATE TABLE IF NOT EXISTS corrections (
    id TEXT PRIMARY KEY, time REAL NOT NULL, catalogue TEXT NOT NULL, product TEXT NOT NULL, knows TEXT NOT NULL,
    content TEXT NOT NULL, undone REAL, settled INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS corrections_by_knows ON corrections (knows);
CREATE INDEX IF NOT EXISTS corrections_unsettled ON corrections (catalogue) WHERE settled = 0;
CREATE TABLE IF NOT EXISTS versions (checksum TEXT NOT NULL, base TEXT NOT NULL, PRIMARY KEY (checksum, base));
CREATE TABLE IF NOT EXISTS learned (checksum TEXT NOT NULL, id TEXT NOT NULL, PRIMARY KEY (checksum, id));
"""
# What these data are a version of, through all generations, themselves too.
FAMILY = """
WITH RECURSIVE family (checksum) AS (
    SELECT ? UNION SELECT base FROM versions JOIN family USING (checksum)
) SELECT checksum FROM family
"""


class Corrections:
    """All corrections of this machine, in the order in which they were said, whatever the clock told."""

    def __init__(self) -> None:
        self.root = home() / "corrections"
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            with self._base() as base:
                base.execute("PRAGMA journal_mode=WAL")
                base.executescript(SCHEMA)
        except (OSError, sqlite3.DatabaseError) as error:
            raise UserError(self._cannot_be_opened(error)) from error

    def record(
        self,
        product: Product,
        answer: Prediction,
        verdict: Verdict,
        *,
        recognizer: Recognizer,
        bundle: Path,
        catalogue: Catalogue,
        labels: Mapping[str, str] | None = None,
        name: str = "",
        product_id: str = "",
        origin: Place = "recognise",
    ) -> Correction:
        """Keeps what somebody said, and shows the example in the catalogue, where it counts from the next answer on.

        When it returns, the correction is kept, even if the catalogue could not take it yet. "right" confirms the
        product that was recognised, or else the answers to all questions unless `labels` names some. Raises UserError
        for a verdict that says nothing.
        """
        if verdict == "right" and answer.recognised and not labels:
            product_id = answer.recognised.id
        known = _known(catalogue, product_id) if product_id else None
        right = dict(labels or (known.labels if known else {}))
        if verdict == "right" and not known:
            right = right or {task: said.label for task, said in answer.answers.items()}
        _check(verdict, right, name, product_id)
        correction_id = secrets.token_hex(8)
        correction = Correction(
            id=correction_id,
            time=time.time(),
            origin=origin,
            verdict=verdict,
            bundle=str(bundle),
            recognizer=key_of(bundle),
            learned_from=recognizer.learned_from,
            said={
                task: Said(label=said.label, probability=said.probability, decision=said.decision)
                for task, said in answer.answers.items()
            },
            labels=right,
            name=known.name if known else name.strip(),
            catalogue=catalogue.name,
            product_id=product_id or f"correction-{correction_id}",
            example=examples.keep(product),
        )
        with self._base() as base:
            base.execute(
                "INSERT INTO corrections (id, time, catalogue, product, knows, content) VALUES (?, ?, ?, ?, ?, ?)",
                (
                    correction.id,
                    correction.time,
                    correction.catalogue,
                    correction.product_id,
                    correction.knows,
                    correction.model_dump_json(),
                ),
            )
        self.settle(catalogue)
        return correction

    def undo(self, correction_id: str, catalogue: Catalogue | None = None) -> None:
        """Takes a correction back, and its example out of the catalogue; nothing happens to one that is not there."""
        found = self.get(correction_id)
        if found is None:
            return
        with self._base() as base:
            base.execute(
                "UPDATE corrections SET undone = ?, settled = 0 WHERE id = ? AND undone IS NULL",
                (time.time(), correction_id),
            )
        if catalogue or found.catalogue in names():  # a catalogue that was deleted shows nothing any more
            self.settle(catalogue or Catalogue.open(found.catalogue))

    def settle(self, catalogue: Catalogue) -> int:
        """Makes the catalogue show what was said and no longer what was taken back; the number that still waits."""
        try:
            with FileLock(self.root / "settling.lock").acquire(timeout=TURN_SECONDS):
                with FileLock(catalogue.folder / LOCK).acquire(timeout=TURN_SECONDS):
                    pass  # free now; an import of many products would hold it for minutes
                for correction, undone in self._unsettled(catalogue.name):
                    self._settle(correction, undone, catalogue)
        except Timeout:
            pass  # another process is at it
        except Exception:  # what was said is kept; whoever comes next tries again
            logging.getLogger(__name__).exception("The catalogue could not take a correction yet")
        return len(self._unsettled(catalogue.name))

    def get(self, correction_id: str) -> Correction | None:
        """One correction, taken back or not."""
        with self._base() as base:
            row = base.execute("SELECT content FROM corrections WHERE id = ?", (correction_id,)).fetchone()
        return Correction.model_validate_json(row[0]) if row else None

    def all(self) -> list[Correction]:
        """All that were not taken back, the oldest first."""
        return self._where("1 = 1")

    def since_training(self, bundle: Path) -> list[Correction]:
        """Those that this recogniser has not learned from yet, the oldest first.

        They are about answers of recognisers with the same data, or with the data that those are a version of.
        """
        knows = knows_of(bundle)
        known = self._learned(knows)
        return [correction for correction in self.of_data(knows) if correction.id not in known]

    def of_data(self, checksum: str) -> list[Correction]:
        """All about answers of recognisers that learned from these data, or from data that these are a version of."""
        with self._base() as base:
            family = [row[0] for row in base.execute(FAMILY, (checksum,))]
        return self._where(f"knows IN ({', '.join('?' * len(family))})", family)

    def note_version(self, checksum: str, learned: Sequence[str]) -> None:
        """Remembers the corrections that these data hold, and so which data they are a version of."""
        corrections = [found for each in learned if (found := self.get(each))]
        bases = {correction.knows for correction in corrections} - {checksum}
        with self._base() as base:
            base.executemany("INSERT OR IGNORE INTO versions VALUES (?, ?)", [(checksum, each) for each in bases])
            base.executemany("INSERT OR IGNORE INTO learned VALUES (?, ?)", [(checksum, each) for each in learned])

    def _settle(self, correction: Correction, undone: bool, catalogue: Catalogue) -> None:
        if undone:
            others = self._where("catalogue = ? AND product = ?", [correction.catalogue, correction.product_id])
            showing.withdraw(correction, catalogue, others)
        else:
            showing.show(correction, catalogue)
        with self._base() as base:
            base.execute(
                "UPDATE corrections SET settled = 1 WHERE id = ? AND (undone IS NOT NULL) = ?", (correction.id, undone)
            )

    def _learned(self, checksum: str) -> set[str]:
        with self._base() as base:
            return {row[0] for row in base.execute("SELECT id FROM learned WHERE checksum = ?", (checksum,))}

    def _unsettled(self, catalogue: str) -> list[tuple[Correction, bool]]:
        with self._base() as base:
            rows = base.execute(
                "SELECT content, undone IS NOT NULL FROM corrections WHERE settled = 0 AND catalogue = ? "
                "ORDER BY rowid",
                (catalogue,),
            ).fetchall()
        return [(Correction.model_validate_json(content), bool(undone)) for content, undone in rows]

    def _where(self, condition: str, values: Sequence[str] = ()) -> list[Correction]:
        with self._base() as base:
            rows = base.execute(
                f"SELECT content FROM corrections WHERE undone IS NULL AND {condition} ORDER BY rowid",  # nosec B608
                values,
            ).fetchall()
        return [Correction.model_validate_json(row[0]) for row in rows]

    @contextmanager
    def _base(self) -> Iterator[sqlite3.Connection]:
        """A connection of this moment; what was written in it is on the disk when the block ends."""
        try:
            with closing(sqlite3.connect(self.root / "corrections.sqlite", timeout=LOCK_SECONDS)) as base, base:
                base.execute("PRAGMA synchronous=FULL")
                yield base
        except sqlite3.OperationalError:  # full, locked, read-only
            raise
        except sqlite3.DatabaseError as error:
            raise UserError(self._cannot_be_opened(error)) from error

    def _cannot_be_opened(self, error: Exception) -> str:
        return sentence_of(error) or (
            f"The corrections in '{self.root}' cannot be opened ({error}); make the folder writable, or move a damaged "
            "corrections.sqlite away."
        )


def key_of(bundle: Path) -> str:
    """Tells one recogniser from another."""
    return hashlib.sha256((or_shipped(bundle, SHIPPED_BUNDLES) / BUNDLE).read_bytes()).hexdigest()[:16]


def knows_of(bundle: Path) -> str:
    """What a recogniser knows, as a `Correction` says it."""
    info = read_record(or_shipped(bundle, SHIPPED_BUNDLES)).info
    return info.data.checksum if info else key_of(bundle)


def _known(catalogue: Catalogue, product_id: str) -> CatalogueProduct:
    found = catalogue.get(product_id)
    if found is None:
        raise UserError(f"The catalogue {catalogue.name!r} has no product {product_id!r} any more; choose another.")
    return found


def _check(verdict: Verdict, labels: Mapping[str, str], name: str, product_id: str) -> None:
    """Raises UserError where nobody could learn anything."""
    if verdict == "product" and not product_id:
        raise UserError("A correction to a product of the catalogue needs the product; choose one.")
    if verdict == "new" and not name.strip():
        raise UserError("A new product needs a name; type one.")
    if verdict in ("right", "class") and not product_id and not any(labels.values()):
        raise UserError("A correction needs the right answer to at least one question; choose one.")
