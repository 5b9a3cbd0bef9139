"""Products of a data set as cards, a page of them at a time, on Data.

In: products and what goes below each. Out: cards with photo, words, player and labels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from retail.components.gallery import choose_page
from retail.components.media import draw_media
from retail.escaping import plain
from retail.schema import Product
from retail.wording import missing_words, task_words

A_PAGE = 6


def draw_cards(products: Sequence[Product], places: Mapping[str, str], key: str) -> None:
    """Six at a time, each with its place in the table."""
    shown = products[choose_page(len(products), A_PAGE, f"page_{key}")]
    cells = st.columns(3)
    for place, product in enumerate(shown):
        with cells[place % 3].container(border=True):
            draw_media(product)
            st.caption(plain(card_words(product, places.get(product.id, ""))))


def card_words(product: Product, place: str) -> str:
    """'17 (line 4, train): colour red. No sound.'"""
    labels = ", ".join(f"{task_words(task)} {label}" for task, label in product.labels.items() if label)
    missing = missing_words(product)
    where = f"{place}, {product.split}" if place else product.split
    return f"{product.id} ({where}): {labels or 'no label'}." + (f" No {missing}." if missing else "")
