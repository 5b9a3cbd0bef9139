"""Widgets made of declarations: label, help, bounds and default of a setting stand once, in `retail.config`.

In: a config and the names of settings. Out: the config with what the user sets.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeVar

import streamlit as st

from retail.config.options import Config, Option

C = TypeVar("C", bound=Config)


def labelled(config: type[Config] | Config) -> tuple[str, ...]:
    """The settings that the page offers."""
    return tuple(name for name, declared in config.options().items() if declared.label)


def ask(config: C, names: Sequence[str]) -> C:
    """Draws a widget for each of these settings; raises UserError where a list does not read as one."""
    options = config.options()
    given = {name: _draw(options[name], getattr(config, name)) for name in names}
    lists = [name for name in names if isinstance(getattr(config, name), tuple)]
    return replace(config, **given | {name: config.typed(name, given[name]) for name in lists})


def _draw(declared: Option, value: Any) -> Any:
    label, words = declared.label, declared.help
    if isinstance(value, bool):
        return st.checkbox(label, value, help=words)
    if declared.choices:
        return st.selectbox(label, declared.choices, declared.choices.index(value), help=words)
    if isinstance(value, tuple):
        return st.text_input(label, ",".join(map(str, value)), help=words)
    kind = type(value)  # Streamlit wants bounds and step of the value's own type
    low, high = (None if bound is None else kind(bound) for bound in (declared.low, declared.high))
    return st.number_input(label, low, high, value, 1 if kind is int else 0.1, help=words)
