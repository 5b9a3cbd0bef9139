"""Runs that use a recogniser: its scores, how it copes with damage, its answers to many products.

In: an `EvaluateRequest`, a `RobustnessRequest` or a `PredictRequest`. Out: scores, curves of damage, a table.
"""

from __future__ import annotations

import json

from retail.dataset.manifest import Manifest
from retail.dataset.pieces import PIECE_ROWS, pieces_of
from retail.dataset.reader import header_of
from retail.dataset.source import changed
from retail.evaluation.robustness import robustness as measure
from retail.evaluation.robustness import some_of
from retail.evaluation.scores import evaluate as score
from retail.evaluation.scores import rows_to_score
from retail.files import SHIPPED_BUNDLES, or_shipped
from retail.recognizer import Recognizer
from retail.recognizer.bundle import load_bundle, read_record
from retail.report.files import write_tables
from retail.report.robustness_tables import robustness_tables, robustness_text
from retail.report.tables import scores_table
from retail.splits import unseen_sentences
from retail.store import EmbeddingStore
from retail.wording import target
from retail.workspace.answering import Answerer
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
    answerer = Answerer.of(request, follower)
    parts, count, done = Parts(request.out, _plan(request, answerer)), 0, 0
    for piece in pieces_of(request.data, request.text_column, request.limit, follower):
        for sentence in piece.sentences:
            follower.note(sentence)
        if not parts.has(piece.number):
            parts.write(answerer.answered(piece, follower if piece.is_all else None))
        count, done = count + 1, done + len(piece.rows)
        if not piece.is_all:
            follower("recognising products", done, max(done, piece.rows_in_all))
    tally = parts.finish(count)
    return Outcome(
        f"{tally.rows} products written to {request.out}, {tally.lost} of them without an answer. Of the answers "
        f"{tally.shares} (target accuracy {target(request.accuracy)})."
    )


def _plan(request: PredictRequest, answerer: Answerer) -> str:
    """What the answers depend on, so that nobody goes on with those to something else."""
    shelf = answerer.shelf.version if answerer.shelf else -1
    read = [request.data.stat().st_size, changed(request.data)] if request.data.exists() else []
    facts = {
        "request": request.model_dump(mode="json"),
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
