"""The way from nothing to a recogniser of one's own, in the sidebar of every page until there is one.

In: the home folder. Out: three links, the next step marked; nothing once a recogniser of one's own exists.
"""

from __future__ import annotations

import streamlit as st

from retail.files import PAGES, home
from retail.workspace import datasets, recognizers

DONE, NEXT, LATER = ":material/check_circle:", ":material/arrow_circle_right:", ":material/circle:"
NEWS_S = 3  # a new data set or recogniser is noticed after as long


def draw_steps() -> None:
    """Your data, a recogniser, an answer."""
    data, recogniser = _there(str(home()))
    if recogniser:
        return
    st.markdown("**Your own recogniser**")
    now = 1 if data else 0
    steps = (("data", "Add your data"), ("train", "Make a recogniser"), ("recognise", "Recognise your products"))
    for place, (page, words) in enumerate(steps):
        icon = DONE if place < now else NEXT if place == now else LATER
        said = " (done)" if place < now else " (next)" if place == now else ""
        st.page_link(PAGES / f"{page}.py", label=f"{place + 1}. {words}{said}", icon=icon)


@st.cache_data(show_spinner=False, ttl=NEWS_S)
def _there(home_folder: str) -> tuple[bool, bool]:
    """Whether there are data and a recogniser of one's own."""
    return len(datasets.list_datasets()) > 1, recognizers.any_own()
