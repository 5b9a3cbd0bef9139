"""Recognise: photos, a description and a sound in; the answer out; and a tab for many products at once."""

from __future__ import annotations

import streamlit as st

from retail.components.focus import keep_focus
from retail.pages import _bulk, _inputs, _known, _recogniser, _result, _strategies

TITLE = "Recognise"
ICON = ":material/photo_camera:"
ORDER = 1
# The answer is the largest after the title.
LOOKS = """<style>
[data-testid="stMain"] h2 {font-size: 1.6rem}
[data-testid="stMain"] h3 {font-size: 1.25rem}
</style>"""


def one_product() -> None:
    """The form's column beside the result's; on a phone one below the other, the answer right under the form."""
    left, right = st.columns([3, 5], gap="medium")
    with left:
        _inputs.draw(chosen.folder)
    with right:
        asked, stocked = _result.draw(chosen)
    if asked is not None:
        _known.draw(chosen, stocked, asked.product, asked.used, asked.answers[asked.used])
        _strategies.draw(chosen, asked)
    st.divider()
    _recogniser.draw_facts(chosen)
    _recogniser.draw_link(chosen, asked.used if asked else ())


st.html(LOOKS)
st.title("Recognise", anchor=False)
chosen = _recogniser.choose()
single, many = st.tabs(
    ["One product", "Many products"], default="Many products" if "bulk" in st.query_params else "One product"
)
with single:
    one_product()
with many:
    _bulk.draw(chosen)
keep_focus()
