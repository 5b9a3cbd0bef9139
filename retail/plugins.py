"""Plug-ins: a class is known because its file lies in the folder.

In: a package and the class that its plug-ins derive from. Out: the plug-ins by the name that each gives itself.
"""

from __future__ import annotations

import importlib
import pkgutil
from typing import TypeVar

Kind = TypeVar("Kind")


def plugins_in(package: str, base: type[Kind], key: str) -> dict[str, type[Kind]]:
    """{value of the class attribute `key`: class}, sorted, of the subclasses of `base` in the package's files.

    One that is only imported there, or that has no `key` of its own, is none.
    """
    found: dict[str, type[Kind]] = {}
    for info in pkgutil.iter_modules(importlib.import_module(package).__path__):
        module = importlib.import_module(f"{package}.{info.name}")
        for value in vars(module).values():
            if isinstance(value, type) and issubclass(value, base) and value.__module__ == module.__name__:
                if key in vars(value):
                    found[vars(value)[key]] = value
    return dict(sorted(found.items()))
