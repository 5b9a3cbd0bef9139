"""Work of some seconds in a thread of the server: the page stays usable and asks now and then how far it is.

In: a function that takes a `Progress`. Out: its result or its error, once it is done. Longer work is a job.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from retail.files.faults import sentence_of
from retail.schema import Progress, UserError

Result = TypeVar("Result")


class Stopped(Exception):
    """The server ends, so the work does too."""


class Background(Generic[Result]):
    """Runs `work` once; several pages may look at the same object."""

    def __init__(self, work: Callable[[Progress], Result]) -> None:
        self.stage, self.done, self.total = "starting", 0, 0
        self.result: Result | None = None
        self.error = ""
        # No daemon: one that computes while the interpreter ends can crash it. It stops at its next step instead.
        self._thread = threading.Thread(target=self._run, args=(work,), name="background", daemon=False)
        self._thread.start()

    @property
    def running(self) -> bool:
        """Whether neither result nor error is there yet."""
        return self.result is None and not self.error

    @property
    def share(self) -> float:
        """How far the present stage is, 0 to 1."""
        return min(1.0, self.done / self.total) if self.total else 0.0

    def wait(self, seconds: float | None = None) -> None:
        """Returns when the work has ended, or after this time."""
        self._thread.join(seconds)

    def _progress(self, stage: str, done: int, total: int) -> None:
        if not threading.main_thread().is_alive():
            raise Stopped
        self.stage, self.done, self.total = stage, done, total

    def _run(self, work: Callable[[Progress], Result]) -> None:
        try:
            self.result = work(self._progress)
        except Stopped:
            self.error = "The server ended."
        except UserError as error:
            self.error = str(error)
        except Exception as error:
            if sentence := sentence_of(error):
                self.error = sentence
                return
            logging.getLogger(__name__).exception("Background work failed")
            self.error = f"Unexpected {type(error).__name__}: {error}"
