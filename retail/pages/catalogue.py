"""Catalogue: the known products, found by words, photo or sound; add, import, edit, merge, remove, export."""

from __future__ import annotations

import streamlit as st

from retail.components.gallery import choose_page, close_product, open_product
from retail.escaping import plain
from retail.pages._catalogue_add import draw_add
from retail.pages._catalogue_cards import draw_cards, views_words
from retail.pages._catalogue_choose import Looked, choose_catalogue
from retail.pages._catalogue_export import draw_export
from retail.pages._catalogue_import import draw_import
from retail.pages._catalogue_product import draw_noted, draw_product
from retail.pages._catalogue_search import A_PAGE, draw_wish, find_or_say, found_sentence, page_key
from retail.pages._catalogue_shelf import draw_getting_ready, shelf_of
from retail.wording import number_of

TITLE = "Catalogue"
ICON = ":material/inventory_2:"
ORDER = 1.6
WAITED = "catalogue_waited"  # of the session: the work in the background that was waited for
EMPTY = (
    "This catalogue has no products yet. **Import** takes them from a data set; **Add a product** makes one from a "
    "photo, a description or a sound. On Recognise, every answer can be corrected to a new product, too."
)


def draw_products(looked: Looked) -> None:
    """The gallery, or the open product."""
    if not len(looked.catalogue):
        st.info(EMPTY)
        return
    opened = st.query_params.get("product", "")
    if opened and (product := looked.catalogue.get(opened)):
        draw_product(looked, product)
        return
    close_product()
    work = shelf_of(looked.chosen, looked.catalogue, learned=False)
    if work.running and st.session_state.get(WAITED) is not work:
        st.session_state[WAITED] = work
        work.wait(0.3)  # vectors that are kept need no longer; what needs more is not waited for again
    if work.running:
        draw_getting_ready(work)
    elif work.error:
        st.caption(plain(f"Search by likeness does not work now: {work.error}"))
    wish = draw_wish(looked)
    key = page_key(looked, wish)
    shown = find_or_say(looked, wish, st.session_state.get(key, 1))
    if shown is None:
        return
    if not shown.products:
        if st.session_state.pop(key, 1) > 1:  # somebody removed what stood here
            st.rerun()
        st.info("Nothing fits. Try fewer words, or take the filter away.")
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.caption(found_sentence(shown, wish))
        choose_page(shown.total, A_PAGE, key)
    draw_cards(shown.products, "gallery", open_product, shown.notes)


st.title("Catalogue", anchor=False)
looked = choose_catalogue()
draw_noted()
st.markdown(
    f"**{number_of(len(looked.catalogue), 'product')}**"
    + (f": {words}" if (words := views_words(looked.catalogue.counts())) else "")
)
names = ["Products", "Add a product", "Import", "Export"]
tabs = dict(zip(names, st.tabs(names), strict=True))
with tabs["Products"]:
    draw_products(looked)
with tabs["Add a product"]:
    draw_add(looked)
with tabs["Import"]:
    draw_import(looked)
with tabs["Export"]:
    draw_export(looked.catalogue)
