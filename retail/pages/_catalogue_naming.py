"""A catalogue gets another name, or goes with all its products, once somebody said so twice.

In: the catalogue that is looked at. Out: the page again, with it under its new name or with another one.
"""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from retail.catalogue import naming
from retail.catalogue.database import Catalogue
from retail.catalogue.places import LONGEST_NAME
from retail.components.page_words import refusal
from retail.escaping import plain
from retail.pages._catalogue_product import FAILED, NOTED
from retail.schema import UserError
from retail.wording import number_of


def draw_naming(catalogue: Catalogue, kept: str, changed: Callable[[], None]) -> None:
    """A box for the new name and a button that asks before it deletes.

    `kept` is the session's chosen catalogue; `changed` is called where objects that are kept open no longer serve.
    """
    with st.form("rename_catalogue", border=False):
        name = st.text_input("New name", max_chars=LONGEST_NAME, placeholder=catalogue.name)
        if st.form_submit_button("Rename it", type="primary"):
            _rename(catalogue.name, name, kept, changed)
    if st.button("Delete …", icon=":material/delete:"):
        _ask_delete(catalogue.name, len(catalogue), kept, changed)


def _rename(name: str, new: str, kept: str, changed: Callable[[], None]) -> None:
    try:
        st.session_state[kept] = naming.rename(name, new)
    except UserError as error:
        st.error(refusal(error))
        return
    changed()
    st.session_state[NOTED] = f"“{name}” is now “{st.session_state[kept]}”."
    st.rerun()


@st.dialog("Delete this catalogue?")
def _ask_delete(name: str, count: int, kept: str, changed: Callable[[], None]) -> None:
    """Asks once more; it is drawn again when the catalogue is gone already."""
    st.markdown(
        f"**{plain(name)}** goes with {number_of(count, 'product')} and the files that were copied into it. "
        "Nothing brings them back; Export keeps a table."
    )
    if st.button("Delete it", type="primary", on_click=_delete, args=(name, kept, changed)):
        st.rerun()


def _delete(name: str, kept: str, changed: Callable[[], None]) -> None:
    try:
        naming.delete(name)
    except UserError as error:
        st.session_state[FAILED] = str(error)
        return
    changed()
    st.session_state.pop(kept, None)
    st.session_state[NOTED] = f"“{name}” was deleted."
