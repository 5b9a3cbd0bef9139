"""The time that a search may take, and what does not fit into it.

In: minutes, and how fast something goes. Out: the seconds that are left, and a stop where they are not enough.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from retail.dataset.manifest import Manifest
from retail.schema import Progress

CHOICES = (2, 10, 30)  # minutes that pages offer
# Photos, texts and sounds that are embedded in about half of 2 and of 10 minutes, at some 25 ms each: what the bundled
# encoders take of one core for the demo's photos; its texts and sounds are quicker.
INPUTS_WITHIN = {2: 2_400, 10: 12_000}
# Before so much time has passed, a rate says little.
STEADY_SECONDS = 3.0


class TooSlow(Exception):
    """Something would take longer than the time that is left."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"{seconds:.0f} s more")
        self.seconds = seconds


@dataclass
class Budget:
    """Seconds since the beginning, those of an earlier try included."""

    minutes: float
    earlier: float = 0.0
    clock: Callable[[], float] = time.monotonic
    began: float = field(init=False)

    def __post_init__(self) -> None:
        self.began = self.clock()

    @property
    def seconds(self) -> float:
        """How many are spent."""
        return self.earlier + self.clock() - self.began

    @property
    def left(self) -> float:
        """How many remain; below 0 when it took longer."""
        return 60 * self.minutes - self.seconds

    def watched(self, progress: Progress | None) -> Progress:
        """The same progress; raises TooSlow once a stage's rate says that its end lies beyond the time."""
        first: dict[str, tuple[float, int]] = {}

        def watch(stage: str, done: int, total: int) -> None:
            if progress:
                progress(stage, done, total)
            started, before = first.setdefault(stage, (self.clock(), done))
            passed = self.clock() - started
            if passed >= STEADY_SECONDS and done > before:
                needed = passed / (done - before) * (total - done)
                if needed > self.left:
                    raise TooSlow(needed)

        return watch


def usual_minutes(manifest: Manifest) -> int:
    """The shortest of the choices in which these data leave time for several methods."""
    inputs = sum(len(product.modalities) for product in manifest.products)
    return next((minutes for minutes, most in INPUTS_WITHIN.items() if inputs <= most), CHOICES[-1])
