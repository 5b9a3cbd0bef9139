"""Products as a gallery: a grid that fits any width, a page of it at a time.

In: how many things there are. Out: the part of them that is on the chosen page, cells to draw cards in, and which
product is open, in the address.
"""

from __future__ import annotations

import math

import streamlit as st

CARD_PX = 150  # at least; two beside each other on a phone of 390 px
FACE_PX = 132  # height of a card's photo
LOOKS = f"""<style>
[class*="st-key-face_"] {{height: {FACE_PX}px; overflow: hidden; justify-content: center; align-items: center}}
[class*="st-key-face_"] img {{height: {FACE_PX}px !important; object-fit: contain}}
[class*="st-key-card_"] {{height: 100%}}
[class*="st-key-card_"] button {{text-align: left; justify-content: flex-start; min-height: 24px}}
[class*="st-key-card_"] button p {{overflow-wrap: anywhere; white-space: normal; font-weight: 600}}
[class*="st-key-card_"] [data-testid=stCaptionContainer] p {{overflow-wrap: anywhere}}
</style>"""


def open_product(product_id: str) -> None:
    """From now on the page shows this one; the address names it."""
    st.query_params["product"] = product_id


def close_product() -> None:
    """Back to all products."""
    st.query_params.pop("product", None)


def choose_page(total: int, a_page: int, key: str) -> slice:
    """Draws the way from page to page where there are several; the page stays when the number of things changes."""
    pages = max(1, math.ceil(total / a_page))
    if pages == 1:
        return slice(0, total)
    if st.session_state.get(key, 1) > pages:  # what stood on the last page may be gone
        st.session_state[key] = pages
    first = a_page * (st.pagination(pages, key=key) - 1)
    return slice(first, min(first + a_page, total))


def grid(key: str):
    """Where cards are drawn: as many beside each other as fit."""
    st.html(LOOKS)
    return st.grid(min_column_width=CARD_PX, gap="small", key=f"cards_{key}")
