"""The table of answers to many products: the user's own columns, four columns a question, and what the whole row says.

In: the user's header and the questions. Out: names that never collide, and the cells of a row. Whoever reads such a
table finds a question's columns under the same names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from retail.escaping import in_cell
from retail.schema import Decision, Prediction
from retail.wording import Certainty, certainty_word

PARTS = ("", "_probability", "_set", "_decision")
ROW = ("nearest_product", "nearest_similarity", "used", "notes")
SET_SEPARATOR = " | "
SET_SHOWN = 20  # classes of a set; the rest is counted
Row = dict[str, str]


@dataclass(frozen=True)
class TaskColumns:
    """The columns of one question."""

    label: str
    probability: str
    candidates: str
    decision: str


@dataclass(frozen=True)
class AnswerColumns:
    """The names of all columns in their order; those of the answers depend on the questions alone."""

    own: tuple[str, ...]
    tasks: Mapping[str, TaskColumns]
    row: Mapping[str, str]  # a name of `ROW` -> what it is called here

    @classmethod
    def of(cls, own: Sequence[str], tasks: Sequence[str]) -> AnswerColumns:
        """An answer has the name of its question; what would bear a name that is taken has a word behind it."""
        taken: set[str] = set()

        def free(name: str, word: str) -> str:
            name = in_cell(name)
            found, count = name, 1
            while found in taken:
                found, count = f"{name} ({word})" if count == 1 else f"{name} ({word} {count})", count + 1
            taken.add(found)
            return found

        named = {task: [free(task, "answer")] for task in tasks}
        for part in PARTS[1:]:
            for task in tasks:
                named[task].append(free(task + part, "answer"))
        row = {name: free(name, "row") for name in ROW}
        return cls(
            tuple(free(name, "own") for name in own),
            {task: TaskColumns(*names) for task, names in named.items()},
            row,
        )

    @classmethod
    def read(cls, header: Sequence[str], tasks: Sequence[str]) -> AnswerColumns:
        """Of a table that was written for these questions; ValueError for any other."""
        ours = cls.of((), tasks)
        own = header[: len(header) - len(ours.header)]
        if [*own, *ours.header] != list(header):
            raise ValueError("these are not the answers to these questions")
        return replace(ours, own=tuple(own))

    @property
    def header(self) -> list[str]:
        """Every name in its order."""
        ours = [name for columns in self.tasks.values() for name in vars(columns).values()]
        return [*self.own, *ours, *self.row.values()]

    def cells(self, own: Sequence[str], prediction: Prediction) -> list[str]:
        """A row; what is not known is empty."""
        found = [in_cell(cell) for cell in own]
        for task in self.tasks:
            if answer := prediction.answers.get(task):
                label, decision = in_cell(answer.label), answer.decision
                found += [label, f"{answer.probability:.4f}", in_cell(_set(answer.candidates)), decision]
            else:
                found += [""] * len(PARTS)
        nearest = prediction.nearest
        found += [in_cell(nearest.id), f"{nearest.similarity:.4f}"] if nearest else ["", ""]
        return [*found, " ".join(prediction.used), in_cell(" ".join(prediction.notes))]

    def answered(self, row: Row) -> bool:
        """Whether some input of the row could be used."""
        return bool(row[self.row["used"]])

    def decision(self, row: Row, task: str) -> Decision | None:
        """What to do with the answer to a question; None for a row without one."""
        return row[self.tasks[task].decision] or None  # type: ignore[return-value]

    def certainty(self, row: Row, task: str) -> Certainty | None:
        """The word for how sure the answer to a question is; None for a row without one."""
        decision = self.decision(row, task)
        return certainty_word(decision, float(row[self.tasks[task].probability] or 0)) if decision else None


def _set(candidates: Sequence[str]) -> str:
    more = len(candidates) - SET_SHOWN
    shown = SET_SEPARATOR.join(candidates[:SET_SHOWN])
    return f"{shown}{SET_SEPARATOR}… ({more} more)" if more > 0 else shown
