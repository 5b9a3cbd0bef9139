"""How a setting is declared: once, with default, bounds, choices and one sentence.

In: the fields of a frozen dataclass that derives from `Config`. Out: checks when one is made, and what the command line
and the pages need to offer each setting. No torch.
"""

from __future__ import annotations

import dataclasses
import json
import operator
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from typing import Any, Self, TypeVar, get_args, get_type_hints

from retail.schema import UserError

T = TypeVar("T")

# The bounds that an `Option` can have: their words, and what holds for an allowed value.
BOUNDS = {
    "low": ("at least", operator.ge),
    "high": ("at most", operator.le),
    "above": ("greater than", operator.gt),
    "below": ("less than", operator.lt),
}


@dataclass(frozen=True)
class Option:
    """What is known of one setting besides its name, type and default; of a list, what holds for each item."""

    help: str  # one sentence, for the command line and the page
    low: float | None = None
    high: float | None = None
    above: float | None = None
    below: float | None = None
    choices: tuple[str, ...] = ()
    label: str = ""  # what the Train page calls it; without a label the page leaves it alone
    flag: str = ""  # what the command line calls it, where that is not the field's name
    everything: str = ""  # what the command line calls the empty list, where that means all there is
    offered: bool = True  # False: a command offers it only where it names it

    def check(self, name: str, value: Any) -> None:
        """Raises UserError when the value is out of bounds, or none of the choices."""
        if self.choices and value not in self.choices:
            raise UserError(f"{name} is {' or '.join(map(repr, self.choices))}, not {value!r}.")
        bounds = {kind: bound for kind in BOUNDS if (bound := getattr(self, kind)) is not None}
        if not all(BOUNDS[kind][1](value, bound) for kind, bound in bounds.items()):
            allowed = " and ".join(f"{BOUNDS[kind][0]} {bound}" for kind, bound in bounds.items())
            raise UserError(f"{name} is {allowed}, not {value}.")


def option(default: T, help: str, **more: Any) -> T:
    """Declares a field; `more` are further fields of `Option`. For the type checker it is the default's type."""
    return dataclasses.field(default=default, metadata={"option": Option(help, **more)})


def listed(text: str) -> tuple[str, ...]:
    r"""'a, b' -> ('a', 'b'); a comma within a name is written as '\,'."""
    parts = (part.replace("\\,", ",").strip() for part in re.split(r"(?<!\\),", text))
    return tuple(part for part in parts if part)


def joined(names: Iterable[str]) -> str:
    r"""('a', 'b') -> 'a,b', as `listed` reads it."""
    return ",".join(name.replace(",", "\\,") for name in names)


@dataclass(frozen=True)
class Config:
    """Settings that are checked as they are made; those declared with `option` by what was declared."""

    # For pydantic, which reads them as part of a request: an unknown setting is a mistake, not to be passed over.
    __pydantic_config__ = {"extra": "forbid"}

    def __post_init__(self) -> None:
        for name, declared in self.options().items():
            value = getattr(self, name)
            if value == () != self.default(name) and not declared.everything:
                raise UserError(f"{name} is empty; name at least one.")
            for one in value if isinstance(value, tuple) else (value,):
                declared.check(name, one)

    @classmethod
    def options(cls) -> dict[str, Option]:
        """Every declared setting by its name; those of this class before inherited ones."""
        found = [field for field in fields(cls) if "option" in field.metadata]
        found.sort(key=lambda field: field.name not in cls.__annotations__)
        return {field.name: field.metadata["option"] for field in found}

    @classmethod
    def help(cls, name: str) -> str:
        """The sentence that was declared with a setting."""
        return cls.options()[name].help

    @classmethod
    def default(cls, name: str) -> Any:
        """The declared default of a setting."""
        return cls.__dataclass_fields__[name].default

    @classmethod
    def typed(cls, name: str, text: str) -> tuple[Any, ...]:
        """A setting that is a list, as somebody types it: '512,512' -> (512, 512)."""
        if text == cls.options()[name].everything:
            return ()
        kind = get_args(get_type_hints(cls)[name])[0]
        if kind not in (int, float):
            return listed(text)
        try:
            return tuple(kind(part) for part in listed(text))
        except ValueError:
            numbers = "whole numbers" if kind is int else "numbers"
            raise UserError(f"{name} lists {numbers}, separated by commas, not {text!r}.") from None

    @classmethod
    def of(cls, **settings: Any) -> Self:
        """The settings of a caller, who may err in their names; raises UserError for one that there is not."""
        known = {field.name for field in fields(cls)}
        if unknown := sorted(set(settings) - known):
            raise UserError(f"{cls.__name__} has no setting {unknown[0]!r}; it knows {', '.join(sorted(known))}.")
        return cls(**settings)

    def to_dict(self) -> dict[str, Any]:
        """As JSON holds it."""
        return json.loads(json.dumps(asdict(self)))
