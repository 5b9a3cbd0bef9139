"""Runs that use a recogniser: its scores, how it copes with damage, its answers to many products.

In: an `EvaluateRequest`, a `RobustnessRequest` or a `PredictRequest`. Out: scores, curves of damage, a table.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace

from retail.cluster import parts_of, spread
from retail.dataset.manifest import Manifest
from retail.dataset.pieces import PIECE_ROWS, Piece, pieces_of
from retail.dataset.reader import header_of
from retail.dataset.source import changed
from retail.evaluation.robustness import robustness as measure
from retail.evaluation.robustness import some_of
from retail.evaluation.scores import evaluate as score
from retail.evaluation.scores import rows_to_score
from retail.files import SHIPPED_BUNDLES, or_shipped
from retail.files.remote import address_of
from retail.recognizer import Recognizer
from retail.recognizer.bundle import load_bundle, read_record
from retail.report.files import write_tables
from retail.report.robustness_tables import robustness_tables, robustness_text
from retail.report.tables import scores_table
from retail.schema import UserError
from retail.splits import unseen_sentences
from retail.store import EmbeddingStore
from retail.wording import target
from retail.workspace.answering import Answered, Answerer, Answering, joined
from retail.workspace.execution.outcome import Follower, Outcome, read_data
from retail.workspace.parts import Parts
from retail.workspace.requests import EvaluateRequest, PredictRequest, RobustnessRequest


def run(request: EvaluateRequest | RobustnessRequest | PredictRequest, follower: Follower) -> Outcome:
    """Dispatches on the kind."""
    match request:
        case EvaluateRequest():
            return evaluate(request, load_bundle(request.bundle), follower)
        case RobustnessRequest():
            return robustness(request, load_bundle(request.bundle), follower)
        case PredictRequest():
            return predict(request, follower)


def evaluate(request: EvaluateRequest, recognizer: Recognizer, follower: Follower) -> Outcome:
    """Scores on labelled data; labels that the recogniser does not know count as wrong and are listed."""
    manifest = _labelled_data(request, recognizer, follower)
    scores = score(recognizer, manifest, request.split, request.modalities or None, follower)
    rows, judged = rows_to_score(recognizer, manifest, request.split)
    known = {task: recognizer.vocabularies[task] for task in scores.unknown_labels}
    for sentence in unseen_sentences(rows, known, judged.word):
        follower.note(sentence)
    if request.out is not None:
        scores.write(request.out)
    return Outcome(f"{scores.data.sentence}\n{scores_table(scores)}")


def robustness(request: RobustnessRequest, recognizer: Recognizer, follower: Follower) -> Outcome:
    """Blur, typos, noise and more at several strengths, and swapped inputs."""
    manifest = _labelled_data(request, recognizer, follower)
    found, facts = rows_to_score(recognizer, manifest, request.split)
    chosen = some_of(found, request.rows, request.seed)
    judged = facts.model_copy(update={"n": len(chosen)})
    tasks = manifest.label_columns
    results = measure(recognizer, chosen, tasks, EmbeddingStore(), follower, request.seed, data=judged)
    if request.out is not None:
        results.write(request.out)
    written = write_tables(robustness_tables(results), request.csv_folder)
    return Outcome(f"{judged.sentence}\n{robustness_text(results)}", tuple(written))


def predict(request: PredictRequest, follower: Follower) -> Outcome:
    """An answer a row; a run that was stopped goes on where it was."""
    if request.catalogue and request.spread.engine != "local":
        raise UserError(
            "A catalogue answers on its own machine only; leave the catalogue out, or recognise without a cluster."
        )
    if address := address_of(request.out):
        raise UserError(f"Answers are written on this machine, not to {address}; name a file here.")
    answerer = Answerer.of(request, follower)
    parts = Parts(request.out, _plan(request, answerer))
    asked = _Asked(request, parts, follower)
    found = spread(lambda: Answering.of(request), lambda: answerer.answered, asked.cut(), request.spread, follower)
    for whole in asked.whole(found):
        parts.write(whole)
    tally = parts.finish(asked.pieces)
    return Outcome(
        f"{tally.rows} products written to {request.out}, {tally.lost} of them without an answer. Of the answers "
        f"{tally.shares} (target accuracy {target(request.accuracy)})."
    )


class _Asked:
    """The pieces that no earlier run has answered, and how far that is."""

    def __init__(self, request: PredictRequest, parts: Parts, follower: Follower) -> None:
        self.request, self.parts, self.follower = request, parts, follower
        self.pieces, self.done, self.in_all = 0, 0, 0
        self.rows: dict[int, int] = {}  # number of a piece that was asked -> its rows

    def cut(self) -> Iterator[Piece]:
        """In pieces that one worker answers at a time."""
        request = self.request
        for piece in pieces_of(request.data, request.text_column, request.limit, self.follower):
            for sentence in piece.sentences:
                self.follower.note(sentence)
            self.pieces, self.in_all = self.pieces + 1, piece.rows_in_all
            if self.parts.has(piece.number):
                self.done += len(piece.rows)
            else:
                self.rows[piece.number] = len(piece.rows)
                yield from (replace(piece, rows=list(rows)) for rows in parts_of(piece.rows) or [piece.rows])

    def whole(self, found: Iterable[Answered]) -> Iterator[Answered]:
        """The pieces as they were, each once all of it is answered; the follower hears how far that is."""
        held: list[Answered] = []
        for answered in found:
            held.append(answered)
            self.done += len(answered.rows)
            if self.in_all > len(answered.rows):  # else it heard how encoding went
                self.follower("recognising products", self.done, max(self.done, self.in_all))
            if sum(len(each.rows) for each in held) == self.rows[answered.number]:
                yield joined(held)
                held = []


def _plan(request: PredictRequest, answerer: Answerer) -> str:
    """What the answers depend on, so that nobody goes on with those to something else."""
    shelf = answerer.shelf.version if answerer.shelf else -1
    read = [request.data.stat().st_size, changed(request.data)] if request.data.exists() else []
    facts = {
        "request": request.model_dump(mode="json", exclude={"spread"}),
        "data": read,
        "bundle": read_record(or_shipped(request.bundle, SHIPPED_BUNDLES)).head_sha256,
        "catalogue": shelf,
        "rows": PIECE_ROWS,
    }
    return json.dumps(facts)


def _labelled_data(
    request: EvaluateRequest | RobustnessRequest, recognizer: Recognizer, follower: Follower
) -> Manifest:
    """The data with those of the recogniser's tasks as labels that have a column, whatever the column looks like.

    Rows are tied together as they were for its training, where the data has those columns.
    """
    header = header_of(request.data, list(recognizer.vocabularies))
    tasks = [task for task in recognizer.vocabularies if task in header]
    learned = recognizer.info.data.group if recognizer.info else ()
    group = request.group or (learned if set(learned) <= set(header) else ())
    return read_data(request.data, tasks, request.text_column, follower, group, every_split=True)
