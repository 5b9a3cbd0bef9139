"""Products of a catalogue as cards of one size: photo or words, name, labels, fields, and what shows it.

In: `CatalogueProduct`s. Out: cards side by side, two on a phone; a press of the name says which one was opened.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import streamlit as st

from retail.catalogue.record import CatalogueProduct
from retail.components.media import draw_photo
from retail.components.words import plain
from retail.schema import Modality, Product

WIDTH_PX = 150  # at least; two beside each other on a phone of 390 px
PHOTO_PX = 132
MOST_LETTERS = 90  # of a description or a line of fields
COUNTED: dict[Modality, str] = {"image": "photo", "text": "description", "audio": "sound"}
LOOKS = f"""<style>
[class*="st-key-cards_"] {{
  display: grid; gap: 0.75rem; grid-template-columns: repeat(auto-fill, minmax({WIDTH_PX}px, 1fr))}}
[class*="st-key-cards_"] > div, [class*="st-key-card_"] {{width: 100% !important; height: 100%; max-width: none}}
[class*="st-key-photo_"] {{height: {PHOTO_PX}px; overflow: hidden; justify-content: center; align-items: center}}
[class*="st-key-photo_"] img {{height: {PHOTO_PX}px !important; object-fit: contain}}
[class*="st-key-card_"] button {{text-align: left; justify-content: flex-start; min-height: 24px}}
[class*="st-key-card_"] button p {{overflow-wrap: anywhere; white-space: normal; font-weight: 600}}
[class*="st-key-card_"] [data-testid=stCaptionContainer] p {{overflow-wrap: anywhere}}
</style>"""


def draw_cards(
    products: Sequence[CatalogueProduct], key: str, open_one: Callable[[str], None], notes: Sequence[str] = ()
) -> None:
    """A card a product; `notes` stand below each, such as how alike it is."""
    st.html(LOOKS)
    with st.container(horizontal=True, gap="small", key=f"cards_{key}"):
        for place, product in enumerate(products):
            with st.container(border=True, gap="xsmall", key=f"card_{key}_{place}"):
                draw_card(product, f"{key}_{place}", open_one, notes[place] if place < len(notes) else "")


def draw_card(product: CatalogueProduct, key: str, open_one: Callable[[str], None], note: str = "") -> None:
    """One product."""
    with st.container(key=f"photo_{key}"):
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
    words = [str(view.source) for view in product.views if view.modality == "text"]
    if photos and isinstance(photos[0], Path):
        draw_photo(photos[0], product.title, complain=st.caption)
    elif words:
        st.caption(plain(f"“{shortened(words[0], MOST_LETTERS)}”"))
    else:
        st.caption("Sound only" if product.views else "Nothing shows it yet")


def draw_face_of(product: Product, name: str, width: int) -> None:
    """The first photo, else the first words, else that there is a sound."""
    if product.images:
        draw_photo(product.images[0], name, width, complain=st.caption)
    elif product.text.strip():
        st.caption(plain(f"“{' '.join(product.text.split())[:60]}”"))
    else:
        st.caption("Sound only")


def facts_of(product: CatalogueProduct) -> str:
    """'tea · Lark · sku 4711', without what the title says already."""
    labels = dict.fromkeys(label for label in product.labels.values() if label and label not in product.title)
    fields = [f"{name} {value}" for name, value in product.fields.items() if value]
    return shortened(" · ".join([*labels, *fields]), MOST_LETTERS)


def counts_of(product: CatalogueProduct) -> str:
    """'2 photos, 1 sound'."""
    return counted({name: sum(view.modality == name for view in product.views) for name in COUNTED})


def counted(counts: dict[Modality, int]) -> str:
    """{'image': 2} -> '2 photos'."""
    return ", ".join(f"{n:,} {COUNTED[name]}{'s' * (n != 1)}" for name, n in counts.items() if n)


def shortened(text: str, most: int) -> str:
    """One line of at most so many letters."""
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[: most - 1].rstrip()}…"
