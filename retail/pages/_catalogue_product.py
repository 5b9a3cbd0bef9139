"""One product of a catalogue: everything that shows it, its name, labels and fields, merge and remove.

In: a `CatalogueProduct`. Out: changes in the catalogue, each kept at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from retail.catalogue.candidates import Candidate
from retail.catalogue.database import Catalogue
from retail.catalogue.record import CatalogueProduct, View
from retail.components.correct import draw_search
from retail.components.gallery import close_product
from retail.components.media import draw_photo, draw_sound
from retail.escaping import plain
from retail.pages._catalogue_cards import counts_of
from retail.pages._catalogue_inputs import draw_given
from retail.schema import UserError
from retail.wording import task_title

if TYPE_CHECKING:  # whose page head says what was done last
    from retail.pages._catalogue_choose import Looked

PHOTO_PX = 220
LONGEST = 400  # letters of a name, label or field
ORIGIN_WORDS = {"import": "imported", "enrolled": "added by hand", "correction": "from a correction"}
NOTED = "catalogue_noted"  # of the session: what was done last
FAILED = "catalogue_failed"  # of the session: why the last change was not made


def draw_product(looked: Looked, product: CatalogueProduct) -> None:
    """The open product."""
    st.button("All products", icon=":material/arrow_back:", on_click=close_product)
    st.subheader(plain(product.title), anchor=False)
    st.caption(plain(f"{counts_of(product) or 'Nothing shows it yet'} · id {product.id}"))
    left, right = st.columns([3, 2], gap="large")
    with left:
        _draw_views(looked.catalogue, product)
        _draw_add_views(looked.catalogue, product)
    with right:
        _draw_facts(looked, product)
        _draw_merge(looked.catalogue, product)
        if st.button("Remove this product …", key="catalogue_remove"):
            ask_remove(looked.catalogue, product)


def draw_noted() -> None:
    """What was done last, or why not, once."""
    if failed := st.session_state.pop(FAILED, ""):
        st.error(plain(failed))
    if noted := st.session_state.pop(NOTED, ""):
        st.success(plain(noted))


def _draw_views(catalogue: Catalogue, product: CatalogueProduct) -> None:
    """Photos beside each other, then words, then players; each can be removed."""
    of = {name: [view for view in product.views if view.modality == name] for name in ("image", "text", "audio")}
    with st.container(horizontal=True):
        for place, view in enumerate(of["image"]):
            with st.container(width=PHOTO_PX):
                assert isinstance(view.source, Path)
                draw_photo(view.source, f"{product.title} ({place + 1})", complain=st.caption)
                _draw_below(catalogue, view, f"photo {place + 1}")
    for place, view in enumerate(of["text"]):
        with st.container(border=True):
            st.markdown(f"“{plain(str(view.source))}”")
            _draw_below(catalogue, view, f"description {place + 1}")
    for place, view in enumerate(of["audio"]):
        with st.container(border=True):
            assert isinstance(view.source, Path)
            draw_sound(view.source)
            _draw_below(catalogue, view, f"sound {place + 1}")


def _draw_below(catalogue: Catalogue, view: View, name: str) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(ORIGIN_WORDS[view.origin], width="content")
        st.button(
            "Remove",
            key=f"remove_{view.id}",
            type="tertiary",
            help=f"Remove {name}",
            on_click=_done,
            args=(catalogue.remove_views, f"Removed {name}.", [view.id]),
        )


def _done(act, said: str, *given) -> None:
    """Does it, from a callback; the page says what was done or why not."""
    try:
        act(*given)
    except UserError as error:
        st.session_state[FAILED] = str(error)
        return
    st.session_state[NOTED] = said


def _draw_add_views(catalogue: Catalogue, product: CatalogueProduct) -> None:
    with st.expander("Add photos, a description or a sound"):
        have = draw_given(f"more_{product.id}", record=True)
        box = f"catalogue_more_words_{product.id}_{have.generation}"
        words = st.text_area("Description", key=box, height=90)
        shown = have.product(words)
        if st.button("Add to this product", disabled=not shown.modalities):
            _done(catalogue.add_views, "Added. It counts from the next answer on.", product.id, shown, "enrolled")
            if FAILED not in st.session_state:
                have.clear()
            st.rerun()


def _draw_facts(looked: Looked, product: CatalogueProduct) -> None:
    """Name, a line for each question and each field; an empty one is taken away, a new one added."""
    tasks = dict.fromkeys([*looked.chosen.recognizer.vocabularies, *product.labels])
    own = [task for task in tasks if product.labels.get(task) or task in looked.chosen.recognizer.vocabularies]
    with st.form(f"facts_{product.id}"):
        name = st.text_input("Name", product.name, max_chars=LONGEST)
        labels = {
            task: st.text_input(
                _title(task), product.labels.get(task, ""), max_chars=LONGEST, key=f"label_{task}_{product.id}"
            )
            for task in own
        }
        fields = {
            one: st.text_input(_title(one), value, max_chars=LONGEST, key=f"field_{one}_{product.id}")
            for one, value in product.fields.items()
        }
        left, right = st.columns(2)
        new = left.text_input("New field", placeholder="price", max_chars=80, key=f"new_field_{product.id}")
        value = right.text_input("Its value", placeholder="1.99", max_chars=LONGEST, key=f"new_value_{product.id}")
        if not st.form_submit_button("Save", type="primary"):
            return
    if new.strip():
        fields[new.strip()] = value
    _done(
        lambda: looked.catalogue.edit(product.id, name=name.strip(), labels=_filled(labels), fields=_filled(fields)),
        "Saved.",
    )
    st.rerun()


def _filled(values: Mapping[str, str]) -> dict[str, str]:
    return {name: value.strip() for name, value in values.items() if value.strip()}


def _title(name: str) -> str:
    return plain(task_title(name))


def _draw_merge(catalogue: Catalogue, product: CatalogueProduct) -> None:
    """The other product's views come here, and it goes."""
    with st.expander("Merge with another product"):
        chosen = st.session_state.get(f"merge_{product.id}")
        other = catalogue.get(chosen) if chosen else None
        if other is None:
            st.fragment(lambda: _draw_merge_search(catalogue, product))()
            return
        st.markdown(
            plain(
                f"“{other.title}” ({counts_of(other)}) becomes part of “{product.title}”, which keeps its name and "
                "takes the labels and fields that it lacks. This cannot be undone."
            )
        )
        with st.container(horizontal=True):
            said = f"Merged “{other.title}” into “{product.title}”."
            act = (catalogue.merge, said, product.id, [other.id])
            st.button("Merge", on_click=_done, args=act)
            st.button("Cancel", on_click=st.session_state.pop, args=(f"merge_{product.id}",))


def _draw_merge_search(catalogue: Catalogue, product: CatalogueProduct) -> None:
    def take(candidate: Candidate) -> None:
        st.session_state[f"merge_{product.id}"] = candidate.product_id
        st.rerun()

    draw_search(f"merge_{product.id}", None, {}, catalogue, take, label="Which product?", without=product.id)


@st.dialog("Remove this product?")
def ask_remove(catalogue: Catalogue, product: CatalogueProduct) -> None:
    """Asks once more."""
    st.write(
        plain(f"“{product.title}” and what shows it will be removed from “{catalogue.name}”. This cannot be undone.")
    )
    if st.button("Remove it", type="primary", on_click=_remove, args=(catalogue, product)):
        st.rerun()


def _remove(catalogue: Catalogue, product: CatalogueProduct) -> None:
    _done(catalogue.remove, f"Removed “{product.title}”.", [product.id])
    close_product()
