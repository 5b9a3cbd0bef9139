"""Runs that use a recogniser: its scores, how it copes with damage, its answers to many products.

In: an `EvaluateRequest`, a `RobustnessRequest` or a `PredictRequest`. Out: scores, curves of damage, a table.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

from retail.cluster import spread, store_place
from retail.dataset.columns import ID
from retail.dataset.manifest import Manifest
from retail.dataset.reader import header_of, read_manifest, read_rows
from retail.dataset.remarks import few_of_each
from retail.evaluation.robustness import robustness as measure
from retail.evaluation.robustness import some_of
from retail.evaluation.scores import evaluate as score
from retail.evaluation.scores import rows_to_score
from retail.files import whole_file
from retail.recognizer import Recognizer
from retail.recognizer.bundle import load_bundle, packed
from retail.report.files import write_tables
from retail.report.robustness_tables import robustness_tables, robustness_text
from retail.report.tables import scores_table
from retail.schema import Decision, Prediction, UserError
from retail.splits import unseen_sentences
from retail.store import EmbeddingStore
from retail.wording import percent, target
from retail.workspace.answers import AnswerColumns
from retail.workspace.execution.outcome import Follower, Outcome, read_data
from retail.workspace.many_answers import Answering, answers
from retail.workspace.requests import EvaluateRequest, PredictRequest, RobustnessRequest

DECIDED: dict[Decision, str] = {"accept": "are accepted", "review": "need a look", "unknown": "are of unknown products"}


def run(request: EvaluateRequest | RobustnessRequest | PredictRequest, follower: Follower) -> Outcome:
    """Dispatches on the kind."""
    recognizer = load_bundle(request.bundle)
    match request:
        case EvaluateRequest():
            return evaluate(request, recognizer, follower)
        case RobustnessRequest():
            return robustness(request, recognizer, follower)
        case PredictRequest():
            return predict(request, recognizer, follower)


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


def predict(request: PredictRequest, recognizer: Recognizer, follower: Follower) -> Outcome:
    """An answer a row, behind the user's own columns; rows that cannot be used keep the reason."""
    manifest = read_manifest(
        request.data, None, request.text_column, progress=follower, most_rows=request.limit, use_split=False
    )
    remarks = [str(remark) for remark in manifest.remarks if remark.kind != "labels"]  # nobody learns from these rows
    for sentence in [*few_of_each(map(str, manifest.problems)), *remarks]:
        follower.note(sentence)
    rows = _by_line(
        [answer for chunk in _answers(request, recognizer, manifest, follower) for answer in chunk], manifest
    )
    table = read_rows(request.data)
    header, own = table.header, table.by_number
    numbered = ID not in header
    columns = AnswerColumns.of([ID, *header] if numbered else header, list(recognizer.vocabularies))
    with whole_file(request.out) as unfinished, unfinished.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(columns.header)
        for line, row in rows:
            cells = own.get(line) or [row.id if name == ID else "" for name in header]
            writer.writerow(columns.cells([row.id, *cells] if numbered else cells, row))
    lost = sum(not row.used for _, row in rows)
    decided = Counter(answer.decision for _, row in rows for answer in row.answers.values())
    asked = max(decided.total(), 1)
    shares = ", ".join(f"{percent(decided[name] / asked)} {word}" for name, word in DECIDED.items())
    return Outcome(
        f"{len(rows)} products written to {request.out}, {lost} of them without an answer. Of the answers {shares} "
        f"(target accuracy {target(request.accuracy)})."
    )


def _answers(
    request: PredictRequest, recognizer: Recognizer, manifest: Manifest, follower: Follower
) -> Iterator[list[Prediction]]:
    """Chunk by chunk, here or on a cluster."""
    if request.catalogue and request.spread.engine != "local":
        raise UserError("A catalogue answers on its own machine only; leave out --catalogue, or --engine ray.")
    reading, accuracy, store = request.reading, request.accuracy, store_place(request.spread)
    work = Answering(packed(request.bundle), reading, accuracy, store)
    here = partial(answers, recognizer, reading, request.catalogue, accuracy, store, follower)
    return spread(work, here, manifest.products, "recognising", request.spread, follower)


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


def _by_line(predictions: Sequence[Prediction], manifest: Manifest) -> list[tuple[int, Prediction]]:
    """Each product's answer with what was wrong in its row, and the rows that are no product at all, line by line."""
    names: dict[int, str] = {}
    reasons: dict[int, tuple[str, ...]] = {}  # by line, for two rows may bear one id
    for problem in manifest.problems:
        if problem.line is not None and problem.id:  # the header has none
            names[problem.line] = problem.id
            reasons[problem.line] = (*reasons.get(problem.line, ()), str(problem))
    found = {}
    for row in predictions:
        line = manifest.lines[row.id]
        found[line] = replace(row, notes=(*reasons.pop(line, ()), *row.notes))
    lost = {line: Prediction(names[line], {}, (), notes) for line, notes in reasons.items()}
    return sorted((found | lost).items())
