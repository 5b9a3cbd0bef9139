"""Known products in Recognise: the catalogue that answers too, the nearest products, and adding one.

In: the chosen recogniser. Out: a `Stocked` shelf that answers within seconds; rows that the recogniser learned from
join it when they are embedded, to be shown beside the answer, which they do not change.
"""

from __future__ import annotations

import streamlit as st

from retail import charts
from retail.catalogue.choice import catalogue_of, choose
from retail.catalogue.places import names
from retail.catalogue.record import CatalogueProduct
from retail.catalogue.shelf import Shelf
from retail.components.media import draw_photo
from retail.components.page_words import refusal
from retail.escaping import plain
from retail.files import PAGES
from retail.outside.limits import MAX_NAME_LETTERS
from retail.pages._catalogue_choose import catalogue_for
from retail.pages._catalogue_shelf import Stocked, draw_getting_ready, shelf_of
from retail.pages._recogniser import Chosen
from retail.schema import Match, Prediction, Product, Subset, UserError

WIDTH_PX = 145  # two beside each other on a phone
# A catalogue whose embeddings are kept is ready sooner; until one is, the last that was ready answers.
WAIT_SECONDS, LEARNED_SECONDS = 2.5, 0.5


def stocked_for(chosen: Chosen) -> Stocked:
    """What answers beside the classes now."""
    catalogue = catalogue_for(chosen)
    work = shelf_of(chosen, catalogue)
    work.wait(LEARNED_SECONDS)
    if work.result is None:
        work = shelf_of(chosen, catalogue, learned=False)
        work.wait(WAIT_SECONDS)
    name = f"stocked_{chosen.folder}_{catalogue.name}"
    ready = work.result or st.session_state.get(name)
    if ready is None:
        ready = Stocked(Shelf.of(chosen.recognizer, None), catalogue, {})
    st.session_state[name] = ready
    return ready


def draw_choice(chosen: Chosen) -> None:
    """Which catalogue answers with this recogniser; a choice is kept."""
    own = catalogue_of(chosen.folder)
    found = sorted({own, *names()}, key=str.casefold)
    if len(found) < 2:
        return
    key = f"catalogue_of_{chosen.folder}"
    st.session_state[key] = own
    st.selectbox(
        "Catalogue that answers too", found, key=key, on_change=lambda: choose(chosen.folder, st.session_state[key])
    )


def draw(chosen: Chosen, stocked: Stocked, product: Product, used: Subset, answer: Prediction) -> None:
    """The nearest known products, and adding the upload to them."""
    st.subheader("Similar known products", anchor=False)
    draw_choice(chosen)
    work = shelf_of(chosen, stocked.catalogue)
    if work.running:
        draw_getting_ready(work)
    elif said := stocked.missing or work.error:
        st.caption(plain(f"The training products cannot be shown: {said}"))
    draw_matches(stocked, used, answer)
    draw_enrol(stocked, product)


def draw_matches(stocked: Stocked, used: Subset, answer: Prediction) -> None:
    """The best example of each kind, beside one another."""
    if not answer.matches:
        st.caption("No known product shares an input with this upload.")
        return
    st.caption(
        f"The nearest of {len(stocked.learned):,} training products and {len(stocked.catalogue):,} of the catalogue "
        f"“{plain(stocked.catalogue.name)}”, one of each kind, by {charts.inputs_words(used)}."
    )
    with st.container(horizontal=True, gap="small"):
        for match in answer.matches:
            with st.container(width=WIDTH_PX):
                draw_match(match, stocked.shown(match))


def draw_match(match: Match, product: Product | None) -> None:
    """Picture or words of a known product, its name and how near it is."""
    for path in product.images[:1] if product else ():
        draw_photo(path, match.title, WIDTH_PX, complain=st.caption)
    st.markdown(f"**{plain(match.title)}**" + (" · *catalogue*" if match.name else ""))
    words = f"“{plain(product.text)}” · " if product and product.text.strip() else ""
    st.caption(f"{words}similarity {max(match.similarity.values(), default=0.0):.2f}")


def draw_enrol(stocked: Stocked, product: Product) -> None:
    """Keeps the upload as a product of the catalogue, once it is seen how well it will be recognised."""
    with st.expander("Add this upload to the catalogue"):
        st.caption(
            "From the next upload on it is recognised, without training. More photos, a description or its spoken "
            "name make it surer."
        )
        name = st.text_input("Product name", max_chars=MAX_NAME_LETTERS, key="enrol_name").strip()
        if name:
            st.markdown(plain(stocked.shelf.foresee(product, name).sentence))
        if st.button("Add to the catalogue", disabled=not name):
            try:
                stocked.catalogue.add([(CatalogueProduct("", name), product)])
            except UserError as error:
                st.error(refusal(error))
                return
            st.session_state.enrolled_note = f"Added “{name}”."
            del st.session_state["enrol_name"]
            st.rerun()
    if note := st.session_state.pop("enrolled_note", ""):
        st.success(plain(note))
    address = {"catalogue": stocked.catalogue.name}
    icon = ":material/inventory_2:"
    st.page_link(PAGES / "catalogue.py", label="Open the catalogue", icon=icon, query_params=address)
