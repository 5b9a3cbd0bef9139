"""Which rows of a long chart are drawn: both ends, all of them page by page, or those whose name is searched for.

In: the names of sorted rows. Out: the places of the rows to draw, never more than can be read.
"""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from retail.escaping import plain

MOST = 24  # rows that are drawn without a choice
PAGE = 50


def choose_rows(names: Sequence[str], key: str, what: str, ends: str) -> list[int]:
    """Of all rows where they are few; `what` they are and what their `ends` are is said above the chart."""
    if len(names) <= MOST:
        return list(range(len(names)))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        wanted = st.text_input("Find", key=f"find_{key}", placeholder=f"Part of a name of {what}", width=320)
        everything = st.toggle(f"Show all {len(names):,}", key=f"all_{key}")
    found = matching(names, wanted)
    if wanted:
        st.caption(f"{len(found):,} of {len(names):,} {what} have “{plain(wanted)}” in their name.")
    elif not everything:
        st.caption(f"{ends} of {len(names):,} {what}.")
        return [*range(MOST // 2), *range(len(names) - MOST // 2, len(names))]
    return _page(found, key)


def matching(names: Sequence[str], wanted: str) -> list[int]:
    """The places of names that hold every word that is searched for."""
    words = wanted.casefold().split()
    return [place for place, name in enumerate(names) if all(word in name.casefold() for word in words)]


def _page(places: list[int], key: str) -> list[int]:
    pages = -(-len(places) // PAGE)
    if pages < 2:
        return places
    page = st.number_input(f"Page 1 to {pages:,}", 1, pages, key=f"page_of_{key}", width=160)
    return places[(page - 1) * PAGE : page * PAGE]
