"""Commands made of declarations: a setting is declared once, in `retail.config`, and is an option wherever it counts.

In: a function from options to a `Request`; a parameter that is a config stands for the options of all its settings.
Out: a command that makes the request, has it executed and prints what came of it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_origin, get_type_hints

import typer

from retail.commands.shared import EXAMPLES, Reporter, Status, app, reported, say, say_text
from retail.config.options import Config

if TYPE_CHECKING:
    from retail.workspace.requests import Request


def run_command(build: Callable[..., Request]) -> Callable[..., Request]:
    """Registers the command of this name, with its docstring as help and `--status` besides its own options."""
    parameters, offers = _parameters(build)
    parameters.append(_keyword("status", Status, None))

    def command(**typed: Any) -> None:
        with reported(typed.pop("status")) as reporter:
            given = {name: offer.filled(typed) for name, offer in offers.items()}
            run(build(**typed, **given), reporter)

    command.__name__, command.__doc__ = build.__name__, build.__doc__
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    app.command(epilog=EXAMPLES[build.__name__])(command)
    return build


def run(request: Request, reporter: Reporter, folder: Path = Path()) -> None:
    """Executes a request, its outputs within the folder, and prints the outcome."""
    from retail.workspace.execution import execute

    outcome = execute(request, reporter, folder)
    say_text(outcome.text)
    for path in outcome.written:
        say(f"Written: {path}")


@dataclass(frozen=True)
class _Offer:
    """Settings of one config that a command offers."""

    default: Config
    names: tuple[str, ...]

    def parameters(self) -> list[inspect.Parameter]:
        """One a setting, as typer reads them; a list is typed as one text."""
        hints = get_type_hints(type(self.default))
        found = []
        for name in self.names:
            declared, value = self.default.options()[name], getattr(self.default, name)
            if isinstance(value, tuple):
                value = ",".join(map(str, value)) or declared.everything
            flags = (f"--{declared.flag}",) if declared.flag else ()
            kind = hints[name] if hints[name] in (bool, int, float) else str
            found.append(_keyword(name, Annotated[kind, typer.Option(*flags, help=declared.help)], value))
        return found

    def filled(self, typed: MutableMapping[str, Any]) -> Config:
        """The config with what was typed, which is taken out."""
        values = {name: typed.pop(name) for name in self.names}
        lists = {name for name in values if isinstance(getattr(self.default, name), tuple)}
        return replace(
            self.default,
            **{name: self.default.typed(name, value) if name in lists else value for name, value in values.items()},
        )


def _parameters(build: Callable[..., Request]) -> tuple[list[inspect.Parameter], Mapping[str, _Offer]]:
    """The function's parameters with its configs spread out, and those configs by name."""
    written = {name: hint for name, hint in build.__annotations__.items() if name != "return"}
    hints = get_type_hints(SimpleNamespace(__annotations__=written), build.__globals__, include_extras=True)
    parameters: list[inspect.Parameter] = []
    offers: dict[str, _Offer] = {}
    for name, parameter in inspect.signature(build).parameters.items():
        if offer := _offer(hints[name], parameter.default):
            offers[name] = offer
            parameters += offer.parameters()
        else:
            parameters.append(_keyword(name, hints[name], parameter.default))
    return parameters, offers


def _offer(hint: Any, default: Any) -> _Offer | None:
    """Of `SomeConfig`, all settings that are offered; of `Annotated[SomeConfig, "width", …]`, those named."""
    kind, *names = get_args(hint) if get_origin(hint) is Annotated else (hint,)
    if not (isinstance(kind, type) and issubclass(kind, Config)):
        return None
    offered = [name for name, declared in kind.options().items() if declared.offered]
    return _Offer(kind() if default is inspect.Parameter.empty else default, tuple(names or offered))


def _keyword(name: str, hint: Any, default: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=hint, default=default)
