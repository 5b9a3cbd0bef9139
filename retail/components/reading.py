"""Switches for what is read from photos beside the picture itself: codes, printed words.

In: how the switches of a page are keyed. Out: a `Reading`.
"""

from __future__ import annotations

import streamlit as st

from retail.config.reading import Reading
from retail.media.printed import NOT_INSTALLED, can_read_words


def draw_reading(prefix: str) -> Reading:
    """A switch for each; what this machine cannot read is off and says why."""
    with st.container(horizontal=True):
        return Reading(**{name: _toggle(name, f"{prefix}_{name}") for name in Reading.options()})


def _toggle(name: str, key: str) -> bool:
    missing = name == "words" and not can_read_words()
    label = Reading.options()[name].label
    return st.toggle(label, key=key, disabled=missing, help=NOT_INSTALLED if missing else None)
