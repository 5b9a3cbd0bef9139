"""Many products answered piece by piece: read, embed, answer, and the cells of the table that comes out.

In: a `PredictRequest` and `Piece`s. Out: `Answered` pieces. An `Answerer` is made once in each process that answers,
and knows nothing of the others; which piece is answered where and when changes no cell.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from retail.catalogue.database import Catalogue
from retail.catalogue.evidence import all_with_evidence, noted
from retail.catalogue.shelf import Shelf
from retail.cluster import PRODUCTS, Maker, files_here, store_place
from retail.config.reading import Reading
from retail.dataset.columns import ID
from retail.dataset.pieces import AskedRow, Piece
from retail.recognizer import Recognizer
from retail.recognizer.bundle import load_bundle, packed, unpacked
from retail.schema import Decision, Note, Prediction, Product, Progress
from retail.store import EmbeddingBatch, EmbeddingStore
from retail.store.remote import store_at
from retail.wording import percent
from retail.workspace.answers import AnswerColumns
from retail.workspace.requests import PredictRequest

ANSWERED_AT_ONCE = 256  # an answer has the probability of every class, so thousands of them fill the memory
DECIDED: dict[Decision, str] = {"accept": "are accepted", "review": "need a look", "unknown": "are of unknown products"}


@dataclass(frozen=True)
class Tally:
    """How many rows came back, without an answer, and with answers to be accepted, looked at or unknown."""

    rows: int = 0
    lost: int = 0
    decided: Counter[Decision] = field(default_factory=Counter)

    def __add__(self, other: Tally) -> Tally:
        return Tally(self.rows + other.rows, self.lost + other.lost, self.decided + other.decided)

    @property
    def shares(self) -> str:
        """What to do with the answers, in words."""
        asked = max(self.decided.total(), 1)
        return ", ".join(f"{percent(self.decided[name] / asked)} {word}" for name, word in DECIDED.items())


@dataclass(frozen=True)
class Answered:
    """One piece of the table of answers."""

    number: int
    header: list[str]
    rows: list[list[str]]
    tally: Tally


def joined(pieces: Sequence[Answered]) -> Answered:
    """One piece of what was answered bit by bit."""
    rows = [row for piece in pieces for row in piece.rows]
    return Answered(pieces[0].number, pieces[0].header, rows, sum((piece.tally for piece in pieces), Tally()))


@dataclass(frozen=True)
class Answering:
    """An `Answerer` that is yet to be, for another machine: its bundle's files, and what counts for its answers."""

    bundle: dict[str, bytes]
    accuracy: float
    reading: Reading
    store: str

    @classmethod
    def of(cls, request: PredictRequest) -> Answering:
        """As a request asks for it; a catalogue stays where it is."""
        return cls(packed(request.bundle), request.accuracy, request.reading, store_place(request.spread))

    def ready(self) -> Maker[Piece, Answered]:
        """Loads the recogniser, whose files stay for as long as it does."""
        folder = tempfile.TemporaryDirectory(prefix="retail-bundle-")
        # Whoever asked has loaded it before.
        recognizer = load_bundle(unpacked(self.bundle, Path(folder.name)), trust=True)
        answerer = Answerer(recognizer, self.accuracy, reading=self.reading, store=store_at(self.store))
        answerer.folder = folder
        return answerer.answered


class Answerer:
    """A recogniser, alone or with the products of a catalogue beside its classes."""

    def __init__(
        self,
        recognizer: Recognizer,
        accuracy: float,
        catalogue: str = "",
        reading: Reading | None = None,
        progress: Progress | None = None,
        store: EmbeddingStore | None = None,
    ) -> None:
        self.recognizer, self.accuracy, self.reading = recognizer, accuracy, reading or Reading()
        self.store = store or EmbeddingStore()
        self.folder: object = None  # what has to last as long as this
        known = Catalogue.open(catalogue) if catalogue else None
        self.shelf = Shelf.of(recognizer, known, progress=progress) if known is not None and len(known) else None

    @classmethod
    def of(cls, request: PredictRequest, progress: Progress | None = None) -> Answerer:
        """As a request asks for it."""
        store, bundle = store_at(store_place(request.spread)), load_bundle(request.bundle)
        return cls(bundle, request.accuracy, request.catalogue, request.reading, progress, store)

    def answered(self, piece: Piece, progress: Progress | None = None) -> Answered:
        """An answer a row, behind the user's own columns; rows that cannot be used keep the reason.

        `progress` hears of encoding where the piece is all there is.
        """
        told = progress if piece.is_all else None
        if piece.rows_in_all > PRODUCTS and not self.recognizer.is_ready:
            self.recognizer.make_ready()  # as `Embedding` does, so that every worker computes the same
        numbered = ID not in piece.header
        own = [ID, *piece.header] if numbered else piece.header
        columns = AnswerColumns.of(own, list(self.recognizer.vocabularies))
        rows, tally = [], Tally()
        with files_here([row.product for row in piece.rows if row.product is not None]) as products:
            found = self._predictions(products, told)
            for asked in piece.rows:
                answer = _beside(asked, next(found) if asked.product is not None else None)
                rows.append(columns.cells([asked.name, *asked.cells] if numbered else asked.cells, answer))
                decided = Counter(each.decision for each in answer.answers.values())
                tally += Tally(1, int(not answer.used), decided)
        return Answered(piece.number, columns.header, rows, tally)

    def _predictions(self, products: Sequence[Product], progress: Progress | None) -> Iterator[Prediction]:
        products, read = all_with_evidence(products, self.reading, progress)
        if not products:
            return
        batch, notes = (self.shelf or self.recognizer).embed(products, self.store, progress)
        for start in range(0, len(batch), ANSWERED_AT_ONCE):
            rows = batch.rows(slice(start, start + ANSWERED_AT_ONCE))
            for answer, evidence in zip(self._answers(rows, notes), read[start:], strict=False):
                yield noted(answer, evidence)

    def _answers(self, rows: EmbeddingBatch, notes: Sequence[Note]) -> list[Prediction]:
        names = set(rows.ids)
        own = [note for note in notes if note.product in names]
        return (self.shelf or self.recognizer).answer(rows, own, self.accuracy)


def _beside(asked: AskedRow, answer: Prediction | None) -> Prediction:
    """The answer with what was wrong in its row; none for a row that is no product."""
    if answer is None:
        return Prediction(asked.name, {}, (), asked.reasons)
    return replace(answer, notes=(*asked.reasons, *answer.notes))
