"""Every recogniser on the same rows: one board for each task, with paired differences to the leader.

In: the `Scores` of several recognisers, found on the same rows of the same data. Out: a `Leaderboard`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import ClassVar, Literal

import numpy as np
from pydantic import TypeAdapter, ValidationError

from retail.config import FrozenConfig
from retail.evaluation.reports import ScoredData, Scores, TaskPredictions, TaskScore
from retail.files.record import Count, Figure, FileRecord, Record, Unsound
from retail.finetuning.record import FinetuningRecord
from retail.fusion import strategies
from retail.metrics.paired import SIGNIFICANT, PairedTest, holm, paired_test
from retail.schema import Modality, UserError
from retail.training.record import TrainingRecord
from retail.wording import inputs_words

Made = Literal["fusion", "single input", "fine-tuned", "frozen features", "unknown"]
Verdict = Literal["leader", "tied", "behind"]
_TRAINING: TypeAdapter[FinetuningRecord | TrainingRecord] = TypeAdapter(FinetuningRecord | TrainingRecord)
# Rows that a recogniser of these data has seen say little about others.
LEARNED = ("train", "val", "all")


@dataclass(frozen=True)
class Candidate:
    """A recogniser by name, and what `evaluate` found; `imported`: it was made on another machine."""

    name: str
    scores: Scores
    imported: bool = False


class ToLeader(Record):
    """A recogniser minus the leader of its board on the same rows; `p_holm` holds for the whole board.

    `wins` and `losses` count the rows (or groups) on which one was right more often. `clear`: they can be told apart.
    """

    difference: Figure
    low: Figure
    high: Figure
    wins: Count
    losses: Count
    p_value: Figure
    p_holm: Figure
    clear: bool


class Ranked(Record):
    """One recogniser on the board of one task; `behind` is absent for the leader."""

    task: str
    name: str
    made: Made
    method: str  # fusion strategy, the input or those whose encoders learned, or map and classifier
    imported: bool
    inputs: tuple[Modality, ...]
    learned_from: str  # name of the data set, "" where nobody wrote it down
    same_data: bool  # it learned from the data that it is scored on
    n: Count
    accuracy: Figure
    accuracy_low: Figure
    accuracy_high: Figure
    ece: Figure
    behind: ToLeader | None = None

    @property
    def tied(self) -> bool:
        """It cannot be told apart from the leader."""
        return self.behind is not None and not self.behind.clear

    @property
    def verdict(self) -> Verdict:
        """In one word."""
        return "leader" if self.behind is None else "tied" if self.tied else "behind"


class Leaderboard(FileRecord):
    """What `leaderboard --out` writes: the boards of all tasks, and why a recogniser is on none of them."""

    remedy: ClassVar[str] = "run 'leaderboard --out' again"

    format: Literal["retail-leaderboard/1"] = "retail-leaderboard/1"
    data: ScoredData
    rows: tuple[Ranked, ...]  # by task, the most accurate first
    left_out: dict[str, str]  # name -> reason

    def check(self) -> None:
        """A board of each question begins with its leader, the one that nobody is compared with."""
        if not self.rows:
            raise Unsound("rows", "there is none")
        for task in self.tasks:
            rows = self.of_task(task)
            if [row.behind is None for row in rows] != [True, *[False] * (len(rows) - 1)]:
                raise Unsound("rows", "there is one leader, and that comes first")
            if len({row.name for row in rows}) < len(rows) or not all(row.n and row.accuracy >= 0 for row in rows):
                raise Unsound("rows", "each recogniser has one accuracy")

    @property
    def tasks(self) -> list[str]:
        """Those that some recogniser answers."""
        return list(dict.fromkeys(row.task for row in self.rows))

    def of_task(self, task: str) -> list[Ranked]:
        """The board of one task, the leader first."""
        return [row for row in self.rows if row.task == task]

    @property
    def seen(self) -> list[str]:
        """Recognisers that learned from rows which they are scored on."""
        if self.data.split not in LEARNED:
            return []
        return list(dict.fromkeys(row.name for row in self.rows if row.same_data))


def leaderboard(candidates: Sequence[Candidate], left_out: Mapping[str, str] | None = None) -> Leaderboard:
    """The most accurate first, then by calibration error; a recogniser without a task is not on that task's board.

    Raises UserError when the scores are not of the same rows, or there are none.
    """
    if not candidates:
        raise UserError("No recogniser could be scored, so there is no board; name one that has a task of the data.")
    data = candidates[0].scores.data
    for candidate in candidates[1:]:
        _check_same(candidates[0].name, data, candidate)
    tasks = dict.fromkeys(score.task for candidate in candidates for score in candidate.scores.scores)
    rows = [row for task in tasks for row in _board(task, candidates)]
    return Leaderboard(data=data, rows=tuple(rows), left_out=dict(left_out or {}))


def _check_same(name: str, data: ScoredData, other: Candidate) -> None:
    found = other.scores.data
    if (data.checksum, data.split, data.n) != (found.checksum, found.split, found.n):
        raise UserError(
            f"{name} was scored on the {data.split} rows of {data.name} (n = {data.n:,}) and {other.name} on the "
            f"{found.split} rows of {found.name} (n = {found.n:,}); score both on the same rows."
        )


def _board(task: str, candidates: Sequence[Candidate]) -> list[Ranked]:
    answers = {c.name: c.scores.predictions[task] for c in candidates if task in c.scores.predictions}
    scored = [
        (candidate, score)
        for candidate in candidates
        for score in candidate.scores.scores
        if score.task == task and score.n
    ]
    if not scored:
        return []
    scored.sort(key=lambda pair: (-pair[1].accuracy, pair[1].ece, pair[0].name))
    leader = answers[scored[0][0].name]
    for candidate, _ in scored[1:]:
        if (leader.ids, leader.target) != (answers[candidate.name].ids, answers[candidate.name].target):
            raise UserError(
                f"{candidate.name} was scored for {task!r} on other rows than {scored[0][0].name}; score them again."
            )
    groups = np.array(leader.groups, dtype=object) if leader.groups else None
    tests = [paired_test(_correct(answers[c.name]), _correct(leader), groups) for c, _ in scored[1:]]
    adjusted = holm([test.p_value for test in tests])
    behind = [None, *(_to_leader(test, p) for test, p in zip(tests, adjusted, strict=True))]
    return [_ranked(*pair, place) for pair, place in zip(scored, behind, strict=True)]


def _correct(answers: TaskPredictions) -> np.ndarray:
    return np.array([ours == right for ours, right in zip(answers.preds, answers.target, strict=True)], dtype=float)


def _to_leader(test: PairedTest, p_holm: float) -> ToLeader:
    clear = bool(p_holm < SIGNIFICANT and (test.low > 0 or test.high < 0))
    own = {name: value for name, value in asdict(test).items() if name in ToLeader.model_fields}
    return ToLeader(**own, p_holm=p_holm, clear=clear)


def _ranked(candidate: Candidate, score: TaskScore, behind: ToLeader | None) -> Ranked:
    training = _training(candidate.scores)
    made, method = _how(training, score)
    return Ranked(
        task=score.task,
        name=candidate.name,
        made=made,
        method=method,
        imported=candidate.imported,
        inputs=score.modalities,
        learned_from=training.data.name if training else "",
        same_data=training is not None and training.data.checksum == candidate.scores.data.checksum,
        n=score.n,
        accuracy=score.accuracy,
        accuracy_low=score.accuracy_low,
        accuracy_high=score.accuracy_high,
        ece=score.ece,
        behind=behind,
    )


def _training(scores: Scores) -> FinetuningRecord | TrainingRecord | None:
    """How the recogniser was made, None where nobody wrote it down."""
    try:
        return _TRAINING.validate_python(scores.bundle)
    except ValidationError:
        return None


def _how(training: FinetuningRecord | TrainingRecord | None, score: TaskScore) -> tuple[Made, str]:
    known = strategies()
    title = known[score.model].title if score.model in known else score.model
    if training is None:
        return "unknown", title
    if isinstance(training, FinetuningRecord):
        return "fine-tuned", inputs_words(training.finetuning.tune)
    if isinstance(training.config, FrozenConfig):
        return "frozen features", training.config.name
    return ("fusion", title) if score.kind == "fusion" else ("single input", inputs_words(score.modalities))
