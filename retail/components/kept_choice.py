"""A box that keeps its choice: over changes of page, of the options and of their words, and in the address.

In: options with their words, and the session's key under which the choice is kept. Out: the choice.

A click may come from a browser that has not heard yet what was chosen (new data that were just added, say): it brings
the box and the address of before. Neither may undo the choice.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

import streamlit as st

UNHEARD_SECONDS = 2  # so long an earlier address is one that the browser still shows; later it is the Back button


def is_drawn(kept: str) -> bool:
    """Whether the page drew the box when it was last drawn."""
    return _box(kept) in st.session_state


def choose_kept(label: str, words: Mapping[str, str], kept: str, address: str = "", help: str | None = None) -> str:
    """Draws the box of the options in `words`; the first counts where none that still exists was chosen.

    The choice has a key of its own, because code may set that at any time, and a widget's own only before it is drawn.
    `address` names the query parameter that says the choice, so that it survives a reload and can be sent as a link.
    """
    state = st.session_state
    asked = _asked(kept, address) if address else ""
    if asked in words:
        state[kept] = asked
    if state.get(kept) not in words:
        state[kept] = next(iter(words))
    if address:
        _write(kept, address)
    if state.get(_box(kept), state[kept]) != state[kept]:  # code chose: what the browser says of the old box is old
        state[_boxes(kept)] = state.get(_boxes(kept), 0) + 1
    # Each time: an `index` that follows the choice would make a new box of each, without memory, and without either
    # the browser would keep sending the earlier words.
    box = _box(kept)
    state[box] = state[kept]
    st.selectbox(
        label, list(words), key=box, on_change=_take, args=(kept, box), format_func=words.__getitem__, help=help
    )
    return state[kept]


def _boxes(kept: str) -> str:
    """The key under which the session counts the boxes that stood for this choice."""
    return f"{kept}_boxes"


def _box(kept: str) -> str:
    """The key of the widget; it is in the session only while a page draws the box."""
    return f"{kept}_box_{st.session_state.get(_boxes(kept), 0)}"


def _take(kept: str, box: str) -> None:
    if box == _box(kept):
        st.session_state[kept] = st.session_state[box]


def _asked(kept: str, address: str) -> str:
    """What the address asks for anew: a link, a reload, the Back button; "" where it follows the choice."""
    asked, (written, before, at) = st.query_params.get(address, ""), _written(kept)
    unheard = asked == before and time.monotonic() - at < UNHEARD_SECONDS
    return "" if asked == written or unheard else asked


def _write(kept: str, address: str) -> None:
    """Makes the address say the choice."""
    choice, asked = st.session_state[kept], st.query_params.get(address, "")
    if choice != _written(kept)[0]:
        st.session_state[f"{kept}_written"] = choice, asked, time.monotonic()
    if asked != choice:
        st.query_params[address] = choice


def _written(kept: str) -> tuple[str, str, float]:
    """What the address was last made to say, what it said before, and when that was."""
    return st.session_state.get(f"{kept}_written", ("", "", 0.0))
