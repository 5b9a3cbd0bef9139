"""What every peer is asked, in a process of its environment; it imports nothing beside the standard library.

In: a peer's module with `train(work, mode)` and `load(work, mode)`, which returns an `Asked`. Out: a JSON file.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TASK = "article_type"
BATCH = 32
WARM, SINGLES = 10, 100  # products asked one by one: before the clock runs, and while it does


@dataclass(frozen=True)
class Work:
    """What all peers get: rows by split, the folders of the two encoders, and how long to train."""

    folder: Path
    rows: dict[str, list[dict[str, Any]]]  # train, val, test, strangers: id, image, text, article_type
    odd: dict[str, dict[str, Any]]  # what came in -> a product
    encoders: dict[str, str]
    epochs: dict[str, int]  # mode -> passes over the training rows, for those that make any

    @classmethod
    def read(cls, folder: Path) -> Work:
        """As `data.py` wrote it."""
        return cls(folder, **json.loads((folder / "work.json").read_text(encoding="utf-8")))

    def own(self, peer: str, mode: str) -> Path:
        """Where a peer keeps what it trained."""
        return self.folder / f"{peer}-{mode}"


@dataclass(frozen=True)
class Answer:
    """Probabilities by class, whether the product is called unknown (None: no such answer), and what is said."""

    probs: dict[str, float]
    unknown: bool | None = None
    said: tuple[str, ...] = ()

    @property
    def best(self) -> tuple[str, float]:
        """The likeliest class."""
        return max(self.probs.items(), key=lambda pair: pair[1])


Asked = Callable[[list[dict[str, Any]]], list[Answer]]


def processor() -> float:
    """Seconds of this process and of those that it waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def ask(load: Callable[[Work, str], Asked], work: Work, mode: str) -> dict[str, Any]:
    """Every question, in the order that a user meets them."""
    test = work.rows["test"]
    asked = load(work, mode)
    asked(test[:1])
    found: dict[str, Any] = {"to_first_answer_seconds": processor()}  # with all that was imported
    for row in test[:WARM]:
        asked([row])
    found["single_seconds"] = [_seconds(lambda row=row: asked([row])) for row in test[:SINGLES]]
    answers: list[Answer] = []
    found["batch_seconds"] = _seconds(lambda: answers.extend(asked(test)))
    found["test"] = _short(answers)
    found["no photo, all"] = _tried(lambda: _short(asked([row | {"image": None} for row in test])))
    found["no words, all"] = _tried(lambda: _short(asked([row | {"text": ""} for row in test])))
    found["strangers"] = _tried(lambda: _short(asked(work.rows["strangers"])))
    found["odd"] = {name: _tried(lambda row=row: _short(asked([row]))[0]) for name, row in work.odd.items()}
    return found


def _seconds(do: Callable[[], Any]) -> tuple[float, float]:
    """Of the processor, and by the clock."""
    clock, used = time.perf_counter(), processor()
    do()
    return processor() - used, time.perf_counter() - clock


def _short(answers: list[Answer]) -> list[dict[str, Any]]:
    return [
        {"label": one.best[0], "probability": one.best[1], "unknown": one.unknown, "said": list(one.said)}
        for one in answers
    ]


def _tried(do: Callable[[], Any]) -> Any:
    """What comes back, or what is raised instead."""
    try:
        return do()
    except Exception as error:  # whatever a peer raises is its answer
        return {"raised": type(error).__name__, "message": " ".join(str(error).split())[:300]}


def main(train: Callable[[Work, str], None], load: Callable[[Work, str], Asked]) -> None:
    """`STEP MODE FOLDER OUT`, as `__main__` calls each peer's file."""
    step, mode, folder, out = sys.argv[1:]
    work = Work.read(Path(folder))
    if step == "train":
        train(work, mode)
        found: dict[str, Any] = {}
    else:
        found = ask(load, work, mode)
    Path(out).write_text(json.dumps(found), encoding="utf-8")
