"""Which catalogue is looked at, and with which recogniser's eyes; a new one, or another name; who answers with it.

In: the catalogues and recognisers of this machine. Out: `Looked`.
"""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from retail.catalogue.choice import OWN, catalogue_of, choose
from retail.catalogue.database import Catalogue
from retail.catalogue.places import LONGEST_NAME, names
from retail.components.kept_choice import choose_kept
from retail.components.page_words import refusal
from retail.escaping import plain
from retail.files import SHIPPED_CATALOGUES, home
from retail.pages._catalogue_naming import draw_naming
from retail.pages._recogniser import RECOGNISER, Chosen, all_recognisers, load_from, prepare_demo
from retail.schema import UserError
from retail.workspace.datasets import DEMO_NAME

KEPT = "catalogue"  # of the session: the chosen catalogue


@dataclass(frozen=True)
class Looked:
    """The catalogue that is looked at, and the recogniser that searches and forecasts in it."""

    catalogue: Catalogue
    chosen: Chosen


@st.cache_resource(show_spinner=False)
def open_catalogue(home_folder: str, name: str) -> Catalogue:
    """One object for all sessions; it notices what others write."""
    return Catalogue.open(name)


def catalogue_for(chosen: Chosen) -> Catalogue:
    """The catalogue that a recogniser answers with."""
    return open_catalogue(str(home()), catalogue_of(chosen.folder))


def choose_recogniser() -> Chosen:
    """The one that Recognise uses, as one box without its facts."""
    found = all_recognisers(str(home()))
    help_text = "Search by photo or sound and the forecast for a new product are as this one sees them."
    title = choose_kept("Recogniser", {name: name for name in found}, RECOGNISER, "recogniser", help_text)
    try:
        return Chosen(title, found[title], load_from(found[title]))
    except UserError as error:
        st.error(refusal(f"“{title}” cannot be used, so the demo is used instead. {error}"))
        return Chosen(DEMO_NAME, found[DEMO_NAME], load_from(found[DEMO_NAME]))


def choose_catalogue() -> Looked:
    """Two boxes, a way to a new catalogue, and whether the one answers with the other."""
    known = list(dict.fromkeys([*names(), OWN]))
    asked = st.query_params.get("catalogue", "")
    if asked in known and st.session_state.get("catalogue_asked") != asked:
        st.session_state[KEPT] = st.session_state.catalogue_asked = asked
    prepare_demo(str(home()))
    left, right = st.columns(2)
    with right:
        chosen = choose_recogniser()
    st.session_state.setdefault(KEPT, catalogue_of(chosen.folder))
    with left:
        name = choose_kept("Catalogue", {one: one for one in known}, KEPT)
    looked = Looked(open_catalogue(str(home()), name), chosen)
    with st.container(horizontal=True, vertical_alignment="center"):
        _draw_answers_with(looked)
        with st.popover("New catalogue", icon=":material/add:"):
            _draw_new()
        if name != OWN and name not in SHIPPED_CATALOGUES:
            with st.popover("Rename or delete", icon=":material/edit:"):
                draw_naming(looked.catalogue, KEPT, open_catalogue.clear)
    return looked


def _draw_answers_with(looked: Looked) -> None:
    """Whether this recogniser answers with this catalogue, and a button that makes it so."""
    name, title = looked.catalogue.name, looked.chosen.title
    if (now := catalogue_of(looked.chosen.folder)) == name:
        st.caption(plain(f"“{title}” answers with this catalogue."), width="content")
        return
    st.caption(plain(f"“{title}” answers with “{now}”."), width="content")
    st.button("Answer with this one", on_click=choose, args=(looked.chosen.folder, name))


def _draw_new() -> None:
    with st.form("new_catalogue", border=False, clear_on_submit=True):
        name = st.text_input("Name", max_chars=LONGEST_NAME, placeholder="Spring range")
        if not st.form_submit_button("Make it", type="primary"):
            return
    try:
        st.session_state[KEPT] = open_catalogue(str(home()), name.strip()).name
    except UserError as error:
        st.error(refusal(error))
        return
    st.rerun()
