"""The tab Add a product: what shows it, its name, and what is to be expected of it before it is kept.

In: photos, words, a sound. Out: a product of the catalogue.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from retail.catalogue.record import CatalogueProduct
from retail.catalogue.shelf import Shelf
from retail.components.media import draw_face
from retail.components.page_words import refusal
from retail.components.your_uploads import say_kept
from retail.escaping import plain
from retail.pages._catalogue_choose import Looked
from retail.pages._catalogue_inputs import Given, draw_given
from retail.pages._catalogue_product import NOTED
from retail.pages._catalogue_shelf import Stocked, draw_getting_ready, shelf_of
from retail.schema import Product, UserError
from retail.wording import task_title, whole_percent

if TYPE_CHECKING:
    from retail.catalogue.foresight import Foresight

LONGEST = 120  # letters of a name
CONFUSED, CONFUSED_PX = 4, 104  # neighbours that are shown
CONFUSED_LOOKS = """<style>
.st-key-confused {display: grid; gap: 0.5rem; grid-template-columns: repeat(auto-fill, minmax(96px, 1fr))}
.st-key-confused > div, [class*="st-key-confused_"] {width: 100% !important}
[class*="st-key-confused_"] img {height: 84px !important; object-fit: contain}
[class*="st-key-confused_"] p {overflow-wrap: anywhere}
</style>"""


def draw_add(looked: Looked) -> None:
    """The form, the forecast, and the button that keeps it."""
    left, right = st.columns(2, gap="large")
    with left:
        have = draw_given("new", record=True)
        words = st.text_area(
            "Description", key=f"catalogue_new_words_{have.generation}", height=90, placeholder="oat drink, 1 l carton"
        )
        name = st.text_input("Product name", key=f"catalogue_new_name_{have.generation}", max_chars=LONGEST)
        fields = _draw_fields(looked, have)
        say_kept("catalogue")
    shown = have.product(words)
    with right:
        _draw_foresight(looked, shown, name.strip())
        if st.button("Add this product", type="primary", disabled=not (shown.modalities and name.strip())):
            _keep(looked, have, CatalogueProduct("", name.strip(), fields[0], fields[1]), shown)


def _draw_fields(looked: Looked, have: Given) -> tuple[dict[str, str], dict[str, str]]:
    """Labels for the recogniser's questions and the fields of this catalogue, all optional."""
    tasks, known = looked.chosen.recognizer.vocabularies, looked.catalogue.field_names()
    key = have.generation
    with st.expander("Labels and fields (optional)"):
        st.caption("With a label it also counts for that question of the recogniser.")
        labels = {
            task: st.selectbox(
                plain(task_title(task)),
                classes.classes if len(classes) <= 500 else (),
                index=None,
                accept_new_options=True,
                key=f"catalogue_new_label_{task}_{key}",
                placeholder="choose or type",
            )
            for task, classes in tasks.items()
        }
        fields = {
            one: st.text_input(plain(task_title(one)), key=f"catalogue_new_field_{one}_{key}")
            for one in known or ["sku"]
        }
    return (
        {task: label for task, label in labels.items() if label},
        {one: value.strip() for one, value in fields.items() if value.strip()},
    )


def _draw_foresight(looked: Looked, shown: Product, name: str) -> None:
    """How well it will be recognised, and what it will be taken for."""
    if not shown.modalities:
        st.info("Give a photo, a description or a sound. One is enough; more make it easier to recognise.")
        return
    work = shelf_of(looked.chosen, looked.catalogue)
    work.wait(0.5)
    if work.running:  # without what the recogniser learned from it is there sooner
        work = shelf_of(looked.chosen, looked.catalogue, learned=False)
        work.wait(0.5)
    if work.running:
        st.caption("What to expect is said as soon as the catalogue is up to date. You need not wait for it.")
        draw_getting_ready(work)
        return
    if work.result is None:
        st.caption(plain(f"Nobody can tell what to expect: {work.error}"))
        return
    try:
        foresight = _foresee(work.result.shelf, shown, name)
    except UserError as error:
        st.warning(refusal(error))
        return
    with st.container(border=True):
        st.markdown("**What to expect**")
        st.markdown(plain(foresight.sentence))
        if foresight.confused_with:
            _draw_confused(work.result, foresight)


def _draw_confused(stocked: Stocked, foresight: Foresight) -> None:
    """The known products that it may be taken for, and how often."""
    st.html(CONFUSED_LOOKS)
    with st.container(horizontal=True, key="confused"):
        for place, (match, share) in enumerate(foresight.confused_with[:CONFUSED]):
            with st.container(gap="xsmall", key=f"confused_{place}"):
                title = match.title
                if shown := stocked.shown(match):
                    draw_face(shown, title, CONFUSED_PX)
                st.markdown(plain(title))
                st.caption(f"taken for it: {whole_percent(share)}")


def _foresee(shelf: Shelf, shown: Product, name: str) -> Foresight:
    with st.spinner("Looking at its neighbours …"):
        return shelf.foresee(shown, name or "this product")


def _keep(looked: Looked, have: Given, facts: CatalogueProduct, shown: Product) -> None:
    try:
        (kept,) = looked.catalogue.add([(facts, shown)])
    except UserError as error:
        st.error(refusal(error))
        return
    have.clear()
    st.session_state[NOTED] = f"Added “{kept.title}”. It is recognised from the next upload on."
    st.rerun()
