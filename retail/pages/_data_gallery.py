"""The tab Products of Data: a gallery to search and to narrow down.

In: the chosen data's `Desk`. Out: cards; a press of the name opens a product.
"""

from __future__ import annotations

import zlib
from collections.abc import Collection, Sequence

import streamlit as st

from retail.components.gallery import choose_page, grid, open_product
from retail.components.media import draw_face
from retail.dataset.finding import Finder, Standing, Wish
from retail.dataset.manifest import Manifest
from retail.escaping import plain
from retail.pages._data_row_decisions import Desk
from retail.schema import Modality, Product
from retail.wording import INPUT_WORDS, missing_words, number_of, shortened, task_words

A_PAGE = 24
ANY = "any"
STANDING_WORDS: dict[str, Standing | None] = {
    ANY: None,
    "with a problem": "problem",
    "without a label": "unlabelled",
    "decided by you": "decided",
}
TITLE_LETTERS, FACT_LETTERS = 60, 90


def draw_gallery(desk: Desk, finder: Finder) -> None:
    """The filters above the products that fit."""
    key = f"gallery_{desk.dataset.id}"
    wish = _draw_wish(finder.manifest, key)
    found = finder.find(wish)
    if not found:
        st.info("No product fits. Try fewer words, or take a filter away.")
        return
    every = len(finder.manifest.products)
    page_key = f"page_{key}_{zlib.crc32(repr(wish).encode())}"  # another wish begins at its first page
    with st.container(horizontal=True, vertical_alignment="center"):
        place = st.empty()
        shown = choose_page(len(found), A_PAGE, page_key)
    of = number_of(every, "product")
    of = f"{len(found):,} of {of}" if len(found) < every else of
    place.caption(of if shown == slice(0, len(found)) else f"{shown.start + 1:,} to {shown.stop:,} of {of}")
    _draw_cards(desk, found[shown], key)


def _draw_wish(manifest: Manifest, key: str) -> Wish:
    """Words beside the class; the rarer filters are folded."""
    left, middle, right = st.columns([2, 1, 1], vertical_alignment="bottom")
    words = left.text_input("Search", placeholder="Words of the description, a label or an id", key=f"words_{key}")
    labels: dict[str, str] = {}
    if manifest.label_columns:
        column = middle.selectbox("Column", manifest.label_columns, format_func=_column_words, key=f"column_{key}")
        wanted = right.selectbox("Class", [ANY, *manifest.classes[column]], key=f"class_{key}_{column}")
        labels = {} if wanted == ANY else {column: wanted}
    with st.expander("More filters"):
        left, middle, right = st.columns(3)
        splits = sorted({product.split for product in manifest.products if product.split})
        split = left.selectbox("Split", [ANY, *splits], key=f"split_{key}")
        inputs: dict[str, tuple[tuple[Modality, ...], tuple[Modality, ...]]] = {ANY: ((), ())}
        for name, word in INPUT_WORDS.items():
            inputs[f"with a {word}"], inputs[f"without a {word}"] = ((name,), ()), ((), (name,))
        has, lacks = inputs[middle.selectbox("Inputs", list(inputs), key=f"inputs_{key}")]
        standing = STANDING_WORDS[right.selectbox("Rows", list(STANDING_WORDS), key=f"standing_{key}")]
    return Wish(words, labels, "" if split == ANY else split, has, lacks, standing)


def _column_words(column: str) -> str:
    return plain(task_words(column))


def _draw_cards(desk: Desk, products: Sequence[Product], key: str) -> None:
    """Photo or words, the id as the way in, labels, and what is missing."""
    cells = grid(key)
    for place, product in enumerate(products):
        with cells, st.container(border=True, gap="xsmall", key=f"card_{key}_{place}"):
            with st.container(key=f"face_{key}_{place}"):
                draw_face(product, product.id)
            st.button(
                plain(shortened(product.id, TITLE_LETTERS)),
                key=f"open_{key}_{place}",
                type="tertiary",
                on_click=open_product,
                args=(product.id,),
                help=plain(f"Open {product.id} ({desk.place(product.id)})"),
            )
            st.caption(plain(card_facts(product, desk.manifest.given)))


def card_facts(product: Product, given: Collection[Modality]) -> str:
    """'tea · red · no sound', of the inputs that are `given` in the data."""
    missing = missing_words(product, given)
    known = " · ".join(dict.fromkeys(label for label in product.labels.values() if label)) or "no label"
    return shortened(known, FACT_LETTERS) + (f" · no {missing}" if missing else "")
