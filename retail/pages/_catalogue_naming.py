"""A catalogue gets another name, or goes with all its products, once somebody said so twice.

In: the catalogue that is looked at. Out: the page again, with it under its new name or with another one.
"""

from __future__ import annotations

import streamlit as st

from retail.catalogue import naming
from retail.catalogue.database import Catalogue
from retail.catalogue.places import LONGEST_NAME
from retail.components.words import plain
from retail.pages._catalogue_product import FAILED, NOTED
from retail.schema import UserError


def draw_naming(catalogue: Catalogue, kept: str) -> None:
    """A box for the new name and a button that asks before it deletes; `kept` is the session's chosen catalogue."""
    with st.form("rename_catalogue", border=False):
        name = st.text_input("New name", max_chars=LONGEST_NAME, placeholder=catalogue.name)
        if st.form_submit_button("Rename it", type="primary"):
            _rename(catalogue.name, name, kept)
    if st.button("Delete …", icon=":material/delete:"):
        _draw_delete(catalogue, kept)


def _rename(name: str, new: str, kept: str) -> None:
    try:
        st.session_state[kept] = naming.rename(name, new)
    except UserError as error:
        st.error(plain(str(error)))
        return
    st.session_state[NOTED] = f"“{name}” is now “{st.session_state[kept]}”."
    st.rerun()


@st.dialog("Delete this catalogue?")
def _draw_delete(catalogue: Catalogue, kept: str) -> None:
    count = len(catalogue)
    st.markdown(
        f"**{plain(catalogue.name)}** goes with {count:,} product{'s' * (count != 1)} and the files that were copied "
        "into it. Nothing brings them back; Export keeps a table."
    )
    if st.button("Delete it", type="primary", on_click=_delete, args=(catalogue.name, kept)):
        st.rerun()


def _delete(name: str, kept: str) -> None:
    try:
        naming.delete(name)
    except UserError as error:
        st.session_state[FAILED] = str(error)
        return
    st.session_state.pop(kept, None)
    st.session_state[NOTED] = f"“{name}” was deleted."
