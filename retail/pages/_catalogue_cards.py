"""Products of a catalogue as cards of one size: photo or words, name, labels, fields, and what shows it.

In: `CatalogueProduct`s. Out: cards side by side, two on a phone; a press of the name says which one was opened.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import streamlit as st

from retail.catalogue.record import CatalogueProduct
from retail.components.gallery import grid
from retail.components.media import draw_photo
from retail.escaping import plain
from retail.schema import Modality
from retail.wording import number_of, shortened

MOST_LETTERS = 90  # of a description or a line of fields
COUNTED: dict[Modality, str] = {"image": "photo", "text": "description", "audio": "sound"}


def draw_cards(
    products: Sequence[CatalogueProduct], key: str, open_one: Callable[[str], None], notes: Sequence[str] = ()
) -> None:
    """A card a product; `notes` stand below each, such as how alike it is."""
    cells = grid(key)
    for place, product in enumerate(products):
        with cells, st.container(border=True, gap="xsmall", key=f"card_{key}_{place}"):
            draw_card(product, f"{key}_{place}", open_one, notes[place] if place < len(notes) else "")


def draw_card(product: CatalogueProduct, key: str, open_one: Callable[[str], None], note: str = "") -> None:
    """One product."""
    with st.container(key=f"face_{key}"):
        draw_face(product)
    st.button(
        plain(shortened(product.title, 60)),
        key=f"open_{key}",
        type="tertiary",
        on_click=open_one,
        args=(product.id,),
        help=f"Open {plain(product.title)}",
    )
    for line in (note, facts_of(product), counts_of(product)):
        if line:
            st.caption(plain(line))


def draw_face(product: CatalogueProduct) -> None:
    """The first photo, or else the first words, or else that there is a sound only."""
    photos = [view.source for view in product.views if view.modality == "image"]
    title = product.title.casefold()
    words = [str(view.source) for view in product.views if view.modality == "text"]
    words = [said for said in words if said.strip().casefold() != title]  # the title stands below
    if photos and isinstance(photos[0], Path):
        draw_photo(photos[0], product.title, complain=st.caption)
    elif words:
        st.caption(plain(f"“{shortened(words[0], MOST_LETTERS)}”"))
    else:
        st.caption("No photo" if product.views else "Nothing shows it yet")


def facts_of(product: CatalogueProduct) -> str:
    """'tea · Lark · sku 4711', without what the title says already."""
    labels = dict.fromkeys(label for label in product.labels.values() if label and label not in product.title)
    fields = [f"{name} {value}" for name, value in product.fields.items() if value]
    return shortened(" · ".join([*labels, *fields]), MOST_LETTERS)


def counts_of(product: CatalogueProduct) -> str:
    """'2 photos, 1 sound'."""
    return views_words({name: sum(view.modality == name for view in product.views) for name in COUNTED})


def views_words(counts: dict[Modality, int]) -> str:
    """{'image': 2} -> '2 photos'."""
    return ", ".join(number_of(n, COUNTED[name]) for name, n in counts.items() if n)
