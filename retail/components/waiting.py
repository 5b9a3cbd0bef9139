"""How far work in the background is; the page is drawn again when it ends.

In: a `Background` and what is being done. Out: a bar on the page.
"""

from __future__ import annotations

from typing import Any

import streamlit as st

from retail.workspace.background import Background


@st.fragment(run_every=1)
def draw_waiting(work: Background[Any], doing: str) -> None:
    """'Putting the rows in order: 31 of 222', looked at each second."""
    if not work.running:
        st.rerun()
    counted = f": {work.done:,} of {work.total:,}" if work.total else " …"
    st.progress(work.share, f"{doing}{counted}")
