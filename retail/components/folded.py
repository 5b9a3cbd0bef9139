"""A section that is drawn only while it is open, so that a page stays fast however much it holds.

In: its title and what draws it. Out: an expander on the page.
"""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st


def fold_key(title: str) -> str:
    """Of the session: whether the section is open."""
    return f"open_{title}"


def draw_folded(title: str, draw: Callable[[], object], opened: bool = False) -> None:
    """Closed at first, unless it is to be `opened`; then as it was left."""
    with st.expander(title, expanded=opened, key=fold_key(title), on_change="rerun") as section:
        if section.open:
            draw()
