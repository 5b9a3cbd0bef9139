"""Leaderboards and the figures of one recogniser in words and tables.

In: a `Leaderboard`, or what one recogniser's scores or validation say. Out: sentences and `Table`s.
"""

from __future__ import annotations

from collections.abc import Sequence

from retail.certainty import Certainty
from retail.config.wish import DEFAULT_WISH
from retail.evaluation.leaderboard import Leaderboard, Ranked
from retail.evaluation.reports import SubsetCertainty
from retail.recognizer.card import SEEN
from retail.report.findings import listed
from retail.report.table_formats import Cell, Column, Estimate, Table, as_text, shown
from retail.wording import inputs_words, method_title, percent, percent_range, target, task_words

CAUTION = (
    "Choosing the first because it is first makes its figure a little too good, the more so the more recognisers "
    "compete. Between those that are tied, choose by validation, by cost or by the inputs that they need."
)
TIED = "cannot be told apart from the leader"


def leaderboard_text(board: Leaderboard) -> str:
    """For the terminal: each task's sentence, the tables, who is left out and a caution."""
    parts = [
        board.data.sentence,
        "\n".join(board_sentence(board.of_task(task)) for task in board.tasks),
        as_text(leaderboard_table(board)),
        "\n".join(f"Left out: {name}. {reason}" for name, reason in board.left_out.items()),
        seen_sentence(board),
        CAUTION,
    ]
    return "\n\n".join(filter(None, parts))


def board_sentence(rows: Sequence[Ranked]) -> str:
    """Who leads a task, who cannot be told apart from it and who is behind."""
    leader, *others = rows
    interval = percent_range(leader.accuracy_low, leader.accuracy_high)
    parts = [
        f"{task_words(leader.task)}: {leader.name} leads with {percent(leader.accuracy)} ({interval}, n = {leader.n:,})"
    ]
    tied = [row.name for row in others if row.tied]
    if not others:
        parts.append("no other recogniser has been scored for it")
    elif len(tied) == len(others):
        parts.append(f"{_joined(tied)} {TIED}")
    else:
        behind = len(others) - len(tied)
        clear = f"{behind} of {len(others)} others {'is' if behind == 1 else 'are'} clearly behind"
        clear = clear if len(others) > 1 else "the other is clearly behind"
        parts.append(f"{_joined(tied)} {TIED}; {clear}" if tied else f"{clear}")
    return "; ".join(parts) + "."


def _joined(names: Sequence[str]) -> str:
    return f"{len(names)} others" if len(names) > 3 else listed(names)


def seen_sentence(board: Leaderboard) -> str:
    """A caution where recognisers are scored on what they learned from; "" where none is."""
    if not board.seen:
        return ""
    return (
        f"{_joined(board.seen)} learned from rows that are scored here, so these figures say nothing about new "
        "products; score the test rows."
    )


def made_words(row: Ranked) -> str:
    """'fusion: Gated sum', 'fine-tuned: photo', with a remark for one from another machine."""
    method = method_title(row.method) if row.made == "frozen features" else row.method
    words = f"not written down ({method})" if row.made == "unknown" else f"{row.made}: {method}"
    return f"{words}, imported" if row.imported else words


def learned_words(row: Ranked) -> str:
    """Which data it learned from, and whether these are others than it is scored on."""
    if not row.learned_from:
        return "not written down"
    return "these data" if row.same_data else f"other data: {row.learned_from}"


def leaderboard_table(board: Leaderboard, task: str | None = None) -> Table:
    """All boards, or that of one task."""
    rows: list[list[Cell]] = [
        [
            row.task,
            row.name,
            Estimate(row.accuracy, row.accuracy_low, row.accuracy_high),
            None if row.behind is None else Estimate(row.behind.difference, row.behind.low, row.behind.high),
            None if row.behind is None else row.behind.p_holm,
            row.verdict,
            row.ece,
            inputs_words(row.inputs),
            made_words(row),
            learned_words(row),
            row.n,
        ]
        for row in board.rows
        if task in (None, row.task)
    ]
    columns = [Column("task"), Column("recogniser"), Column("accuracy", "%"), Column("to the leader", "points")]
    columns += [Column("p (Holm)", "p"), Column("verdict"), Column("ECE", "%"), Column("inputs"), Column("made by")]
    note = (
        "Paired on the same rows. Behind: the interval leaves zero out and p (exact McNemar's test with Holm) "
        f"is below 5 %. Tied: {TIED}."
    )
    title = "Recognisers on the same rows"
    return Table("leaderboard", title, [*columns, Column("learned from"), Column("n")], rows, note)


def certainty_sentences(row: SubsetCertainty) -> list[str]:
    """How right, how sure and how useful the answers to one question are with these inputs."""
    sentences = [
        f"Right {percent(row.accuracy)} of the time ({percent_range(row.accuracy_low, row.accuracy_high)}, "
        f"n = {row.n:,}).",
        f"Calibration error {percent(row.ece)}, {percent(row.ece_before)} before calibration; by chance alone it would "
        f"stay below {percent(row.ece_by_chance)}.",
    ]
    wish = row.promise(DEFAULT_WISH)
    if wish is None or wish.threshold is None:
        needed = f" It would take about {wish.needed:,} validation products." if wish and wish.needed else ""
        sentences.append(
            f"Validation cannot promise {target(DEFAULT_WISH)}, so no answer is sure without a look.{needed}"
        )
    elif wish.accuracy is None:
        sentences.append(f"No answer is sure enough for the target accuracy of {target(DEFAULT_WISH)}.")
    else:
        right = round(wish.accuracy * wish.answered)
        sentences.append(
            f"Sure at a target of {target(DEFAULT_WISH)}: {percent(wish.coverage)} of the answers, {right:,} of these "
            f"{wish.answered:,} right ({percent(wish.accuracy)})."
        )
    sentences.append(
        f"The set of classes that may be right holds the right one {percent(row.set_coverage)} of the time, with "
        f"{shown(round(row.set_size, 1), 'number').rstrip('0').rstrip('.')} classes on average."
    )
    if row.unknown is not None:
        sentences.append(f"{percent(row.unknown)} of these products are taken for none of the known ones.")
    return sentences


def validation_table(certainty: Certainty) -> Table:
    """What a recogniser's own validation says, for each question and mix of inputs; no rows where nobody wrote it."""
    rows: list[list[Cell]] = [
        [task, inputs_words(subset), float(record.right.sum() / record.n.sum()), int(record.n.sum())]
        for (task, subset), record in certainty.promises.records.items()
    ]
    columns = [Column("task"), Column("given"), Column("right", "%"), Column("n")]
    return Table("validation", "On its validation products", columns, rows, SEEN)
