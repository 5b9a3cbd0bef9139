"""A box that keeps its choice: over changes of page, of the options and of their words.

In: options with their words, and the session's key under which the choice is kept. Out: the choice.
"""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st


def box_key(kept: str) -> str:
    """The key of the widget; it is in the session only while a page draws the box."""
    return f"{kept}_box"


def choose_kept(label: str, words: Mapping[str, str], kept: str, help: str | None = None) -> str:
    """Draws the box of the options in `words`; the first counts where none that still exists was chosen.

    The choice has a key of its own, because code may set that at any time, and a widget's own only before it is drawn.
    """
    state = st.session_state
    if state.get(kept) not in words:
        state[kept] = next(iter(words))
    # Each time: an `index` that follows the choice would make a new box of each, without memory, and without either
    # the browser would keep sending the earlier words.
    state[box_key(kept)] = state[kept]
    st.selectbox(
        label, list(words), key=box_key(kept), on_change=_take, args=(kept,), format_func=words.__getitem__, help=help
    )
    return state[kept]


def _take(kept: str) -> None:
    st.session_state[kept] = st.session_state[box_key(kept)]
