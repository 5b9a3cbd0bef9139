"""Leaderboard: all recognisers on the same test products, and the figures of one for the inputs that are given."""

from __future__ import annotations

import streamlit as st

from retail.components.page_words import refusal
from retail.pages import _board, _figures, _scored
from retail.schema import UserError

TITLE = "Leaderboard"
ICON = ":material/leaderboard:"
ORDER = 5

SECTIONS = {_scored.BOARD: _board.draw, _scored.FIGURES: _figures.draw}

st.title("How good are the recognisers?", anchor=False)
try:
    view = _scored.choose()
except UserError as error:
    st.error(refusal(error))
else:
    _scored.draw_run_of(view)
    # Not a segmented control: its chosen word has too little contrast on a dark page.
    name = st.radio("Section", list(SECTIONS), key=_scored.SECTION, horizontal=True, label_visibility="collapsed")
    SECTIONS[name](view)
