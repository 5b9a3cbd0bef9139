"""Mutated inputs for every reader of bytes from outside.

A module here offers `TARGETS`, {name: target}. A target is called with a `random.Random`, from which alone it makes one
input, and hands that to a reader; it says with `given(content)` what the input is, so that one that fails is kept. A
`UserError` is a refusal; whatever else escapes is a finding, and so is a sentence that no user understands. `Mutated`
is a target that changes seeds, and the only kind that can be guided by coverage.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from random import Random

Target = Callable[[Random], object]


def all_targets() -> dict[str, Target]:
    """Every target by name, sorted."""
    return dict(sorted((name, target) for place in _sources() for name, target in _targets_in(place).items()))


def target_named(name: str) -> Target:
    """One target; sources that name it come first, for some readers bring all of PyTorch along."""
    places = sorted(_sources(), key=lambda place: f'"{name}"' not in place.read_text(encoding="utf-8"))
    return next(found[name] for place in places if name in (found := _targets_in(place)))


def _sources() -> Iterator[Path]:
    return (Path(__path__[0]) / f"{info.name}.py" for info in pkgutil.iter_modules(__path__))


def _targets_in(place: Path) -> dict[str, Target]:
    found: dict[str, Target] = getattr(import_module(f"{__name__}.{place.stem}"), "TARGETS", {})
    return found
