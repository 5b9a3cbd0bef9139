"""The settings of a run in words, and those of two runs beside one another with the differences marked.

In: requests. Out: rows of a table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from retail.wording import task_words
from retail.workspace.requests import Request

NOTHING = "–"
EMPTY_IS_ALL = ("tasks", "strategies", "methods")  # settings of which an empty list means all there are
INTERNAL = ("format", "kind")  # the same for all runs of one kind, or said in its name


@dataclass(frozen=True)
class SettingRow:
    """One setting of one run, or of two."""

    setting: str
    this: str
    other: str = NOTHING

    @property
    def differs(self) -> bool:
        """Whether the two runs have it otherwise."""
        return self.this != self.other


def settings_of(request: Request) -> dict[str, str]:
    """{'learning rate': '0.003'}; of several parts with a setting of one name, the part is named too."""
    values = request.model_dump(mode="json", exclude={*INTERNAL, *request.OUTPUTS})
    flat: dict[str, str] = {}
    for name, value in values.items():
        if not isinstance(value, Mapping):
            flat[task_words(name)] = _shown(name, value)
            continue
        for inner, own in value.items():
            label = task_words(inner)
            flat[f"{task_words(name)}: {label}" if label in flat else label] = _shown(inner, own)
    return flat


def beside(this: Request, other: Request) -> list[SettingRow]:
    """All settings of either; those that differ come first."""
    ours, theirs = settings_of(this), settings_of(other)
    names = dict.fromkeys([*ours, *theirs])
    rows = [SettingRow(name, ours.get(name, NOTHING), theirs.get(name, NOTHING)) for name in names]
    return sorted(rows, key=lambda row: not row.differs)


def _shown(name: str, value: Any) -> str:
    if value == [] and name in EMPTY_IS_ALL:
        return "all"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or NOTHING
    if isinstance(value, Mapping):
        return ", ".join(f"{task_words(inner)} {_shown(inner, own)}" for inner, own in value.items()) or NOTHING
    return NOTHING if value is None or value == "" else str(value)
