"""One product of a data set: everything that it has, where it stands, and its labels, which can be changed in place.

In: the chosen data's `Desk` and a product. Out: decisions kept beside the data; the table itself is never written.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import streamlit as st

from retail.components.gallery import close_product
from retail.components.media import draw_large_photo, draw_sound
from retail.dataset.row_decisions import START
from retail.escaping import plain
from retail.pages._data_row_decisions import Desk, draw_decided, settled
from retail.schema import Modality, Product
from retail.wording import missing_words, task_title

PHOTO_PX = 300
NO_LABEL = ""


def opened(desk: Desk) -> Product | None:
    """The product that the address names, if these data have it."""
    product = desk.products.get(st.query_params.get("product", ""))
    if product is None:
        close_product()
    return product


def draw_product(desk: Desk, product: Product) -> None:
    """What it has on the left, what is said about it on the right."""
    st.button("All products", icon=":material/arrow_back:", on_click=close_product)
    st.subheader(plain(product.id), anchor=False)
    st.caption(plain(desk.place(product.id)))
    left, right = st.columns([3, 2], gap="large")
    with left:
        _draw_inputs(product, desk.manifest.given)
    with right:
        _draw_labels(desk, product)
        _draw_problems(desk, product)


def _draw_inputs(product: Product, given: Collection[Modality]) -> None:
    """Photos beside each other, then words, then the clip; what is missing is said."""
    if product.images:
        with st.container(horizontal=True):
            for place, photo in enumerate(product.images):
                with st.container(width=PHOTO_PX):
                    draw_large_photo(photo, f"{product.id} ({place + 1})")
    if product.text.strip():
        st.markdown(f"“{plain(product.text)}”")
    if isinstance(product.audio, Path):
        draw_sound(product.audio)
    if missing := missing_words(product, given):
        st.caption(f"No {missing}.")


def _draw_labels(desk: Desk, product: Product) -> None:
    """A box for each label column; another choice counts at once, and every one can be taken back."""
    manifest = desk.manifest
    desk.complain()
    st.markdown("**Labels**")
    if not manifest.label_columns:
        st.caption("No column looks like a label.")
    for column in manifest.label_columns:
        _draw_label(desk, product, column)
    if desk.dataset.is_demo:
        st.caption("The demo is built in: its labels cannot be changed.")
    else:
        st.caption("A change counts for the next training. Your table stays as it is.")
    decided = [pair for pair in settled(manifest) if pair[1].startswith(f"{START}{product.id}:")]
    if decided:
        draw_decided(desk, decided)


def _draw_label(desk: Desk, product: Product, column: str) -> None:
    now, own = product.labels.get(column, NO_LABEL), desk.manifest.own_names.get(column, column)
    classes = desk.manifest.classes[column]
    key = f"label_{desk.dataset.id}_{column}_{product.id}_{now}"
    st.selectbox(
        plain(task_title(own)),
        classes,
        classes.index(now) if now else None,
        key=key,
        placeholder="No label",
        disabled=desk.dataset.is_demo or column not in desk.manifest.own_names,
        on_change=lambda: desk.decide([f"{START}{product.id}:{own}={st.session_state[key]}"]),
    )


def _draw_problems(desk: Desk, product: Product) -> None:
    """What is wrong in its row, and what to do."""
    line = desk.manifest.lines.get(product.id)
    found = [plain(one.message) for one in desk.manifest.problems if line is not None and one.line == line]
    if found:
        st.warning("\n\n".join(found))
