"""Mutated inputs for every reader of bytes from outside.

A module here offers `TARGETS`, {name: target}. A target is called with a `random.Random`, from which alone it makes one
input, and hands that to a reader; it says with `given(content)` what the input is, so that one that fails is kept. A
`UserError` is a refusal; whatever else escapes is a finding, and so is a sentence that no user understands. `Mutated`
is a target that changes seeds, and the only kind that can be guided by coverage.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable
from importlib import import_module
from random import Random

Target = Callable[[Random], object]


def all_targets() -> dict[str, Target]:
    """Every target by name, sorted."""
    modules = [import_module(f"{__name__}.{info.name}") for info in pkgutil.iter_modules(__path__)]
    found = {name: target for module in modules for name, target in getattr(module, "TARGETS", {}).items()}
    return dict(sorted(found.items()))
