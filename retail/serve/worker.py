"""One thread that does all work with the recogniser and its catalogue; what waits together is recognised together.

In: products, or errands such as a search. Out: a future for each. No batch waits to become larger: what
came while the thread was busy is the next batch.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from retail.schema import Prediction, Product
    from retail.serve.desk import Desk


@dataclass(frozen=True, eq=False)
class _Asked:
    """A product to be recognised, and how often its accepted answers shall be right."""

    product: Product
    accuracy: float
    answer: Future[Prediction] = field(default_factory=Future)


@dataclass(frozen=True, eq=False)
class _Errand:
    """Something else to do at the desk, in its turn."""

    action: Callable[[Desk], Any]
    answer: Future[Any] = field(default_factory=Future)


class Worker:
    """Opens the desk, then works until it is closed; what was asked before that is still answered."""

    def __init__(
        self,
        open_desk: Callable[[], Desk],
        together: int,
        on_batch: Callable[[int], None],
        on_failure: Callable[[Exception], None],
    ) -> None:
        self.desk: Desk | None = None  # None until it is open
        self._open_desk, self._together = open_desk, together
        self._on_batch, self._on_failure = on_batch, on_failure
        self._waiting: deque[_Asked | _Errand] = deque()
        self._closed, self._changed = False, threading.Condition()
        self._thread = threading.Thread(target=self._work, name="recogniser", daemon=True)
        self._thread.start()

    def close(self, seconds: float) -> None:
        """Ends the thread once all is done, or leaves it behind after so many seconds."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join(seconds)

    def recognise(self, product: Product, accuracy: float) -> Future[Prediction]:
        """The prediction, once it is this product's turn."""
        asked = _Asked(product, accuracy)
        self._put(asked)
        return asked.answer

    def run(self, action: Callable[[Desk], Any]) -> Future[Any]:
        """What an action at the desk returns."""
        errand = _Errand(action)
        self._put(errand)
        return errand.answer

    def _put(self, job: _Asked | _Errand) -> None:
        with self._changed:
            self._waiting.append(job)
            self._changed.notify()

    def _work(self) -> None:
        try:
            desk = self._open_desk()
        except Exception as error:
            self._on_failure(error)
            return
        self.desk = desk
        while jobs := self._next():
            running = [job for job in jobs if job.answer.set_running_or_notify_cancel()]  # nobody waits for the others
            if asked := [job for job in running if isinstance(job, _Asked)]:
                self._on_batch(len(asked))
                _answer(desk, asked)
            for errand in (job for job in running if isinstance(job, _Errand)):
                _settle(errand.answer, lambda errand=errand: errand.action(desk))  # type: ignore[misc]

    def _next(self) -> list[_Asked | _Errand]:
        """An errand, or the products that wait in front; nothing once it is closed and all is done."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed)
            jobs = [self._waiting.popleft()] if self._waiting else []
            while jobs and len(jobs) < self._together and self._waiting:
                if not isinstance(jobs[0], _Asked) or not isinstance(self._waiting[0], _Asked):
                    break
                jobs.append(self._waiting.popleft())
            return jobs


def _answer(desk: Desk, asked: Sequence[_Asked]) -> None:
    """All at once; where that fails, one by one, so that no product spoils the others' answers."""
    if len(asked) == 1:
        (one,) = asked
        return _settle(one.answer, lambda: desk.recognise([one.product], [one.accuracy])[0])
    try:
        found = desk.recognise([one.product for one in asked], [one.accuracy for one in asked])
    except Exception:
        for one in asked:
            _answer(desk, [one])
        return
    for one, prediction in zip(asked, found, strict=True):
        one.answer.set_result(prediction)


def _settle(answer: Future[Any], action: Callable[[], Any]) -> None:
    try:
        answer.set_result(action())
    except Exception as error:
        answer.set_exception(error)
